"""Keys of the HTTP API, kept as SHA-256 and a short prefix; the key itself is shown once. docs/operations.md."""

import secrets
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.encoding import sha256
from store.rows import ApiKey, read
from store.schema import api_keys

PREFIX_LENGTH = 9


async def create_api_key(
    tx: AsyncConnection, organisation: str, *, name: str, owner: str | None, at: datetime
) -> tuple[ApiKey, str]:
    """Make a key; returns the row and the key's text (256 random bits), which is kept nowhere.

    `owner` is whose confirmations it may see: by default its own, `temporal:<namespace>` for workers.
    """
    text = "ck_" + secrets.token_urlsafe(32)
    key_id = secrets.token_hex(16)
    key = ApiKey(
        id=key_id,
        organisation_id=organisation,
        owner=owner or f"key:{key_id}",
        name=name,
        prefix=text[:PREFIX_LENGTH],
        key_hash=sha256(text.encode()),
        created_at=at,
        revoked_at=None,
    )
    await tx.execute(insert(api_keys).values(vars(key)))
    return key, text


async def find_api_key(tx: AsyncConnection, text: str) -> ApiKey | None:
    """The active key with this text. The look-up is by hash, so its time tells nothing about the text."""
    active = (api_keys.c.key_hash == sha256(text.encode())) & api_keys.c.revoked_at.is_(None)
    return read(ApiKey, (await tx.execute(select(api_keys).where(active))).one_or_none())


async def revoke_api_key(tx: AsyncConnection, organisation: str, prefix: str, *, at: datetime) -> bool:
    """Take the organisation's key with this prefix out of use; False when there is none."""
    active = (
        (api_keys.c.organisation_id == organisation) & (api_keys.c.prefix == prefix) & api_keys.c.revoked_at.is_(None)
    )
    return (await tx.execute(update(api_keys).where(active).values(revoked_at=at))).rowcount == 1
