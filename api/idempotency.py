"""`Idempotency-Key`: a request that is sent again is carried out once and answered once, even after a crash between."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cosignet.errors import Conflict
from store.database import Database
from store.idempotency import Remembered, remember_answer, reserve
from store.rows import ApiKey


@dataclass(frozen=True)
class Answer:
    """The confirmation that was made for a request, and the body of the answer, byte for byte."""

    confirmation: str
    body: bytes


async def answer_once(
    database: Database, caller: ApiKey, key: str | None, request_hash: bytes, act: Callable[[str], Awaitable[bytes]]
) -> Answer:
    """Have `act` make the confirmation with the id it is given, or give the answer that was given before.

    `act` must be idempotent by that id: it runs again when nobody knows how far it came. Raises
    `Conflict("idempotency.mismatch")` when the key was used for another request.
    """
    fresh = secrets.token_hex(16)
    if key is None:
        return Answer(fresh, await act(fresh))
    async with database.write() as tx:
        at = await database.clock(tx)
        wanted = Remembered(caller.id, caller.organisation_id, key, request_hash, fresh, None, at)
        # Before anything is done, so that a crash from here on resumes with the same id.
        reserved = await reserve(tx, wanted)
    if reserved.request_hash != request_hash:
        raise Conflict("idempotency.mismatch", "this Idempotency-Key was used for another request")
    if reserved.answer is not None:
        return Answer(reserved.confirmation_id, reserved.answer)
    body = await act(reserved.confirmation_id)
    async with database.write() as tx:
        return Answer(reserved.confirmation_id, await remember_answer(tx, reserved, body))
