"""Compares what clients were told with rows, events, evidence and workflows. It shares nothing with those who acted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import from_b64u
from cosignet.temporal.contract import Outcome
from store.rows import Confirmation, Event, VoteRow
from tests.fault.history import FINAL, History


@dataclass
class Found:
    """What is there when all is quiet. `verdicts` are of evidence that verifies now, `outcomes` the workflows' own."""

    rows: dict[str, Confirmation]
    votes: list[VoteRow]
    events: list[Event]
    verdicts: dict[str, str]
    outcomes: dict[str, Outcome]


@dataclass
class Findings:
    """Nothing of this may ever be found."""

    false_approvals: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


def check(history: History, found: Found) -> Findings:
    """Everything that was told is there, once, and nothing else is; whoever says approved has the votes for it."""
    findings = Findings()
    _check_approvals(history, found, findings)
    _check_requests(history, found, findings)
    _check_votes(history, found, findings)
    _check_endings(history, found, findings)
    _check_uses(history, found, findings)
    _check_events(found, findings)
    return findings


def _check_approvals(history: History, found: Found, findings: Findings) -> None:
    rows, outcomes = found.rows.values(), found.outcomes.values()
    claims = {
        "a client was told": {c for c, statuses in history.statuses.items() if "approved" in statuses},
        "the row says": {row.id for row in rows if row.status == "approved"},
        "the workflow says": {outcome.confirmation for outcome in outcomes if outcome.status == "approved"},
        "an event says": {event.confirmation_id for event in found.events if event.type == "confirmation.approved"},
        "it was used, so": {*history.consumed, *(row.id for row in rows if row.consumer is not None)},
    }
    for who, confirmations in claims.items():
        unproven = [c for c in confirmations if found.verdicts.get(c or "") != "approved"]
        findings.false_approvals += [f"{who} that {confirmation} is approved" for confirmation in unproven]


def _check_requests(history: History, found: Found, findings: Findings) -> None:
    rows = Counter(row.external_id for row in found.rows.values())
    findings.doubled += [f"request {key} has {number} rows" for key, number in rows.items() if number > 1]
    for key, answers in history.created.items():
        findings.doubled += [f"request {key} was answered with {answers}"] if len(set(answers)) > 1 else []
        findings.lost += [f"confirmation {confirmation}" for confirmation in set(answers) - set(found.rows)]
    for row in found.rows.values():
        if canonicalise(history.asked.get(row.external_id, {})) != row.payload:
            findings.disagreements.append(f"{row.id} is about something that nobody asked")


def _check_votes(history: History, found: Found, findings: Findings) -> None:
    votes = {vote.nonce: (vote.confirmation_id, vote.person_id) for vote in found.votes}
    told = {from_b64u(nonce): vote for nonce, vote in history.voted.items()}
    findings.lost += [f"vote {vote}" for nonce, vote in told.items() if votes.get(nonce) != vote]
    people = Counter((vote.confirmation_id, vote.person_id) for vote in found.votes)
    findings.doubled += [f"{number} votes of {vote}" for vote, number in people.items() if number > 1]
    refused = {from_b64u(nonce): code for nonce, code in history.refused.items()}
    findings.disagreements += [f"{votes[nonce]} counts, told {refused[nonce]}" for nonce in votes.keys() & refused]
    signed = {from_b64u(nonce) for nonce in history.signed}
    findings.disagreements += [f"nobody signed the vote {votes[nonce]}" for nonce in votes.keys() - signed]


def _check_endings(history: History, found: Found, findings: Findings) -> None:
    for confirmation, statuses in history.statuses.items():
        status = found.rows[confirmation].status if confirmation in found.rows else "gone"
        findings.lost += [f"{confirmation} was {told}, is {status}" for told in set(statuses) - {status}]
    for row in found.rows.values():
        outcome = found.outcomes.get(row.id)
        if outcome is None or (outcome.status, outcome.event) != (row.status, row.outcome_event):
            findings.disagreements.append(f"{row.id} is {row.status}, its workflow says {outcome}")
        if row.status not in FINAL:
            findings.disagreements.append(f"{row.id} is still {row.status}")


def _check_uses(history: History, found: Found, findings: Findings) -> None:
    for confirmation, consumers in history.consumed.items():
        findings.doubled += [f"{confirmation} was used by {consumers}"] if len(set(consumers)) > 1 else []
        used_by = found.rows[confirmation].consumer if confirmation in found.rows else None
        findings.lost += [f"{confirmation} was used by {told}, not {used_by}" for told in set(consumers) - {used_by}]


def _check_events(found: Found, findings: Findings) -> None:
    """One event for each thing that is true, none for anything else, numbered without gaps."""
    about = {
        event.id: (event.type.removeprefix("confirmation."), event.confirmation_id)
        for event in found.events
        if event.confirmation_id
    }
    written, true = Counter(about.values()), Counter(_truths(found))
    findings.lost += [f"the event of {what}" for what in true - written]
    findings.doubled += [f"an event of {what}" for what in written - true]
    for row in found.rows.values():
        if row.outcome_event and about.get(row.outcome_event) != (row.status, row.id):
            findings.disagreements.append(f"{row.id} names another event as its outcome")
    if sorted(event.sequence for event in found.events) != list(range(1, len(found.events) + 1)):
        findings.disagreements.append("the events are not numbered without gaps")


def _truths(found: Found) -> Iterator[tuple[str, str]]:
    for row in found.rows.values():
        yield "requested", row.id
        if row.status in FINAL:
            yield row.status, row.id
        if row.consumer is not None:
            yield "consumed", row.id
    for vote in found.votes:
        yield "voted", vote.confirmation_id
