"""Answers to requests that carried an Idempotency-Key, so that a retry gets the same one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.rows import ApiKey, read
from store.schema import idempotency


@dataclass(frozen=True)
class Remembered:
    """What this key was used for: hash of the request body, the confirmation made for it, the answer once given."""

    owner: str
    organisation_id: str
    key: str
    request_hash: bytes
    confirmation_id: str
    answer: bytes | None
    created_at: datetime


async def recall(tx: AsyncConnection, caller: ApiKey, key: str) -> Remembered | None:
    """What the caller asked under this key before."""
    return read(Remembered, (await tx.execute(select(idempotency).where(_is(caller, key)))).one_or_none())


async def remember(tx: AsyncConnection, remembered: Remembered) -> None:
    """Reserve the key for a request, before it is carried out."""
    await tx.execute(insert(idempotency).values(vars(remembered)))


async def remember_answer(tx: AsyncConnection, caller: ApiKey, key: str, answer: bytes) -> None:
    """Keep the answer that was given; the first one stays."""
    unanswered = _is(caller, key) & idempotency.c.answer.is_(None)
    await tx.execute(update(idempotency).where(unanswered).values(answer=answer))


def _is(caller: ApiKey, key: str) -> ColumnElement[bool]:
    c = idempotency.c
    return (c.organisation_id == caller.organisation_id) & (c.owner == caller.id) & (c.key == key)
