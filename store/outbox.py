"""Events, written in the transaction that makes them true. docs/protocol.md §5."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import instant
from store.rows import Event, read_all
from store.schema import organisations, outbox

RECORD = "cosignet/record/v1"


async def add_event(
    tx: AsyncConnection,
    organisation: str,
    event_type: str,
    record: dict[str, Any],
    *,
    confirmation: str | None = None,
    at: datetime,
) -> str:
    """Record an event and return its id. `record` gets the organisation's next sequence number, without gaps."""
    event_id = str(uuid7())
    sequence = await _next_sequence(tx, organisation)
    whole = {
        "v": RECORD,
        "event": event_type,
        "organisation": organisation,
        "sequence": sequence,
        "time": instant(at),
        **record,
    }
    await tx.execute(
        insert(outbox).values(
            id=event_id,
            organisation_id=organisation,
            sequence=sequence,
            type=event_type,
            confirmation_id=confirmation,
            record=canonicalise(whole),
            created_at=at,
        )
    )
    return event_id


async def list_events(tx: AsyncConnection, organisation: str) -> list[Event]:
    """The organisation's events that wait in the outbox, oldest first."""
    query = select(outbox).where(outbox.c.organisation_id == organisation).order_by(outbox.c.sequence)
    return read_all(Event, await tx.execute(query))


async def _next_sequence(tx: AsyncConnection, organisation: str) -> int:
    # The row lock that this takes is what keeps the sequence free of gaps and doubles.
    statement = (
        update(organisations)
        .where(organisations.c.id == organisation)
        .values(sequence=organisations.c.sequence + 1)
        .returning(organisations.c.sequence)
    )
    sequence: int = (await tx.execute(statement)).scalar_one()
    return sequence
