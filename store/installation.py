"""What must stay the same as long as passkeys are enrolled: the relying party id they are bound to."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.errors import Conflict
from store.schema import credentials, installation
from store.upsert import upsert


async def get_rp_id(tx: AsyncConnection) -> str | None:
    """The relying party id that this installation has recorded."""
    query = select(installation.c.value).where(installation.c.name == "rp_id")
    return (await tx.execute(query)).scalar_one_or_none()


async def claim_rp_id(tx: AsyncConnection, rp_id: str) -> None:
    """Record the rp id. Raises `Conflict("installation.rp_id")` when passkeys are enrolled for another one."""
    known = await get_rp_id(tx)
    if known == rp_id:
        return
    if known is not None and (await tx.execute(select(credentials.c.id).limit(1))).first() is not None:
        detail = f"passkeys are enrolled for the relying party {known}, and none of them works for {rp_id}"
        raise Conflict("installation.rp_id", detail)
    await upsert(tx, installation, {"name": "rp_id"}, {"value": rp_id})
