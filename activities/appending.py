"""`append_to_log`: from the outbox into the tree, for all who wait at once.

What was recorded is not in force before its leaf is in the tree, so whoever decides waits for that here. One
transaction takes what has gathered meanwhile (group commit), in the outbox's order.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.decision import Status
from cosignet.core.merkle import leaf_hash
from cosignet.core.tiles import TileId, edge_of, grow, root_of
from cosignet.errors import Conflict, Malformed, Unavailable
from store.database import Database
from store.log import Growth, find_leaf, get_tree, list_waiting, move_leaves, read_tiles
from store.rows import Confirmation, Tree, Waiting

BATCH = 2048


class Appender:
    """The one place of a process from which leaves are appended; other processes have theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._begun = 0
        self._done = 0

    async def append_to_log(self) -> None:
        """Return once the leaf of every event that was recorded before the call is in the tree.

        Raises `Unavailable` with `log.unfounded`, `log.read_only`, `log.damaged` or `database.unavailable`.
        """
        begun = self._begun
        async with self._turn:
            if self._done > begun:
                # Whoever had the turn began after this call, and took its leaves along.
                return
            self._begun += 1
            while await self._append_batch() == BATCH:
                pass
            self._done = self._begun

    async def announce(self, row: Confirmation) -> Confirmation:
        """The row as everybody else may know it, once all that has been recorded of it so far is in the log.

        Raises as `append_to_log`, and `Conflict("decision.unlogged")` for an end that no event bears out.
        """
        if row.outcome_leaf is not None:
            return row
        await self.append_to_log()
        if not Status(row.status).final:
            return row
        async with self._database.read() as tx:
            leaf = await find_leaf(tx, row.outcome_event) if row.outcome_event else None
        if leaf is None:
            raise Conflict("decision.unlogged", "the record says that this ended, and the log knows nothing of it")
        return replace(row, outcome_leaf=leaf)

    async def announce_now(self, row: Confirmation) -> Confirmation:
        """As `announce`, but where that cannot be done now the row is as it was, and pending for everybody."""
        try:
            return await self.announce(row) if Status(row.status).final else row
        except (Unavailable, Conflict):
            return row

    async def _append_batch(self) -> int:
        async with self._database.write() as tx:
            tree = require_writable(await get_tree(tx, lock=True))
            waiting = await list_waiting(tx, limit=BATCH)
            if waiting:
                await append_waiting(tx, tree, waiting)
        return len(waiting)


async def append_waiting(tx: AsyncConnection, tree: Tree, waiting: Sequence[Waiting]) -> None:
    """Append these leaves to the tree, which must be locked. Raises `Unavailable("log.damaged")`."""
    edge = await read_edge(tx, tree)
    tiles = grow(tree.size, [leaf_hash(found.leaf) for found in waiting], edge)
    size = tree.size + len(waiting)
    growth = Growth(size, root_of(size, {**edge, **tiles}), tiles)
    await move_leaves(tx, tree.size, waiting, growth, edge.keys())


def require_founded(tree: Tree | None) -> Tree:
    """The tree, if there is one. Raises `Unavailable("log.unfounded")`."""
    if tree is None:
        raise Unavailable("log.unfounded", "the log has not begun: no worker with the log's key has run yet")
    return tree


def require_writable(tree: Tree | None) -> Tree:
    """The tree, if leaves may be appended to it. Raises `Unavailable` with `log.unfounded` or `log.read_only`."""
    founded = require_founded(tree)
    if founded.read_only:
        raise Unavailable("log.read_only", f"the log accepts nothing at the moment: {founded.read_only}")
    return founded


async def read_edge(tx: AsyncConnection, tree: Tree) -> dict[TileId, bytes]:
    """The unfilled tiles of the tree, once its root says that they are the right ones.

    Raises `Unavailable("log.damaged")`.
    """
    edge = await read_tiles(tx, edge_of(tree.size))
    try:
        intact = root_of(tree.size, edge) == tree.root
    except (KeyError, Malformed):
        intact = False
    if not intact:
        raise Unavailable("log.damaged", f"the tiles at the edge of the tree of {tree.size} do not make its root")
    return edge
