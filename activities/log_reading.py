"""The log as the public reads it: what the newest signed head covers, and nothing beyond. c2sp.org/tlog-tiles."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from cosignet.core.leaf import public_deadline
from cosignet.core.log_keys import LogKey
from cosignet.core.log_proof import LogProof
from cosignet.core.merkle import Range, consistency_ranges, inclusion_ranges
from cosignet.core.tiles import HASH_BYTES, WIDTH, Address, TileId, hashes_of, pack_entries, tiles_for, width_at
from cosignet.core.trust import PinnedLog, PinnedLogKey
from cosignet.errors import Malformed, NotFound, Unavailable
from store.confirmations import list_unanswered
from store.events import has_event
from store.heads import active_keys, count_waiting, covering_head, get_head, list_heads, newest_head
from store.log import get_tree, read_leaves, read_tiles
from store.rows import SignedHead

MAX_HEADS = 100
MAX_UNANSWERED = 1_000
# Seconds. Heads are signed anew every ten, unless set otherwise.
SILENT_AFTER = 60
# A deadline is published rounded up to the minute, and an expiry needs a moment to become a leaf.
UNANSWERED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Unanswered:
    """A request whose deadline passed without an outcome in the log."""

    leaf_index: int
    event: str
    deadline: str


@dataclass(frozen=True)
class Proof:
    """Hashes (32 bytes each) that lead from a leaf, or an old head, to the tree of `size` leaves with this root."""

    size: int
    root: bytes
    hashes: list[bytes]


LogState = Literal["ok", "silent", "read_only", "unfounded"]


@dataclass(frozen=True)
class LogStatus:
    """Leaves in the tree and under the newest signed head, its age in seconds, events that wait, and why, if so."""

    state: LogState
    origin: str
    size: int
    signed: int
    head_age: int | None
    waiting: int
    why: str


async def read_keys(deployment: Deployment) -> list[str]:
    """The verifier keys that sign now. Raises `Unavailable("log.unfounded")`."""
    async with deployment.database.read() as tx:
        keys = await active_keys(tx)
    if not keys:
        raise Unavailable("log.unfounded", "the log has not begun")
    return keys


async def pinned_log(deployment: Deployment) -> PinnedLog:
    """The log as a trust file written now would pin it. Raises `Unavailable("log.unfounded")`."""
    return PinnedLog(tuple(PinnedLogKey(LogKey.parse(key)) for key in await read_keys(deployment)))


async def read_head(deployment: Deployment, size: int | None = None) -> SignedHead:
    """The signed head of this size, by default the newest one.

    Raises `NotFound("log.head")` for a size that was not signed, `Unavailable("log.unsigned")` before the first one.
    """
    async with deployment.database.read() as tx:
        return await _head(tx, size)


async def read_heads(deployment: Deployment) -> list[SignedHead]:
    """The newest signed heads, the largest first."""
    async with deployment.database.read() as tx:
        return await list_heads(tx, limit=MAX_HEADS)


async def read_tile(deployment: Deployment, address: Address) -> bytes:
    """The hashes of a tile or the entries of a bundle, as they are published. Raises `NotFound("log.tile")`."""
    async with deployment.database.read() as tx:
        size = (await _head(tx)).size
        tile = TileId(address.level or 0, address.number)
        if width_at(tile, size) < address.width:
            raise NotFound("log.tile", f"the tree of {size} leaves has no such tile")
        if address.level is None:
            start = address.number * WIDTH
            return pack_entries(await read_leaves(tx, start, start + address.width))
        return (await read_tiles(tx, [tile]))[tile][: address.width * HASH_BYTES]


async def prove_inclusion(deployment: Deployment, index: int, size: int | None) -> Proof:
    """That the leaf is in the tree of `size` leaves, by default the newest signed one.

    Raises `Malformed("log.range")`.
    """
    async with deployment.database.read() as tx:
        size = await _size(tx, size)
        return await _prove(tx, size, inclusion_ranges(index, size))


async def prove_consistency(deployment: Deployment, first: int, second: int | None) -> Proof:
    """That the tree of `second` leaves, by default the newest signed one, begins with that of `first`.

    Raises `Malformed("log.range")`.
    """
    async with deployment.database.read() as tx:
        second = await _size(tx, second)
        return await _prove(tx, second, consistency_ranges(first, second))


async def prove_event(deployment: Deployment, event: str) -> LogProof | None:
    """That the leaf of an event is in the newest signed tree; `None` while it is not.

    Raises `NotFound("log.event")` for an event that is unknown.
    """
    async with deployment.database.read() as tx:
        covering = await covering_head(tx, event)
        if covering is None:
            if not await has_event(tx, event):
                raise NotFound("log.event", "there is no such event")
            return None
        index, head = covering
        proof = await _prove(tx, head.size, inclusion_ranges(index, head.size))
    return LogProof(index, tuple(proof.hashes), head.note)


async def find_unanswered(deployment: Deployment) -> tuple[SignedHead, list[Unanswered]]:
    """Requests in the newest signed tree that were due and have no outcome in it, the oldest first."""
    async with deployment.database.read() as tx:
        head = await _head(tx)
        due = await deployment.database.clock(tx) - UNANSWERED_AFTER
        found = await list_unanswered(tx, deadline_before=due, below=head.size, limit=MAX_UNANSWERED)
    return head, [Unanswered(index, event, public_deadline(deadline)) for index, event, deadline in found]


async def read_status(deployment: Deployment) -> LogStatus:
    """How the log stands now. Raises `Unavailable`."""
    async with deployment.database.read() as tx:
        tree, head, now = await get_tree(tx), await newest_head(tx), await deployment.database.clock(tx)
        waiting = await count_waiting(tx)
    if tree is None:
        return LogStatus("unfounded", "", 0, 0, None, waiting, "no worker with the log's key has run yet")
    age = max(0, int((now - head.signed_at).total_seconds())) if head else None
    state: LogState = "read_only" if tree.read_only else "silent" if age is None or age > SILENT_AFTER else "ok"
    return LogStatus(state, tree.origin, tree.size, head.size if head else 0, age, waiting, tree.read_only)


async def read_policy(deployment: Deployment) -> str:
    """Which keys vouch for the log, and that no witness is asked for: c2sp.org/tlog-policy."""
    lines = [f"log {key} {deployment.log_url}" for key in await read_keys(deployment)]
    return "\n".join([*lines, "quorum none", ""])


async def _head(tx: AsyncConnection, size: int | None = None) -> SignedHead:
    head = await newest_head(tx) if size is None else await get_head(tx, size)
    if head is None and size is None:
        raise Unavailable("log.unsigned", "no head of the log has been signed yet")
    if head is None:
        raise NotFound("log.head", f"no head of {size} leaves was signed")
    return head


async def _size(tx: AsyncConnection, size: int | None) -> int:
    newest = (await _head(tx)).size
    if size is not None and size > newest:
        raise Malformed("log.range", f"the newest signed tree has {newest} leaves")
    return newest if size is None else size


async def _prove(tx: AsyncConnection, size: int, ranges: list[Range]) -> Proof:
    whole = Range(0, size)
    *hashes, root = hashes_of([*ranges, whole], await read_tiles(tx, tiles_for([*ranges, whole])))
    return Proof(size, root, hashes)
