"""Events, written in the transaction that makes them true. docs/protocol.md §5."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import instant
from store.rows import Event, read_all
from store.schema import organisations, outbox

RECORD = "cosignet/record/v1"

Record = dict[str, Any]

_INSERT = insert(outbox)
_RESERVE = (
    update(organisations)
    .where(organisations.c.id == bindparam("organisation"))
    .values(sequence=organisations.c.sequence + bindparam("count"))
    .returning(organisations.c.sequence)
)


async def add_event(
    tx: AsyncConnection,
    organisation: str,
    event_type: str,
    record: Record,
    *,
    confirmation: str | None = None,
    at: datetime,
) -> str:
    """As `add_events`, for one."""
    return (await add_events(tx, organisation, [(event_type, record)], confirmation=confirmation, at=at))[0]


async def add_events(
    tx: AsyncConnection,
    organisation: str,
    events: Sequence[tuple[str, Record]],
    *,
    confirmation: str | None = None,
    at: datetime,
) -> list[str]:
    """Record events, each a type and a record, and return their ids.

    The records get the organisation's next sequence numbers, without gaps.
    """
    first = await _next_sequences(tx, organisation, len(events))
    rows = [
        {
            "id": str(uuid7()),
            "organisation_id": organisation,
            "sequence": sequence,
            "type": event_type,
            "confirmation_id": confirmation,
            "record": canonicalise(_whole(organisation, event_type, sequence, record, at)),
            "created_at": at,
        }
        for sequence, (event_type, record) in enumerate(events, first)
    ]
    await tx.execute(_INSERT, rows)
    return [str(row["id"]) for row in rows]


async def list_events(tx: AsyncConnection, organisation: str) -> list[Event]:
    """The organisation's events that wait in the outbox, oldest first."""
    query = select(outbox).where(outbox.c.organisation_id == organisation).order_by(outbox.c.sequence)
    return read_all(Event, await tx.execute(query))


async def _next_sequences(tx: AsyncConnection, organisation: str, count: int) -> int:
    # The row lock that this takes is what keeps the sequence free of gaps and doubles.
    last: int = (await tx.execute(_RESERVE, {"organisation": organisation, "count": count})).scalar_one()
    return last - count + 1


def _whole(organisation: str, event_type: str, sequence: int, record: Record, at: datetime) -> Record:
    common = {"v": RECORD, "event": event_type, "organisation": organisation, "sequence": sequence}
    return {**common, "time": instant(at), **record}
