"""Tiles: they grow to the same tree however they grow, their addresses have one spelling, bundles one reading."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from cosignet.core.tiles import (
    HASH_BYTES,
    MAX_ENTRY,
    WIDTH,
    Address,
    TileId,
    edge_of,
    grow,
    hashes_of,
    pack_entries,
    read_address,
    read_entries,
    root_of,
    tiles_for,
    width_at,
)
from cosignet.errors import Malformed
from tests.unit import naive_tree

BOUNDARIES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000]


def entry(number):
    return b"entry %d" % number


class Grown:
    """A tree that grew in steps of these sizes."""

    def __init__(self, *sizes):
        self.size, self.tiles = 0, {}
        for size in sizes:
            leaves = [leaf_hash(entry(number)) for number in range(self.size, size)]
            self.tiles |= grow(self.size, leaves, {tile: self.tiles[tile] for tile in edge_of(self.size)})
            self.size = size


@pytest.fixture(scope="module")
def large():
    return Grown(*BOUNDARIES)


def test_a_tree_that_grew_in_steps_is_the_one_that_grew_at_once(large):
    assert large.tiles == Grown(70_000).tiles


@given(st.lists(st.integers(0, 1_500), max_size=6).map(sorted))
def test_whatever_the_steps(sizes):
    steps = Grown(*sizes)
    assert steps.tiles == Grown(steps.size).tiles
    if steps.size <= 600:
        assert root_of(steps.size, steps.tiles) == naive_tree.root([entry(number) for number in range(steps.size)])


def test_the_example_of_the_specification(large):
    # c2sp.org/tlog-tiles: a tree of 70,000 leaves.
    widths = {(tile.level, tile.number): len(data) // HASH_BYTES for tile, data in large.tiles.items()}
    assert widths[0, 272] == widths[1, 0] == WIDTH
    assert (widths[0, 273], widths[1, 1], widths[2, 0]) == (112, 17, 1)
    assert len(widths) == 274 + 2 + 1
    assert edge_of(70_000) == [TileId(0, 273), TileId(1, 1), TileId(2, 0)]
    assert edge_of(256) == [TileId(1, 0)]
    assert edge_of(0) == []


def test_a_tile_serves_every_smaller_size_as_a_prefix(large):
    for size in BOUNDARIES[1:]:
        smaller = Grown(size)
        for tile, data in smaller.tiles.items():
            width = width_at(tile, size)
            assert len(data) == width * HASH_BYTES
            assert large.tiles[tile][: width * HASH_BYTES] == data
    assert width_at(TileId(0, 273), 65_536) == 0


def test_roots_and_proofs_of_every_boundary_come_from_the_tiles(large):
    roots = {size: root_of(size, large.tiles) for size in BOUNDARIES}
    assert roots[0] == EMPTY_ROOT
    assert roots[513] == naive_tree.root([entry(number) for number in range(513)])
    for size in BOUNDARIES[1:]:
        for index in {0, 1, 254, 255, 256, 257, size // 2, size - 1} & set(range(size)):
            ranges = inclusion_ranges(index, size)
            tiles = {tile: large.tiles[tile] for tile in tiles_for(ranges)}
            verify_inclusion(leaf_hash(entry(index)), index, size, hashes_of(ranges, tiles), roots[size])
        for first in BOUNDARIES:
            if first <= size:
                ranges = consistency_ranges(first, size)
                tiles = {tile: large.tiles[tile] for tile in tiles_for(ranges)}
                verify_consistency(first, size, hashes_of(ranges, tiles), roots[first], roots[size])


def test_a_proof_reads_few_tiles():
    for index in (0, 500_000, 999_999):
        assert len(tiles_for(inclusion_ranges(index, 1_000_000))) <= 6


def test_a_tile_that_is_too_short_or_not_there_gives_no_hash(large):
    ranges = inclusion_ranges(0, 70_000)
    tiles = {tile: large.tiles[tile] for tile in tiles_for(ranges)}
    short = {**tiles, TileId(0, 0): tiles[TileId(0, 0)][:-HASH_BYTES]}
    with pytest.raises(Malformed) as caught:
        hashes_of(ranges, short)
    assert caught.value.code == "log.tile"
    with pytest.raises(KeyError):
        hashes_of(ranges, {})


@pytest.mark.parametrize("flip", range(0, 8 * 32 * 3, 97))
def test_a_bit_that_flips_in_a_tile_changes_the_root(large, flip):
    tile = TileId(0, 0)
    data = bytearray(Grown(3).tiles[tile])
    data[flip // 8] ^= 1 << flip % 8
    assert root_of(3, {tile: bytes(data)}) != root_of(3, large.tiles)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (Address(0, 0, 256), "tile/0/000"),
        (Address(0, 0, 1), "tile/0/000.p/1"),
        (Address(1, 1_234_067, 256), "tile/1/x001/x234/067"),
        (Address(63, 999, 255), "tile/63/999.p/255"),
        (Address(None, 1_000, 256), "tile/entries/x001/000"),
        (Address(None, 273, 112), "tile/entries/273.p/112"),
    ],
)
def test_addresses_are_those_of_the_specification(address, path):
    assert address.path == path
    assert read_address(path.removeprefix("tile/")) == address


@given(st.none() | st.integers(0, 63), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_every_address_is_read_as_it_is_written(level, number, width):
    address = Address(level, number, width)
    assert read_address(address.path.removeprefix("tile/")) == address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "0/0",
        "0/00",
        "0/0000",
        "00/000",
        "01/000",
        "64/000",
        "100/000",
        "-1/000",
        "+1/000",
        "0/x000/001",
        "0/001/000",
        "0/x001/x000",
        "0/X001/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/01",
        "0/000.p/",
        "0/000.p",
        "0/000.p/1/",
        "0/000.P/1",
        "0//000",
        "/0/000",
        "0/000 ",
        " 0/000",
        "0/000\n",
        "0/٠٠٠",
        "entries",
        "entry/000",
        "Entries/000",
        "data/000",
        "0/../000",
        "0/%30%30%30",
        "0/x001/x001/x001/x001/x001/x001/x001/000",
    ],
)
def test_no_other_spelling_of_an_address_is_read(path):
    with pytest.raises(Malformed) as caught:
        read_address(path)
    assert caught.value.code == "log.tile"


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_a_bundle_is_read_as_it_was_packed(entries):
    assert read_entries(pack_entries(entries)) == entries


def test_lengths_are_big_endian():
    assert pack_entries([b"", b"x" * 258]) == b"\x00\x00" + b"\x01\x02" + b"x" * 258


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=4), st.data())
def test_a_bundle_that_ends_too_early_is_refused(entries, data):
    bundle = pack_entries(entries)
    whole = {sum(len(entry) + 2 for entry in entries[:count]) for count in range(len(entries) + 1)}
    cut = data.draw(st.integers(0, len(bundle)).filter(lambda place: place not in whole))
    with pytest.raises(Malformed) as caught:
        read_entries(bundle[:cut])
    assert caught.value.code == "log.entry"


def test_an_entry_has_a_longest_length():
    assert len(pack_entries([bytes(MAX_ENTRY)])) == MAX_ENTRY + 2
    with pytest.raises(Malformed) as caught:
        pack_entries([bytes(MAX_ENTRY + 1)])
    assert caught.value.code == "log.entry"


def test_the_hash_of_an_entry_in_a_bundle_is_in_its_tile(large):
    assert large.tiles[TileId(0, 1)][:HASH_BYTES] == sha256(b"\x00" + entry(256)).digest()
