"""A proof file proves what it is a proof of, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.log_proof import LogProof
from cosignet.core.merkle import leaf_hash
from cosignet.core.note import Note, encode_base64
from cosignet.errors import Malformed, VerificationFailed
from tests.unit import naive_tree

ORIGIN = "log.example.com"
LEAVES = [b"leaf %d" % number for number in range(11)]
KEY = SigningKey(ORIGIN, Kind.ED25519, bytes(32))
OTHER = SigningKey("other.example.com", Kind.ED25519, bytes([1] * 32))
KEYS = frozenset({KEY.public, OTHER.public})


def signed(head, key=KEY):
    return Note(head.to_text(), (key.sign(head, time=0),)).to_bytes()


def proof_of(index, key=KEY, origin=ORIGIN):
    head = Checkpoint(origin, len(LEAVES), naive_tree.root(LEAVES))
    return LogProof(index, tuple(naive_tree.path(index, LEAVES)), signed(head, key))


@pytest.mark.parametrize("index", range(len(LEAVES)))
def test_a_proof_holds_for_its_entry_alone(index):
    proof = LogProof.parse(proof_of(index).to_bytes())
    head, signers = proof.verify(LEAVES[index], ORIGIN, KEYS)
    assert (head.size, set(signers)) == (len(LEAVES), {KEY.public})
    for other in range(len(LEAVES)):
        if other != index:
            with pytest.raises(VerificationFailed) as caught:
                proof.verify(LEAVES[other], ORIGIN, KEYS)
            assert caught.value.code == "log.inclusion"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda proof: replace(proof, index=4), "log.inclusion"),
        (lambda proof: replace(proof, index=len(LEAVES)), "log.inclusion"),
        (lambda proof: replace(proof, hashes=proof.hashes[:-1]), "log.inclusion"),
        (lambda proof: replace(proof, hashes=()), "log.inclusion"),
        (lambda proof: replace(proof, hashes=(*proof.hashes, bytes(32))), "log.inclusion"),
        (lambda proof: replace(proof, hashes=proof.hashes[::-1]), "log.inclusion"),
        (lambda _: proof_of(3, OTHER, OTHER.name), "log.signature"),
        (lambda _: proof_of(3, SigningKey(ORIGIN, Kind.ED25519, bytes([2] * 32))), "log.signature"),
        (lambda proof: replace(proof, checkpoint=proof.checkpoint.replace(b"\n11\n", b"\n12\n")), "log.signature"),
    ],
)
def test_a_changed_proof_does_not_hold(change, code):
    proof = change(proof_of(3))
    with pytest.raises(VerificationFailed) as caught:
        LogProof.parse(proof.to_bytes()).verify(LEAVES[3], ORIGIN, KEYS)
    assert caught.value.code == code


def test_the_form_is_that_of_the_specification():
    lines = proof_of(3).to_bytes().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert lines[2] == encode_base64(leaf_hash(LEAVES[2]))
    assert lines[6:9] == ["", ORIGIN, "11"]


GOOD = proof_of(3).to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\n\n",
        GOOD.replace(b"@v1", b"@v2"),
        b"\n" + GOOD,
        b" " + GOOD,
        GOOD.replace(b"index 3", b"index 03"),
        GOOD.replace(b"index 3", b"index +3"),
        GOOD.replace(b"index 3", b"index -3"),
        GOOD.replace(b"index 3", b"index  3"),
        GOOD.replace(b"index 3", b"index"),
        GOOD.replace(b"index 3", b"Index 3"),
        GOOD.replace(b"index 3", b"index 9223372036854775808"),
        GOOD.replace(b"index 3\n", b""),
        GOOD.replace(b"index 3\n", b"extra AAAA\nindex 3\n"),
        GOOD.replace(b"index 3\n", b"index 3\nAAAA\n"),
        GOOD.replace(b"index 3\n", b"index 3\n" + (encode_base64(bytes(32)) + "\n").encode() * 64),
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.partition(b"\n\n")[0],
        GOOD.replace(b"index 3", b"index \xd9\xa3"),
        GOOD + b"x" * 2**20,
    ],
)
def test_another_spelling_is_refused(raw):
    with pytest.raises(Malformed) as caught:
        LogProof.parse(raw)
    assert caught.value.code == "log_proof.form"


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_no_bit_may_change(bit):
    raw = bytearray(GOOD)
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, VerificationFailed)):
        LogProof.parse(bytes(raw)).verify(LEAVES[3], ORIGIN, frozenset({KEY.public}))
