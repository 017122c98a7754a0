"""How a confirmation ends without being decided, how it is read, and how an approval is used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from activities.matters import matter_of, outcome_of, verified_votes
from cosignet.core.decision import Decision, Status, recount
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.errors import Conflict, CosignetError, NotFound
from cosignet.temporal.contract import Outcome
from store.confirmations import Filter, consume, decide, get_confirmation, list_confirmations
from store.credentials import get_credentials
from store.events import add_event
from store.rows import Confirmation, VoteRow
from store.votes import list_votes, list_votes_of, revoked_votes

ClosingStatus = Literal["expired", "cancelled"]
# Room for namespace, workflow, run and activity, however long their names are.
MAX_CONSUMER = 2_000


@dataclass(frozen=True)
class Standing:
    """A confirmation as it stands: its row, its counted votes, and whether the approval may be used now."""

    row: Confirmation
    votes: list[VoteRow]
    usable: bool


async def close_confirmation(deployment: Deployment, confirmation: str, status: ClosingStatus) -> Outcome:
    """End a pending confirmation, and answer how it really ended: a decided one stays decided.

    Raises `NotFound("confirmation.unknown")`, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        row = await _require(tx, confirmation, lock=True)
        if row.status == Status.PENDING:
            # Through the core, so that nothing but expiry and cancellation can come in by this door.
            closed = Decision().close(Status(status))
            await _close(tx, deployment, row, closed.status)
            row = await _require(tx, confirmation)
        votes = await list_votes(tx, confirmation)
    return outcome_of(await deployment.appender.announce(row), votes)


async def read_outcome(deployment: Deployment, confirmation: str) -> Outcome | None:
    """The stored outcome, once it is in the log; `None` while pending.

    Raises `NotFound("confirmation.unknown")`, `Unavailable`.
    """
    async with deployment.database.read() as tx:
        row = await _require(tx, confirmation)
        votes = await list_votes(tx, confirmation)
    if not Status(row.status).final:
        return None
    return outcome_of(await deployment.appender.announce(row), votes)


async def read_standing(deployment: Deployment, confirmation: str) -> Standing:
    """The confirmation as callers see it. Raises `NotFound("confirmation.unknown")`, `Unavailable`."""
    async with deployment.database.read() as tx:
        return await standing_of(tx, deployment, await _require(tx, confirmation))


async def list_standings(
    deployment: Deployment, organisation: str, owner: str, wanted: Filter, *, limit: int
) -> list[Standing]:
    """An owner's confirmations as callers see them, newest first. Raises `Unavailable`."""
    async with deployment.database.read() as tx:
        return await _standings(tx, deployment, await list_confirmations(tx, organisation, owner, wanted, limit=limit))


async def standing_of(tx: AsyncConnection, deployment: Deployment, row: Confirmation) -> Standing:
    """How one row stands, inside a transaction of the caller's."""
    return (await _standings(tx, deployment, [row]))[0]


async def consume_confirmation(
    deployment: Deployment, confirmation: str, payload_hash: bytes, consumer: str
) -> Standing:
    """Use an approval up, once: the same consumer gets the same answer again, any other is refused.

    Raises `NotFound`, `Conflict` with `payload.mismatch`, `confirmation.not_approved`, `confirmation.consumed`,
    `confirmation.revoked` or `time.validity`, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        row = await _require(tx, confirmation, lock=True)
        if sha256(row.payload) != payload_hash:
            raise Conflict("payload.mismatch", "this is not the payload that was approved; nothing was consumed")
        if row.consumer != consumer:
            await _consume(tx, deployment, row, consumer)
            row = await _require(tx, confirmation)
        standing = await standing_of(tx, deployment, row)
    await deployment.appender.append_to_log()
    return standing


async def _consume(tx: AsyncConnection, deployment: Deployment, row: Confirmation, consumer: str) -> None:
    at = await deployment.database.clock(tx)
    if row.announced is not Status.APPROVED:
        raise Conflict("confirmation.not_approved", f"this confirmation is {row.announced}, not approved")
    if row.consumer is not None:
        raise Conflict("confirmation.consumed", "this approval has been used by another consumer")
    if at >= row.valid_until:
        raise Conflict("time.validity", f"the approval was valid until {instant(row.valid_until)}")
    if await revoked_votes(tx, row.id):
        raise Conflict("confirmation.revoked", "a passkey or person behind this approval has been revoked")
    if not await _is_proven(tx, deployment, row, await list_votes(tx, row.id)):
        raise Conflict("confirmation.not_approved", "what is recorded does not prove an approval")
    await consume(tx, row.id, consumer, at=at)
    record = {"confirmation": row.id, "payload": b64u(sha256(row.payload)), "consumer": consumer}
    await add_event(tx, row.organisation_id, "confirmation.consumed", record, confirmation=row, at=at)


async def _close(tx: AsyncConnection, deployment: Deployment, row: Confirmation, status: Status) -> None:
    at = await deployment.database.clock(tx)
    record = {"confirmation": row.id, "terms": b64u(row.terms_hash)}
    event = await add_event(tx, row.organisation_id, f"confirmation.{status}", record, confirmation=row, at=at)
    await decide(tx, row.id, status, event=event, at=at)


async def _standings(tx: AsyncConnection, deployment: Deployment, rows: Sequence[Confirmation]) -> list[Standing]:
    votes = await list_votes_of(tx, [row.id for row in rows])
    at = await deployment.database.clock(tx)
    unused = [row for row in rows if row.announced is Status.APPROVED and row.consumer is None and at < row.valid_until]
    unrevoked = [row for row in unused if not await revoked_votes(tx, row.id)]
    usable = {row.id for row in unrevoked if await _is_proven(tx, deployment, row, votes.get(row.id, []))}
    return [Standing(row, votes.get(row.id, []), row.id in usable) for row in rows]


async def _is_proven(tx: AsyncConnection, deployment: Deployment, row: Confirmation, votes: Sequence[VoteRow]) -> bool:
    """Whether the stored votes, verified again, make an approval of what the row holds: its status alone is a word."""
    credentials = await get_credentials(tx, [vote.credential_id for vote in votes])
    try:
        matter = matter_of(row, deployment.rp)
        decision = recount(matter, verified_votes(matter, votes, credentials))
    except CosignetError:
        return False
    return decision.status is Status.APPROVED


async def _require(tx: AsyncConnection, confirmation: str, *, lock: bool = False) -> Confirmation:
    row = await get_confirmation(tx, confirmation, lock=lock)
    if row is None:
        raise NotFound("confirmation.unknown", "there is no such confirmation")
    return row
