"""The log's tree: entries, tiles, and the one row that says how far it reaches. c2sp.org/tlog-tiles."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.merkle import EMPTY_ROOT
from cosignet.core.tiles import TileId
from store.log_schema import log_entries, log_tiles, log_tree, outbox
from store.rows import Tree, Waiting, read, read_all
from store.upsert import insert_new

# As many values as SQLite takes in one statement, and more than one statement gains from.
_ROWS = 1_000
_TREE = select(log_tree)
_TREE_LOCKED = _TREE.with_for_update()
_WAITING = select(outbox).order_by(outbox.c.position).limit(bindparam("limit"))
_WAITING_OF = (
    select(outbox).where(outbox.c.event_id.in_(bindparam("events", expanding=True))).order_by(outbox.c.position)
)
_TILES = select(log_tiles).where(tuple_(log_tiles.c.level, log_tiles.c.number).in_(bindparam("tiles", expanding=True)))
_INDEX = select(log_entries.c.leaf_index).where(log_entries.c.event_id == bindparam("event"))
_NAMED = outbox.c.position.in_(bindparam("positions", expanding=True))
# The leaves stay where they are: from one table to the other, in the order that the positions give them.
_MOVE = insert(log_entries).from_select(
    ["leaf_index", "event_id", "leaf"],
    select(
        bindparam("size") + func.row_number().over(order_by=outbox.c.position) - literal(1),
        outbox.c.event_id,
        outbox.c.leaf,
    ).where(_NAMED),
)
_DROP = delete(outbox).where(_NAMED)
_ADD_TILE = insert(log_tiles)
_GROW_TILE = (
    update(log_tiles)
    .where(log_tiles.c.level == bindparam("at_level"), log_tiles.c.number == bindparam("at_number"))
    .values(hashes=bindparam("grown"))
)
_GROW_TREE = (
    update(log_tree)
    .where(log_tree.c.size == bindparam("old_size"))
    .values(size=bindparam("new_size"), root=bindparam("new_root"))
)


@dataclass(frozen=True)
class Growth:
    """What the tree becomes: its new size and root, and every tile that changes, whole."""

    size: int
    root: bytes
    tiles: Mapping[TileId, bytes]


async def found_tree(tx: AsyncConnection, origin: str) -> bool:
    """Begin the log, with nothing in it; False when there is one already, or somebody was faster."""
    row = {"id": 1, "origin": origin, "size": 0, "root": EMPTY_ROOT, "read_only": ""}
    return await insert_new(tx, log_tree, row)


async def get_tree(tx: AsyncConnection, *, lock: bool = False) -> Tree | None:
    """How far the tree reaches, `None` before it is founded; `lock` keeps others from appending meanwhile."""
    return read(Tree, (await tx.execute(_TREE_LOCKED if lock else _TREE)).one_or_none())


async def set_read_only(tx: AsyncConnection, why: str) -> None:
    """From now on nothing is appended; an empty `why` ends that."""
    await tx.execute(update(log_tree).values(read_only=why))


async def list_waiting(tx: AsyncConnection, *, limit: int) -> list[Waiting]:
    """The first leaves that are not in the tree yet, in the order they will be in it."""
    return read_all(Waiting, await tx.execute(_WAITING, {"limit": limit}))


async def find_waiting(tx: AsyncConnection, events: Collection[str]) -> list[Waiting]:
    """The leaves of these events, as far as they wait, in the order of the events."""
    return read_all(Waiting, await tx.execute(_WAITING_OF, {"events": list(events)}))


async def read_tiles(tx: AsyncConnection, tiles: Collection[TileId]) -> dict[TileId, bytes]:
    """Those of these tiles that there are, as far as they are filled."""
    if not tiles:
        return {}
    rows = await tx.execute(_TILES, {"tiles": [tuple(tile) for tile in tiles]})
    return {TileId(row.level, row.number): row.hashes for row in rows}


async def move_leaves(
    tx: AsyncConnection, size: int, waiting: Sequence[Waiting], growth: Growth, edge: Collection[TileId]
) -> None:
    """Append leaves that wait to the tree of `size` leaves, which must be locked; `edge` are its unfilled tiles."""
    positions = [leaf.position for leaf in waiting]
    await tx.execute(_MOVE, {"size": size, "positions": positions})
    await _grow(tx, size, growth, edge)
    await tx.execute(_DROP, {"positions": positions})


async def append_leaves(
    tx: AsyncConnection, size: int, leaves: Sequence[tuple[str, bytes]], growth: Growth, edge: Collection[TileId]
) -> None:
    """As `move_leaves`, for leaves from elsewhere, each with its event's id; those of them that wait, wait no more."""
    rows = [{"leaf_index": size + n, "event_id": event, "leaf": leaf} for n, (event, leaf) in enumerate(leaves)]
    for first in range(0, len(rows), _ROWS):
        some = rows[first : first + _ROWS]
        await tx.execute(insert(log_entries), some)
        await tx.execute(delete(outbox).where(outbox.c.event_id.in_([row["event_id"] for row in some])))
    await _grow(tx, size, growth, edge)


async def rename_tree(tx: AsyncConnection, origin: str) -> None:
    """The tree goes on under another name, and may be appended to."""
    await tx.execute(update(log_tree).values(origin=origin, read_only=""))


async def _grow(tx: AsyncConnection, size: int, growth: Growth, edge: Collection[TileId]) -> None:
    grown = [_grown(tile, growth.tiles[tile]) for tile in edge if tile in growth.tiles]
    added = [_added(tile, hashes) for tile, hashes in growth.tiles.items() if tile not in edge]
    if grown:
        await tx.execute(_GROW_TILE, grown)
    if added:
        await tx.execute(_ADD_TILE, added)
    await tx.execute(_GROW_TREE, {"old_size": size, "new_size": growth.size, "new_root": growth.root})


async def find_leaf(tx: AsyncConnection, event: str) -> int | None:
    """The index of an event's leaf, `None` while it is not in the tree."""
    return (await tx.execute(_INDEX, {"event": event})).scalar_one_or_none()


def _grown(tile: TileId, hashes: bytes) -> dict[str, object]:
    return {"at_level": tile.level, "at_number": tile.number, "grown": hashes}


def _added(tile: TileId, hashes: bytes) -> dict[str, object]:
    return {"level": tile.level, "number": tile.number, "hashes": hashes}


async def read_leaves(tx: AsyncConnection, start: int, end: int) -> list[bytes]:
    """The entries from index `start` up to, not including, `end`, as far as there are any."""
    c = log_entries.c
    query = select(c.leaf).where(c.leaf_index >= start, c.leaf_index < end).order_by(c.leaf_index)
    return list((await tx.execute(query)).scalars())
