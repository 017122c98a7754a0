"""Heads of the log: written down first, signed afterwards. c2sp.org/tlog-checkpoint.

Those of an earlier origin stay where they are, and are no heads of the log as it is now.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.checkpoint import Checkpoint
from store.log_schema import log_entries, log_heads, log_keys, log_tree, outbox
from store.rows import SignedHead, read, read_all
from store.upsert import insert_new

_OWN = log_heads.c.origin == select(log_tree.c.origin).scalar_subquery()
_SIGNED = select(log_heads).where(_OWN, log_heads.c.note.is_not(None)).order_by(log_heads.c.size.desc())
_NEWEST = _SIGNED.limit(1)
_BY_SIZE = _SIGNED.where(log_heads.c.size == bindparam("at_size"))
_COVERING = (
    _SIGNED.add_columns(log_entries.c.leaf_index)
    .join(log_entries, log_heads.c.size > log_entries.c.leaf_index)
    .where(log_entries.c.event_id == bindparam("event"))
    .limit(1)
)
_DEPTH = select(func.count()).select_from(outbox)
_LAST_KEPT = select(log_heads.c.signed_at).where(_OWN, log_heads.c.kept).order_by(log_heads.c.size.desc()).limit(1)
_GLANCE = select(
    exists(select(outbox.c.position)),
    log_tree.c.size,
    select(func.coalesce(func.max(log_heads.c.size), 0)).where(_OWN, log_heads.c.note.is_not(None)).scalar_subquery(),
    log_tree.c.read_only != "",
)


class Glance(NamedTuple):
    """Whether leaves wait, how many are in the tree and under the newest signed head, whether more may be appended."""

    waits: bool
    size: int
    signed: int
    read_only: bool


async def write_head(tx: AsyncConnection, head: Checkpoint) -> bool:
    """Write down a head that is to be signed; False when another root is written down for this size."""
    # Asked first, since SQLite takes an INSERT that finds something for an attempt to replace it.
    root = await _root(tx, head)
    if root is None and await insert_new(tx, log_heads, {**vars(head), "kept": False}):
        return True
    return (root or await _root(tx, head)) == head.root


async def sign_head(tx: AsyncConnection, head: Checkpoint, note: bytes, *, at: datetime, keep: bool) -> None:
    """Store the signed note of a head that is written down, in place of an older one; `keep` it for ever.

    Those before it that are not kept are signed no more: this one covers them.
    """
    same = log_heads.c.origin == head.origin
    signed = {"note": note, "signed_at": at, **({"kept": True} if keep else {})}
    await tx.execute(update(log_heads).where(same, log_heads.c.size == head.size).values(signed))
    passed = (log_heads.c.size < head.size) & log_heads.c.note.is_not(None) & ~log_heads.c.kept
    await tx.execute(update(log_heads).where(same, passed).values(note=None))


async def newest_head(tx: AsyncConnection) -> SignedHead | None:
    """The largest signed head."""
    return read(SignedHead, (await tx.execute(_NEWEST)).one_or_none())


async def get_head(tx: AsyncConnection, size: int) -> SignedHead | None:
    """The signed head of this size."""
    return read(SignedHead, (await tx.execute(_BY_SIZE, {"at_size": size})).one_or_none())


async def list_heads(tx: AsyncConnection, *, limit: int) -> list[SignedHead]:
    """The largest signed heads, the largest first."""
    return read_all(SignedHead, await tx.execute(_SIGNED.limit(limit)))


async def last_kept(tx: AsyncConnection) -> datetime | None:
    """When the newest head that is kept was signed."""
    found: datetime | None = (await tx.execute(_LAST_KEPT)).scalar_one_or_none()
    return found


async def glance(tx: AsyncConnection) -> Glance | None:
    """What tells whether there is anything to do; `None` before the log is founded."""
    row = (await tx.execute(_GLANCE)).one_or_none()
    return Glance(*row) if row else None


async def covering_head(tx: AsyncConnection, event: str) -> tuple[int, SignedHead] | None:
    """The index of this event's leaf, and the largest signed head whose tree has it."""
    row = (await tx.execute(_COVERING, {"event": event})).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)  # noqa: SLF001
    return values.pop("leaf_index"), SignedHead(**values)


async def add_keys(tx: AsyncConnection, vkeys: Collection[str], *, at: datetime) -> None:
    """From now on these keys (their verifier keys) sign, beside those that do already."""
    await tx.execute(insert(log_keys), [{"vkey": vkey, "added_at": at} for vkey in vkeys])


async def retire_keys(tx: AsyncConnection, vkeys: Collection[str], *, at: datetime) -> None:
    """From now on these keys sign no more."""
    await tx.execute(update(log_keys).where(log_keys.c.vkey.in_(vkeys)).values(retired_at=at))


async def active_keys(tx: AsyncConnection) -> list[str]:
    """The verifier keys that sign now, the oldest first."""
    query = select(log_keys.c.vkey).where(log_keys.c.retired_at.is_(None))
    return list((await tx.execute(query.order_by(log_keys.c.position))).scalars())


async def count_waiting(tx: AsyncConnection) -> int:
    """How many events have no leaf in the tree."""
    count: int = (await tx.execute(_DEPTH)).scalar_one()
    return count


async def _root(tx: AsyncConnection, head: Checkpoint) -> bytes | None:
    query = select(log_heads.c.root).where(log_heads.c.origin == head.origin, log_heads.c.size == head.size)
    return (await tx.execute(query)).scalar_one_or_none()
