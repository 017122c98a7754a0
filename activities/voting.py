"""`record_vote`: the one place where a vote becomes true, and with it, perhaps, a decision."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from activities.matters import credential_of, matter_of, outcome_of, verified_votes, vote_evidence
from activities.revealing import is_public, public_addresses
from activities.second_opinion import require_second_opinion
from cosignet.core.assertion import Assertion
from cosignet.core.decision import Decision, Matter, Status, Vote, recount, verify_vote
from cosignet.core.encoding import from_b64u
from cosignet.core.evidence import assertion_from_json
from cosignet.core.outcome import outcome_record, vote_record
from cosignet.core.terms import Terms, nonce_of
from cosignet.errors import Conflict, CosignetError, Malformed, Refused, Unavailable
from cosignet.temporal.contract import Outcome, VoteAnswer, VoteInput
from store.confirmations import decide, get_confirmation
from store.credentials import get_credential, get_credentials, record_use
from store.events import Content, add_events
from store.rows import CeremonyRow, Confirmation, CredentialRow, VoteRow
from store.votes import get_ceremony, get_vote, insert_vote, list_votes, revoked_votes, use_ceremony, void_votes

MAX_PART = 8 * 1024


@dataclass(frozen=True)
class Recorded:
    """What became of a vote, and the outcome when it decided the matter or the matter was decided already."""

    answer: VoteAnswer
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Submission:
    """A vote as submitted: the context's canonical bytes and the assertion."""

    context: bytes
    assertion: Assertion

    @property
    def nonce(self) -> bytes:
        """The identity of the vote, 32 bytes."""
        return nonce_of(self.context)


def read_submission(vote: VoteInput) -> Submission:
    """Decode a vote. Raises `Malformed("vote.size")` or `Malformed("encoding.base64url")`."""
    parts = vars(vote)
    if any(len(part) > MAX_PART for part in parts.values()):
        raise Malformed("vote.size", f"no part of a vote is longer than {MAX_PART} characters")
    return Submission(from_b64u(vote.context), assertion_from_json(parts.__getitem__))


async def record_vote(deployment: Deployment, confirmation: str, vote: VoteInput) -> Recorded:
    """Count a vote, once: a nonce that is known answers what it answered before.

    Refusals are answers, not errors. Only a silent dependency raises (`Unavailable`): then nothing is recorded, or
    what is recorded is not in the log yet, and submitting the same vote again finds out.
    """
    try:
        submission = read_submission(vote)
        async with deployment.database.write() as tx:
            row, votes = await _record(tx, deployment, confirmation, submission)
    except Unavailable:
        raise
    except CosignetError as error:
        return await _refused(deployment, confirmation, error)
    row = await deployment.appender.announce(row)
    return _recorded(VoteAnswer(accepted=True, status=row.announced), row, votes)


async def find_vote(deployment: Deployment, confirmation: str, nonce: bytes) -> VoteAnswer | None:
    """What a vote was answered, if it was counted: for a caller whose answer got lost."""
    async with deployment.database.read() as tx:
        known = await get_vote(tx, nonce)
        row = await get_confirmation(tx, confirmation)
    if known is None or row is None or known.confirmation_id != confirmation:
        return None
    row = await deployment.appender.announce_now(row)
    return VoteAnswer(accepted=True, status=row.announced)


async def _record(
    tx: AsyncConnection, deployment: Deployment, confirmation: str, submission: Submission
) -> tuple[Confirmation, list[VoteRow]]:
    row = await get_confirmation(tx, confirmation, lock=True)
    if row is None:
        raise Refused("confirmation.unknown", "there is no such confirmation")
    known = await get_vote(tx, submission.nonce)
    if known is not None and known.confirmation_id == confirmation:
        return row, await list_votes(tx, confirmation)
    at = await deployment.database.clock(tx)
    matter = matter_of(row, deployment.rp)
    ceremony, credential = await _require_issued(tx, confirmation, submission)
    vote = verify_vote(matter, submission.context, submission.assertion, credential_of(credential))
    require_second_opinion(matter, vote, submission.assertion)
    before, votes = await _recount(tx, row, matter, at)
    after = before.cast(matter, vote, at=at)
    if not await use_ceremony(tx, vote.nonce, at=at):
        raise Refused("ceremony.invalid", "this ceremony is used or took too long; start again")
    votes = [*votes, await _insert(tx, row, ceremony, submission, vote, at)]
    proof = vote.proof
    cloned = await record_use(tx, credential, sign_count=proof.sign_count, backed_up=proof.backed_up, at=at)
    return await _report(tx, row, matter.terms, votes, after.status, cloned, at), votes


async def _require_issued(
    tx: AsyncConnection, confirmation: str, submission: Submission
) -> tuple[CeremonyRow, CredentialRow]:
    ceremony = await get_ceremony(tx, submission.nonce)
    if ceremony is None or ceremony.confirmation_id != confirmation:
        raise Refused("ceremony.unknown", "this context was not issued here")
    credential = await get_credential(tx, submission.assertion.credential_id)
    if credential is None or credential.person_id != ceremony.person_id:
        raise Refused("assertion.key", "this passkey is not enrolled for this person")
    return ceremony, credential


async def _recount(
    tx: AsyncConnection, row: Confirmation, matter: Matter, at: datetime
) -> tuple[Decision, list[VoteRow]]:
    """Where the matter stands, without the votes whose passkey or person was revoked in the meantime."""
    if Status(row.status).final:
        raise Conflict("decision.final", "this is decided already")
    votes = await list_votes(tx, row.id)
    revoked = await revoked_votes(tx, row.id) if votes else []
    if revoked:
        await void_votes(tx, revoked, at=at)
        votes = [vote for vote in votes if vote.nonce not in revoked]
    credentials = await get_credentials(tx, [vote.credential_id for vote in votes]) if votes else []
    return recount(matter, verified_votes(matter, votes, credentials)), votes


async def _insert(
    tx: AsyncConnection, row: Confirmation, ceremony: CeremonyRow, submission: Submission, vote: Vote, at: datetime
) -> VoteRow:
    assertion = submission.assertion
    return await insert_vote(
        tx,
        nonce=vote.nonce,
        confirmation_id=row.id,
        person_id=vote.context.approver,
        seat=vote.seat,
        decision=vote.context.decision,
        reason=ceremony.reason,
        context=submission.context,
        credential_id=assertion.credential_id,
        authenticator_data=assertion.authenticator_data,
        client_data=assertion.client_data,
        signature=assertion.signature,
        user_handle=assertion.user_handle,
        counted_at=at,
    )


async def _report(
    tx: AsyncConnection,
    row: Confirmation,
    terms: Terms,
    votes: Sequence[VoteRow],
    status: Status,
    cloned: bool,
    at: datetime,
) -> Confirmation:
    """Record the newest vote's event, and the decision where it decides; the row as it stands from now on."""
    signed = vote_record(vote_evidence(votes[-1]))
    events: list[tuple[str, Content]] = [
        ("confirmation.voted", {"confirmation": row.id, **signed, "sign_count_decreased": cloned})
    ]
    if status.final:
        addresses = await public_addresses(tx, votes) if is_public(terms, status) else {}
        counted = [(vote_evidence(vote), vote.counted_at) for vote in votes]
        events.append((f"confirmation.{status}", outcome_record(row.id, row.terms_hash, counted, addresses)))
    *_, event = await add_events(tx, row.organisation_id, events, confirmation=row, at=at)
    await _require_unrevoked(tx, row.id)
    if not status.final:
        return row
    if not await decide(tx, row.id, status, event=event, at=at):
        raise Conflict("decision.final", "decided meanwhile")
    return replace(row, status=status.value, decided_at=at, outcome_event=event)


async def _require_unrevoked(tx: AsyncConnection, confirmation: str) -> None:
    # The vote's event holds the organisation's row until the commit, and every revocation writes an event too:
    # one that is not seen here comes after this vote.
    if await revoked_votes(tx, confirmation):
        raise Refused("credential.revoked", "a passkey or person behind this vote has been revoked")


async def _refused(deployment: Deployment, confirmation: str, error: CosignetError) -> Recorded:
    async with deployment.database.read() as tx:
        row = await get_confirmation(tx, confirmation)
        votes = await list_votes(tx, confirmation) if row else []
    if row is None:
        return Recorded(VoteAnswer(accepted=False, status="unknown", code=error.code, detail=error.detail))
    if Status(row.status).final:
        row = await deployment.appender.announce(row)
    answer = VoteAnswer(accepted=False, status=row.announced, code=error.code, detail=error.detail)
    return _recorded(answer, row, votes)


def _recorded(answer: VoteAnswer, row: Confirmation, votes: Sequence[VoteRow]) -> Recorded:
    return Recorded(answer, outcome_of(row, votes) if row.announced.final else None)
