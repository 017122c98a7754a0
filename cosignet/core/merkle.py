"""The log's tree: RFC 6962 §2.1 hashes, inclusion and consistency proofs. Verification follows RFC 9162 §2.1.3, §2.1.4.

A proof is a list of hashes, each of the leaves of one range. Which ranges those are is arithmetic; where their
hashes come from is the caller's business (`cosignet.core.tiles`).
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cosignet.core.encoding import sha256
from cosignet.errors import Malformed, VerificationFailed

EMPTY_ROOT = sha256(b"")


class Node(NamedTuple):
    """A complete subtree: leaves `number << level` up to, not including, `(number + 1) << level`."""

    level: int
    number: int


class Range(NamedTuple):
    """Leaves from `start` up to, not including, `end`."""

    start: int
    end: int


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one entry, 32 bytes."""
    return sha256(b"\x00" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees, 32 bytes."""
    return sha256(b"\x01" + left + right)


def parents_of(hashes: bytes) -> list[bytes]:
    """The hash of each pair of these, which follow one another, 32 bytes each."""
    # One call for each instead of three: a proof out of a large tree takes hundreds.
    return [hashlib.sha256(b"\x01" + hashes[pair : pair + 64]).digest() for pair in range(0, len(hashes), 64)]


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """What proves that leaf `index` is in the tree of `size` leaves, the leaf's sibling first.

    Raises `Malformed("log.range")` unless `0 <= index < size`.
    """
    if not 0 <= index < size:
        raise Malformed("log.range", f"no leaf {index} in a tree of {size}")
    start, end, ranges = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        ranges.append(Range(middle, end) if index < middle else Range(start, middle))
        start, end = (start, middle) if index < middle else (middle, end)
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """What proves that the tree of `first` leaves is the beginning of that of `second`; nothing when `first` is 0.

    Raises `Malformed("log.range")` unless `0 <= first <= second`.
    """
    if not 0 <= first <= second:
        raise Malformed("log.range", f"no tree of {first} leaves at the beginning of one of {second}")
    if first == 0:
        return []
    start, end, ranges = 0, second, []
    while end != first:
        middle = start + _split(end - start)
        ranges.append(Range(middle, end) if first <= middle else Range(start, middle))
        start, end = (start, middle) if first <= middle else (middle, end)
    # The old root itself is known to whoever verifies; a part of it is not.
    return [Range(start, end), *ranges[::-1]] if start else ranges[::-1]


def nodes_of(leaves: Range) -> list[Node]:
    """The complete subtrees that a range of a proof consists of, from left to right, the largest first."""
    start, end = leaves
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def range_hash(leaves: Range, read: Callable[[Node], bytes]) -> bytes:
    """The hash of the subtree over `leaves`, from those of its complete subtrees."""
    hashes = [read(node) for node in nodes_of(leaves)]
    if not hashes:
        return EMPTY_ROOT
    *left, whole = hashes
    for subtree in reversed(left):
        whole = node_hash(subtree, whole)
    return whole


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Require that the entry with hash `leaf` is leaf `index` of the tree of `size` leaves with this `root`.

    Raises `VerificationFailed("log.inclusion")`.
    """
    ranges = inclusion_ranges(index, size) if 0 <= index < size else None
    if ranges is None or len(proof) != len(ranges):
        raise VerificationFailed("log.inclusion", "this is no proof for a leaf of such a tree")
    whole = leaf
    for leaves, sibling in zip(ranges, proof, strict=True):
        whole = node_hash(sibling, whole) if leaves.end <= index else node_hash(whole, sibling)
    if whole != root:
        raise VerificationFailed("log.inclusion", "the leaf is not in the tree with this root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Require that the tree of `second` leaves begins with the whole tree of `first`.

    Raises `VerificationFailed("log.consistency")`.
    """
    ranges = consistency_ranges(first, second) if 0 <= first <= second else None
    if ranges is None or len(proof) != len(ranges):
        raise VerificationFailed("log.consistency", "this is no proof between trees of such sizes")
    if _roots(first, second, list(zip(ranges, proof, strict=True)), old_root, new_root) != (old_root, new_root):
        raise VerificationFailed("log.consistency", "the tree with the new root does not begin with the old one")


def _roots(
    first: int, second: int, steps: list[tuple[Range, bytes]], known: bytes, claimed: bytes
) -> tuple[bytes, bytes]:
    """Both roots as the proof has them."""
    if first == 0:
        return EMPTY_ROOT, claimed if second else EMPTY_ROOT
    old = new = steps.pop(0)[1] if steps and steps[0][0].end == first else known
    for leaves, sibling in steps:
        if leaves.end <= first:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    return old, new


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
