"""A log's tree, grown from its entries alone."""

from collections.abc import Iterable

from cosignet.core.checkpoint import Head
from cosignet.core.merkle import leaf_hash
from cosignet.core.tiles import TileId, edge_of, grow, root_of


class GrowingTree:
    """`size` leaves, of which only the unfilled tiles are kept."""

    def __init__(self, size: int = 0, edge: dict[TileId, bytes] | None = None) -> None:
        self.size = size
        self.edge = edge or {}

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self.size, root_of(self.size, self.edge))

    def append(self, entries: Iterable[bytes]) -> dict[TileId, bytes]:
        """Append entries; every tile that changed, whole."""
        leaves = [leaf_hash(entry) for entry in entries]
        changed = grow(self.size, leaves, self.edge)
        self.size += len(leaves)
        tiles = {**self.edge, **changed}
        self.edge = {tile: tiles[tile] for tile in edge_of(self.size)}
        return changed
