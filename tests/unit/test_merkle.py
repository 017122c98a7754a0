"""Trees and proofs: every size up to 256 against a naive tree, the public reference cases, and every kind of lie."""

from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.encoding import b64u
from cosignet.core.merkle import (
    EMPTY_ROOT,
    Range,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    range_hash,
    verify_consistency,
    verify_inclusion,
)
from cosignet.errors import Malformed, VerificationFailed
from tests.unit import naive_tree

SIZES = range(1, 257)
LEAVES = [b"leaf %d" % number for number in range(256)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]

# The public cases of the RFC 6962 reference implementation: eight leaves, and the roots of the first n of them.
REFERENCE = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes(range(0x60, 0x70))
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@cache
def subtree(start, end):
    """The hash over these of our leaves, in the split of RFC 6962."""
    if end - start == 1:
        return HASHES[start]
    middle = start + naive_tree.largest_power_below(end - start)
    return node_hash(subtree(start, middle), subtree(middle, end))


def read(node):
    return subtree(node.number << node.level, (node.number + 1) << node.level)


def root(size):
    return range_hash(Range(0, size), read)


def inclusion(index, size):
    return [range_hash(leaves, read) for leaves in inclusion_ranges(index, size)]


def consistency(first, second):
    return [range_hash(leaves, read) for leaves in consistency_ranges(first, second)]


def test_the_public_reference_roots():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for size, expected in enumerate(REFERENCE_ROOTS, 1):
        assert naive_tree.root(REFERENCE[:size]).hex() == expected
    assert leaf_hash(REFERENCE[0]).hex() == REFERENCE_ROOTS[0]
    assert node_hash(leaf_hash(REFERENCE[0]), leaf_hash(REFERENCE[1])).hex() == REFERENCE_ROOTS[1]


def test_leaf_and_node_have_domains_of_their_own():
    assert leaf_hash(b"") == sha256(b"\x00").digest()
    assert node_hash(b"a" * 32, b"b" * 32) != leaf_hash(b"a" * 32 + b"b" * 32)


def test_every_root():
    assert range_hash(Range(0, 0), read) == EMPTY_ROOT
    for size in SIZES:
        assert root(size) == naive_tree.root(LEAVES[:size])


def test_every_inclusion_proof_holds_and_is_the_one_of_the_rfc():
    for size in SIZES:
        for index in range(size):
            proof = inclusion(index, size)
            verify_inclusion(HASHES[index], index, size, proof, root(size))
            if size <= 40:
                assert proof == naive_tree.path(index, LEAVES[:size])


def test_every_consistency_proof_holds_and_is_the_one_of_the_rfc():
    for second in SIZES:
        for first in range(second + 1):
            proof = consistency(first, second)
            verify_consistency(first, second, proof, root(first), root(second))
            if first > 0 and second <= 40:
                assert proof == naive_tree.proof(first, LEAVES[:second])


def refused(check, *arguments):
    with pytest.raises(VerificationFailed) as caught:
        check(*arguments)
    return caught.value.code


def lies_about(proof):
    """Proofs that are not this one: a bit changed, a hash left out, doubled, added, swapped."""
    for place in range(len(proof)):
        flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
        yield [*proof[:place], flipped, *proof[place + 1 :]]
        yield [*proof[:place], *proof[place + 1 :]]
        yield [*proof[: place + 1], proof[place], *proof[place + 1 :]]
        if place and proof[place] != proof[place - 1]:
            yield [*proof[: place - 1], proof[place], proof[place - 1], *proof[place + 1 :]]
    yield [*proof, bytes(32)]
    yield [bytes(32), *proof]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 100, 255, 256])
def test_no_lie_about_an_inclusion_is_believed(size):
    for index in {0, 1, size // 2, size - 1} & set(range(size)):
        proof, whole = inclusion(index, size), root(size)
        for lie in lies_about(proof):
            assert refused(verify_inclusion, HASHES[index], index, size, lie, whole) == "log.inclusion"
        # That the root is of this size says the checkpoint: a smaller tree may have a proof of the same shape.
        for number, other in [(index + 1, size), (index - 1, size), (index, 0), (index, index), (-1, size)]:
            assert refused(verify_inclusion, HASHES[index], number, other, proof, whole) == "log.inclusion"
        assert refused(verify_inclusion, leaf_hash(b"other"), index, size, proof, whole) == "log.inclusion"
        assert refused(verify_inclusion, HASHES[index], index, size, proof, EMPTY_ROOT) == "log.inclusion"


@pytest.mark.parametrize("second", [1, 2, 3, 7, 8, 9, 100, 255, 256])
def test_no_lie_about_consistency_is_believed(second):
    for first in {1, 2, second // 2, second - 1, second} & set(range(1, second + 1)):
        proof, old, new = consistency(first, second), root(first), root(second)
        for lie in lies_about(proof):
            assert refused(verify_consistency, first, second, lie, old, new) == "log.consistency"
        assert refused(verify_consistency, first, second, proof, leaf_hash(b"x"), new) == "log.consistency"
        assert refused(verify_consistency, first, second, proof, old, leaf_hash(b"x")) == "log.consistency"
        for sizes in [(second + 1, second), (-1, second), (0, second)]:
            assert refused(verify_consistency, *sizes, proof, old, new) == "log.consistency"


def test_nothing_is_proven_of_a_tree_that_was_empty_but_that_it_was():
    verify_consistency(0, 5, [], EMPTY_ROOT, root(5))
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert refused(verify_consistency, 0, 5, [], root(1), root(5)) == "log.consistency"
    assert refused(verify_consistency, 0, 0, [], EMPTY_ROOT, root(1)) == "log.consistency"
    assert refused(verify_consistency, 0, 5, [bytes(32)], EMPTY_ROOT, root(5)) == "log.consistency"


@given(st.integers(1, 256), st.integers(1, 256), st.integers(0, 255), st.lists(st.sampled_from(HASHES), max_size=9))
def test_a_proof_of_anything_else_is_refused(size, other, index, proof):
    if proof != (inclusion(index, size) if index < size else None):
        assert refused(verify_inclusion, HASHES[index], index, size, proof, root(size)) == "log.inclusion"
    first, second = sorted((size, other))
    if proof != consistency(first, second):
        assert refused(verify_consistency, first, second, proof, root(first), root(second)) == "log.consistency"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: inclusion_ranges(0, 0),
        lambda: inclusion_ranges(5, 5),
        lambda: inclusion_ranges(-1, 5),
        lambda: consistency_ranges(6, 5),
        lambda: consistency_ranges(-1, 5),
    ],
)
def test_there_is_no_proof_of_what_is_not_in_the_tree(ask):
    with pytest.raises(Malformed) as caught:
        ask()
    assert caught.value.code == "log.range"


def test_a_tree_of_any_size_has_short_proofs():
    assert len(inclusion_ranges(2**62, 2**63 - 1)) == 63
    assert len(consistency_ranges(2**62 + 1, 2**63 - 1)) <= 64
    assert b64u(EMPTY_ROOT) == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
