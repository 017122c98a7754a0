"""Answers to requests that carried an Idempotency-Key, so that a retry gets the same one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.schema import idempotency
from store.upsert import insert_new


@dataclass(frozen=True)
class Remembered:
    """What this key was used for: hash of the request body, the confirmation made for it, the answer once given.

    `owner` is the id of the API key, so that two keys never meet.
    """

    owner: str
    organisation_id: str
    key: str
    request_hash: bytes
    confirmation_id: str
    answer: bytes | None
    created_at: datetime


async def reserve(tx: AsyncConnection, wanted: Remembered) -> Remembered:
    """Reserve the key for a request before it is carried out; returns what it was reserved for first."""
    await insert_new(tx, idempotency, vars(wanted))
    return Remembered(**(await tx.execute(select(idempotency).where(_is(wanted)))).one()._mapping)  # noqa: SLF001


async def remember_answer(tx: AsyncConnection, reserved: Remembered, answer: bytes) -> bytes:
    """Keep the answer and return the one to give: the first one stays."""
    unanswered = _is(reserved) & idempotency.c.answer.is_(None)
    await tx.execute(update(idempotency).where(unanswered).values(answer=answer))
    kept: bytes = (await tx.execute(select(idempotency.c.answer).where(_is(reserved)))).scalar_one()
    return kept


def _is(wanted: Remembered) -> ColumnElement[bool]:
    c = idempotency.c
    return (c.organisation_id == wanted.organisation_id) & (c.owner == wanted.owner) & (c.key == wanted.key)
