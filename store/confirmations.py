"""Confirmations: written once, closed once, consumed once, each by compare-and-swap."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.decision import Status
from store.log_schema import log_entries
from store.rows import Confirmation, read, read_all
from store.schema import confirmations
from store.upsert import insert_new

PENDING = confirmations.c.status == Status.PENDING

_LEAF = (
    select(log_entries.c.leaf_index).where(log_entries.c.event_id == confirmations.c.outcome_event).scalar_subquery()
)
_ANNOUNCED = case((_LEAF.is_(None), Status.PENDING.value), else_=confirmations.c.status)
_ALL = select(confirmations, _LEAF.label("outcome_leaf"))
_BY_ID = _ALL.where(confirmations.c.id == bindparam("confirmation"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_IF_PENDING = update(confirmations).where(confirmations.c.id == bindparam("confirmation"), PENDING)


@dataclass(frozen=True)
class Filter:
    """Which confirmations to list; `before` is the (created_at, id) of the last one seen."""

    status: str | None = None
    external_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None


async def insert_confirmation(tx: AsyncConnection, confirmation: Confirmation) -> bool:
    """Record a new confirmation; False when its id is taken already."""
    columns = {name: value for name, value in vars(confirmation).items() if name in confirmations.c}
    return await insert_new(tx, confirmations, columns)


async def get_confirmation(tx: AsyncConnection, confirmation: str, *, lock: bool = False) -> Confirmation | None:
    """One confirmation; `lock` holds its row until the transaction ends."""
    query = _BY_ID_LOCKED if lock else _BY_ID
    return read(Confirmation, (await tx.execute(query, {"confirmation": confirmation})).one_or_none())


async def list_confirmations(
    tx: AsyncConnection, organisation: str, owner: str | None, wanted: Filter, *, limit: int
) -> list[Confirmation]:
    """An owner's confirmations, newest first; without `owner` those of the whole organisation."""
    c = confirmations.c
    query = _ALL.where(c.organisation_id == organisation)
    if owner is not None:
        query = query.where(c.owner == owner)
    if wanted.status is not None:
        query = query.where(_ANNOUNCED.in_([wanted.status]))
    if wanted.external_id is not None:
        query = query.where(c.external_id == wanted.external_id)
    if wanted.since is not None:
        query = query.where(c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(c.created_at < wanted.until)
    if wanted.before is not None:
        moment, last = wanted.before
        query = query.where(or_(c.created_at < moment, (c.created_at == moment) & (c.id < last)))
    rows = await tx.execute(query.order_by(c.created_at.desc(), c.id.desc()).limit(limit))
    return read_all(Confirmation, rows)


async def get_statuses(tx: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """The announced status of each of these confirmations that exists."""
    query = select(confirmations.c.id, _ANNOUNCED.label("status")).where(confirmations.c.id.in_(ids))
    return {row.id: row.status for row in await tx.execute(query)}


async def list_pending(tx: AsyncConnection, *, created_before: datetime) -> list[str]:
    """The ids of confirmations that are pending and not brand new, oldest first."""
    c = confirmations.c
    query = select(c.id).where(PENDING, c.created_at <= created_before).order_by(c.created_at, c.id)
    return list((await tx.execute(query)).scalars())


async def list_overdue(tx: AsyncConnection, *, deadline_before: datetime) -> set[str]:
    """The ids of confirmations that are pending although their deadline was before this moment."""
    query = select(confirmations.c.id).where(PENDING, confirmations.c.deadline < deadline_before)
    return set((await tx.execute(query)).scalars())


async def list_unanswered(
    tx: AsyncConnection, *, deadline_before: datetime, below: int, limit: int
) -> list[tuple[int, str, datetime]]:
    """Requests among the first `below` leaves whose deadline was before this moment, and that have no outcome there.

    Index and event id of the request's leaf, and the deadline; the oldest leaf first.
    """
    c, leaf = confirmations.c, log_entries.alias()
    query = (
        select(leaf.c.leaf_index, leaf.c.event_id, c.deadline)
        .join(leaf, leaf.c.event_id == c.request_event)
        .where(c.deadline < deadline_before, leaf.c.leaf_index < below, func.coalesce(_LEAF, below) >= below)
        .order_by(leaf.c.leaf_index)
        .limit(limit)
    )
    return [(row.leaf_index, row.event_id, row.deadline) for row in await tx.execute(query)]


async def decide(tx: AsyncConnection, confirmation: str, status: Status, *, event: str, at: datetime) -> bool:
    """Move a pending confirmation to its final status; False when it was final already."""
    values = {"status": status.value, "decided_at": at, "outcome_event": event}
    return (await tx.execute(_IF_PENDING, {"confirmation": confirmation, **values})).rowcount == 1


async def end_as_logged(tx: AsyncConnection, request: str, status: Status, *, event: str, at: datetime) -> None:
    """Give the confirmation of this request the end that the log says it had, if it is pending."""
    asked = (confirmations.c.request_event == request) & PENDING
    await tx.execute(update(confirmations).where(asked).values(status=status.value, decided_at=at, outcome_event=event))


async def consume_as_logged(tx: AsyncConnection, request: str, consumer: str, *, at: datetime) -> None:
    """Mark the confirmation of this request as used, if it is not."""
    asked = (confirmations.c.request_event == request) & confirmations.c.consumer.is_(None)
    await tx.execute(update(confirmations).where(asked).values(consumer=consumer, consumed_at=at))


async def consume(tx: AsyncConnection, confirmation: str, consumer: str, *, at: datetime) -> bool:
    """Mark an approved confirmation as used by `consumer`; False when it is used or not approved."""
    c = confirmations.c
    free = (c.id == confirmation) & (c.status == Status.APPROVED) & c.consumer.is_(None)
    return (await tx.execute(update(confirmations).where(free).values(consumer=consumer, consumed_at=at))).rowcount == 1
