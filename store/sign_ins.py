"""The challenges with which approvers sign in to view a confirmation whose link they did not get themselves."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.errors import Refused
from store.schema import sign_ins

LIFETIME = timedelta(minutes=5)


async def begin_sign_in(tx: AsyncConnection, confirmation: str, *, at: datetime) -> bytes:
    """Issue a single-use challenge (32 bytes) for this id, whether or not anything has it; forget those grown old."""
    # Anybody may ask for one, so nothing else bounds the table than how fast they may and how long one lives.
    await tx.execute(delete(sign_ins).where(sign_ins.c.expires_at <= at))
    challenge = secrets.token_bytes(32)
    values = {"challenge": challenge, "confirmation_id": confirmation, "expires_at": at + LIFETIME}
    await tx.execute(insert(sign_ins).values(values))
    return challenge


async def use_sign_in(tx: AsyncConnection, confirmation: str, challenge: bytes, *, at: datetime) -> None:
    """Use up a challenge that was issued for this id. Raises `Refused("ceremony.invalid")`."""
    fresh = (
        (sign_ins.c.challenge == challenge)
        & (sign_ins.c.confirmation_id == confirmation)
        & sign_ins.c.used_at.is_(None)
        & (sign_ins.c.expires_at > at)
    )
    if (await tx.execute(update(sign_ins).where(fresh).values(used_at=at))).rowcount != 1:
        raise Refused("ceremony.invalid", "this ceremony was not issued, is used or took too long; start again")
