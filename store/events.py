"""Events, written in the transaction that makes them true, each with its leaf for the log. docs/protocol.md §5."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from cosignet.core.leaf import PUBLIC, REQUESTED, SALT_BYTES, Leaf, commitment, public_deadline
from cosignet.core.record import Record
from store.log_schema import events, log_entries, outbox
from store.rows import Confirmation, Event, read_all
from store.schema import organisations

# What happens to the installation itself is numbered like the events of an organisation without a name.
INSTALLATION = ""

Content = Mapping[str, Any]

_INSERT = insert(events)
_INSERT_LEAF = insert(outbox)
_RESERVE = (
    update(organisations)
    .where(organisations.c.id == bindparam("organisation"))
    .values(sequence=organisations.c.sequence + bindparam("count"))
    .returning(organisations.c.sequence)
)
_LAST_OF_INSTALLATION = select(func.coalesce(func.max(events.c.sequence), 0)).where(
    events.c.organisation_id == INSTALLATION
)


_LOGGED = (
    select(events.c.id, events.c.record, events.c.salt, log_entries.c.leaf_index, log_entries.c.leaf)
    .join(log_entries, log_entries.c.event_id == events.c.id)
    .where(events.c.id.in_(bindparam("events", expanding=True)))
)


@dataclass(frozen=True)
class LoggedEvent:
    """An event's leaf in the tree, and what it commits to."""

    index: int
    leaf: bytes
    record: bytes
    salt: bytes


def new_event_id() -> str:
    """An id for an event that is still to be recorded."""
    return str(uuid7())


async def add_event(
    tx: AsyncConnection,
    organisation: str,
    event_type: str,
    content: Content,
    *,
    confirmation: Confirmation | None = None,
    at: datetime,
) -> str:
    """As `add_events`, for one."""
    return (await add_events(tx, organisation, [(event_type, content)], confirmation=confirmation, at=at))[0]


async def add_events(
    tx: AsyncConnection,
    organisation: str,
    happened: Sequence[tuple[str, Content]],
    *,
    confirmation: Confirmation | None = None,
    at: datetime,
) -> list[str]:
    """Record events, each a type and what it has to say, and return their ids; their leaves wait for the log.

    The records get the organisation's next sequence numbers, without gaps. What is about a confirmation names it.
    """
    first = await _next_sequences(tx, organisation, len(happened))
    rows = [
        {
            "id": _id_of(event_type, confirmation),
            "organisation_id": organisation,
            "sequence": sequence,
            "type": event_type,
            "confirmation_id": confirmation.id if confirmation else None,
            "salt": secrets.token_bytes(SALT_BYTES),
            "record": Record(event_type, organisation, sequence, at, content).to_bytes(),
            "created_at": at,
        }
        for sequence, (event_type, content) in enumerate(happened, first)
    ]
    await tx.execute(_INSERT, rows)
    leaves = [
        {"event_id": row["id"], "leaf": _leaf_of(row, _public(event_type, content, confirmation))}
        for row, (event_type, content) in zip(rows, happened, strict=True)
    ]
    await tx.execute(_INSERT_LEAF, leaves)
    return [str(row["id"]) for row in rows]


async def list_events(tx: AsyncConnection, organisation: str) -> list[Event]:
    """The organisation's events, oldest first."""
    query = select(events).where(events.c.organisation_id == organisation).order_by(events.c.sequence)
    return read_all(Event, await tx.execute(query))


async def open_events(tx: AsyncConnection, ids: Collection[str]) -> dict[str, LoggedEvent]:
    """Those of these events that are in the log's tree, with what their leaves commit to."""
    rows = await tx.execute(_LOGGED, {"events": list(ids)})
    return {row.id: LoggedEvent(row.leaf_index, row.leaf, row.record, row.salt) for row in rows}


async def has_event(tx: AsyncConnection, event: str) -> bool:
    """Whether there is an event of this id."""
    return (await tx.execute(select(events.c.id).where(events.c.id == event))).first() is not None


async def _next_sequences(tx: AsyncConnection, organisation: str, count: int) -> int:
    if organisation == INSTALLATION:
        # Seldom, and two at once collide in the unique index: one of them fails.
        last: int = (await tx.execute(_LAST_OF_INSTALLATION)).scalar_one()
        return last + 1
    # The row lock that this takes is what keeps the sequence free of gaps and doubles.
    last = (await tx.execute(_RESERVE, {"organisation": organisation, "count": count})).scalar_one()
    return last - count + 1


def _id_of(event_type: str, confirmation: Confirmation | None) -> str:
    # Whatever follows a request names its event, so the row knows that id from the beginning.
    return confirmation.request_event if confirmation and event_type == REQUESTED else new_event_id()


def _public(event_type: str, content: Content, confirmation: Confirmation | None) -> dict[str, str]:
    if confirmation is None:
        return {name: content[name] for name in PUBLIC[event_type]}
    if event_type == REQUESTED:
        return {"deadline": public_deadline(confirmation.deadline)}
    return {"request": confirmation.request_event}


def _leaf_of(row: dict[str, Any], public: dict[str, str]) -> bytes:
    salted = commitment(row["salt"], row["record"])
    return Leaf(event=row["type"], id=row["id"], time=row["created_at"], record=salted, public=public).to_bytes()
