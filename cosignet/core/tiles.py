"""The tree as tiles: addresses, growth, and where the hashes of proofs are found. c2sp.org/tlog-tiles.

A tile holds up to 256 hashes of one row of the tree: entry i of tile (l, n) is the hash of the complete subtree over
leaves (n·256 + i)·256^l up to, not including, (n·256 + i + 1)·256^l. A tile that is not full yet is a prefix of
the full one, so one that has grown still serves every smaller size.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

from cosignet.core.merkle import Node, Range, nodes_of, parents_of, range_hash
from cosignet.errors import Malformed

WIDTH = 256
HASH_BYTES = 32
MAX_ENTRY = 65_535

_BITS = 8
_PATH = re.compile(
    r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<groups>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?",
    re.ASCII,
)


class TileId(NamedTuple):
    """Which tile: its level, and its number in that level."""

    level: int
    number: int


class Address(NamedTuple):
    """What a path below `tile/` names: hashes of a tile, or entries of a bundle (`level` `None`), `width` of them."""

    level: int | None
    number: int
    width: int

    @property
    def path(self) -> str:
        """The path below the log's prefix, such as `tile/0/x001/x234/067.p/5`."""
        groups: list[str] = []
        rest = self.number
        while rest or not groups:
            rest, group = divmod(rest, 1000)
            groups.append(f"x{group:03}" if groups else f"{group:03}")
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def read_address(path: str) -> Address:
    """Read a path below `tile/`, in its one spelling. Raises `Malformed("log.tile")`."""
    found = _PATH.fullmatch(path)
    if not found:
        raise Malformed("log.tile", "not the path of a tile")
    level = None if found["level"] == "entries" else int(found["level"])
    number = int(found["groups"].replace("x", "").replace("/", ""))
    address = Address(level, number, WIDTH if found["width"] is None else int(found["width"]))
    if address.path != f"tile/{path}" or not 0 < address.width <= WIDTH:
        raise Malformed("log.tile", "not the path of a tile as the log writes it")
    return address


def width_at(tile: TileId, size: int) -> int:
    """How many hashes a tile has in the tree of `size` leaves, 0 to 256."""
    return min(max((size >> _BITS * tile.level) - tile.number * WIDTH, 0), WIDTH)


def edge_of(size: int) -> list[TileId]:
    """The tiles that are there and not full in the tree of `size` leaves, the lowest first."""
    return [TileId(level, count // WIDTH) for level, count in _rows(size) if count % WIDTH]


def grow(size: int, leaves: Sequence[bytes], edge: Mapping[TileId, bytes]) -> dict[TileId, bytes]:
    """Every tile that changes when these leaf hashes follow the tree of `size` leaves, whose edge is given."""
    changed: dict[TileId, bytes] = {}
    row, count, level = list(leaves), size, 0
    while row:
        first = TileId(level, count // WIDTH)
        data = (edge[first] if count % WIDTH else b"") + b"".join(row)
        tiles = [data[start : start + WIDTH * HASH_BYTES] for start in range(0, len(data), WIDTH * HASH_BYTES)]
        changed |= {TileId(level, first.number + place): tile for place, tile in enumerate(tiles)}
        row = [_subtree(tile) for tile in tiles if len(tile) == WIDTH * HASH_BYTES]
        count, level = count >> _BITS, level + 1
    return changed


def tiles_for(ranges: Iterable[Range]) -> set[TileId]:
    """The tiles in which the hashes of these ranges are found."""
    return {_place(node)[0] for leaves in ranges for node in nodes_of(leaves)}


def hashes_of(ranges: Iterable[Range], tiles: Mapping[TileId, bytes]) -> list[bytes]:
    """The hash of each range, as proofs need them, from `tiles_for` these ranges.

    Raises `KeyError` for a tile that is not given, `Malformed("log.tile")` for one that is too short.
    """
    # The ranges of a proof and of its root have subtrees in common.
    read = cache(partial(_node, tiles))
    return [range_hash(leaves, read) for leaves in ranges]


def root_of(size: int, tiles: Mapping[TileId, bytes]) -> bytes:
    """The root of the tree of `size` leaves from the tiles of its edge; errors as of `hashes_of`."""
    return hashes_of([Range(0, size)], tiles)[0]


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """A bundle: each entry after its length in two bytes, big-endian. Raises `Malformed("log.entry")`."""
    packed = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise Malformed("log.entry", f"an entry of {len(entry)} bytes; at most {MAX_ENTRY} are allowed")
        packed += [len(entry).to_bytes(2), entry]
    return b"".join(packed)


def read_entries(bundle: bytes) -> list[bytes]:
    """The entries of a bundle. Raises `Malformed("log.entry")` when it ends in the middle of one."""
    entries, position = [], 0
    while position < len(bundle):
        start = position + 2
        position = start + int.from_bytes(bundle[start - 2 : start])
        if position > len(bundle) or start > len(bundle):
            raise Malformed("log.entry", "the bundle ends in the middle of an entry")
        entries.append(bundle[start:position])
    return entries


def _rows(size: int) -> Iterable[tuple[int, int]]:
    """How many hashes each level has."""
    level = 0
    while size:
        yield level, size
        level, size = level + 1, size >> _BITS


def _place(node: Node) -> tuple[TileId, int, int]:
    """The tile that holds a subtree's hash or the hashes below it, the first of them, and how many."""
    level, height = divmod(node.level, _BITS)
    number, start = divmod(node.number << height, WIDTH)
    return TileId(level, number), start, 1 << height


def _node(tiles: Mapping[TileId, bytes], node: Node) -> bytes:
    tile, start, count = _place(node)
    hashes = tiles[tile][start * HASH_BYTES : (start + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise Malformed("log.tile", f"tile {tile.level}/{tile.number} is too short")
    return _subtree(hashes)


def _subtree(hashes: bytes) -> bytes:
    """The hash of the complete subtree over these hashes, whose number is a power of two."""
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(parents_of(hashes))
    return hashes
