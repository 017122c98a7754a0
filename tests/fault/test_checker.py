"""The checker finds whatever went wrong: each line of the tables is one thing that must never happen."""

import secrets
from copy import deepcopy
from dataclasses import replace

import pytest

from activities.closing import close_confirmation, consume_confirmation, read_outcome
from activities.voting import record_vote
from cosignet.core.canonical import parse
from cosignet.core.encoding import sha256
from tests.acme import found_acme
from tests.fault.checker import Findings, check
from tests.fault.collecting import collect
from tests.fault.history import History
from tests.publishing import published


@pytest.fixture(scope="module")
async def lived(tmp_path_factory):
    """One confirmation of each end, as its external id says; what was told, and what is there."""
    folder = tmp_path_factory.mktemp("lived")
    async with published(f"sqlite:///{folder}/cosignet.db", folder) as database:
        yield await live(await found_acme(database))


async def live(acme):
    history = History()
    for key in ("approved", "rejected", "cancelled"):
        row = await acme.ask(secrets.token_hex(16), external_id=key)
        history.asked[key] = parse(row.payload)
        history.is_created(key, row.id)
        await end(acme, history, row, key)
        history.has_status(row.id, key)
    ids = [answers[0] for answers in history.created.values()]
    outcomes = {confirmation: await read_outcome(acme.deployment, confirmation) for confirmation in ids}
    pinned = {name: [passkey.credential] for name, passkey in acme.passkeys.items()}
    return history, await collect(acme, pinned, outcomes)


async def end(acme, history, row, how):
    if how == "cancelled":
        await close_confirmation(acme.deployment, row.id, how)
        return
    nonce, vote = await acme.sign(row.id, "anna", "approve" if how == "approved" else "reject")
    assert (await record_vote(acme.deployment, row.id, vote)).answer.accepted
    history.signed.add(nonce)
    history.is_voted(nonce, row.id, acme.people["anna"].id)
    if how == "approved":
        await consume_confirmation(acme.deployment, row.id, sha256(row.payload), "worker")
        history.is_consumed(row.id, "worker")


def that(found, ending):
    """The confirmation that ended so."""
    return next(row.id for row in found.rows.values() if row.external_id == ending)


def change(found, ending, **columns):
    found.rows[that(found, ending)] = replace(found.rows[that(found, ending)], **columns)


def believe(found, ending, status):
    """Its workflow returned something else."""
    found.outcomes[that(found, ending)] = replace(found.outcomes[that(found, ending)], status=status)


def event(found, kind):
    return next(event for event in found.events if event.type == f"confirmation.{kind}")


FALSE_APPROVALS = {
    "the evidence does not verify": lambda _, found: found.verdicts.update({that(found, "approved"): "policy.quorum"}),
    "a row without votes says so": lambda _, found: change(found, "cancelled", status="approved"),
    "a row with a rejection says so": lambda _, found: change(found, "rejected", status="approved"),
    "a workflow alone says so": lambda _, found: believe(found, "cancelled", "approved"),
    "a client alone was told so": lambda history, found: history.has_status(that(found, "cancelled"), "approved"),
    "it was used": lambda _, found: change(found, "rejected", consumer="worker"),
}
LOST = {
    "a request": lambda _, found: found.rows.pop(that(found, "rejected")),
    "a vote": lambda _, found: found.votes.pop(),
    "whose vote it was": lambda _, found: found.votes.append(replace(found.votes.pop(), person_id="other")),
    "an end": lambda _, found: change(found, "rejected", status="pending"),
    "which end it was": lambda _, found: change(found, "cancelled", status="expired"),
    "a use": lambda _, found: change(found, "approved", consumer=None),
    "the event of a request": lambda _, found: found.events.remove(event(found, "requested")),
    "the event of a vote": lambda _, found: found.events.remove(event(found, "voted")),
    "the event of an end": lambda _, found: found.events.remove(event(found, "cancelled")),
    "the event of a use": lambda _, found: found.events.remove(event(found, "consumed")),
}
DOUBLED = {
    "the row of a request": lambda _, found: found.rows.update(
        other=replace(found.rows[that(found, "rejected")], id="other")
    ),
    "the answer to a request": lambda history, _: history.is_created("rejected", "other"),
    "the vote of a person": lambda _, found: found.votes.append(replace(found.votes[0], nonce=bytes(32))),
    "the use": lambda history, found: history.is_consumed(that(found, "approved"), "other"),
    "the event of an end": lambda _, found: found.events.append(replace(event(found, "approved"), id="other")),
    "the end in the events": lambda _, found: found.events.append(
        replace(event(found, "cancelled"), id="other", confirmation_id=that(found, "rejected"))
    ),
}
DISAGREEMENTS = {
    "the workflow does not end": lambda _, found: found.outcomes.pop(that(found, "rejected")),
    "the workflow ends otherwise": lambda _, found: believe(found, "rejected", "expired"),
    "the row does not end": lambda _, found: change(found, "cancelled", status="pending"),
    "the row names another event": lambda _, found: change(found, "rejected", outcome_event=found.events[0].id),
    "the events have a gap": lambda _, found: found.events.append(replace(found.events.pop(), sequence=99)),
    "a vote was refused": lambda history, _: history.is_refused(next(iter(history.voted)), "vote.person"),
    "nobody signed that vote": lambda history, _: history.signed.clear(),
    "nobody asked for that": lambda _, found: change(found, "rejected", payload=b"{}"),
}
TABLES = {
    "false_approvals": FALSE_APPROVALS,
    "lost": LOST,
    "doubled": DOUBLED,
    "disagreements": DISAGREEMENTS,
}


def test_nothing_is_found_where_all_went_well(lived):
    assert check(*lived) == Findings()


@pytest.mark.parametrize(("kind", "what"), [(kind, what) for kind, table in TABLES.items() for what in table])
def test_it_is_found(kind, what, lived):
    history, found = deepcopy(lived)
    TABLES[kind][what](history, found)
    assert getattr(check(history, found), kind)
