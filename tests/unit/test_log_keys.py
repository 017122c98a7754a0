"""Keys of logs and witnesses: what they sign verifies, and nothing else does."""

import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.encoding import sha256
from cosignet.core.log_keys import Kind, LogKey, SigningKey, open_checkpoint
from cosignet.core.note import Note, Signature, encode_base64
from cosignet.errors import Malformed, VerificationFailed

ORIGIN = "log.example.com/public/log"
HEAD = Checkpoint(ORIGIN, 1_234, sha256(b"a root"))
NOW = 1_764_000_000
KEYS = {kind: SigningKey(ORIGIN, kind, sha256(bytes([kind]))) for kind in Kind}

# The example of c2sp.org/signed-note.
EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"


def signed(*keys, head=HEAD, at=NOW):
    return Note(head.to_text(), tuple(key.sign(head, time=at) for key in keys)).to_bytes()


def refusal(raw, *keys):
    with pytest.raises((VerificationFailed, Malformed)) as caught:
        open_checkpoint(raw, [key.public for key in keys])
    return caught.value.code


@pytest.mark.parametrize("kind", Kind)
def test_what_a_key_signs_verifies_and_says_when(kind):
    key = KEYS[kind]
    head, signers = open_checkpoint(signed(key), [key.public])
    assert head == HEAD
    assert signers == {key.public: 0 if kind == Kind.ED25519 else NOW}


def test_each_of_several_keys_is_named():
    head, signers = open_checkpoint(signed(*KEYS.values()), [key.public for key in KEYS.values()])
    assert (head, set(signers)) == (HEAD, {key.public for key in KEYS.values()})


def test_signatures_of_others_are_passed_over():
    stranger = SigningKey("stranger.example", Kind.ED25519, bytes(32))
    ours = KEYS[Kind.ED25519]
    assert set(open_checkpoint(signed(stranger, ours, stranger), [ours.public])[1]) == {ours.public}
    assert refusal(signed(stranger), ours) == "log.signature"
    assert refusal(signed(ours)) == "log.signature"


@pytest.mark.parametrize("kind", Kind)
def test_every_bit_counts(kind):
    key = KEYS[kind]
    line = key.sign(HEAD, time=NOW)
    step = 1 if kind != Kind.ML_DSA_44 else 41
    for bit in range(0, len(line.signature) * 8, step):
        flipped = bytearray(line.signature)
        flipped[bit // 8] ^= 1 << bit % 8
        raw = Note(HEAD.to_text(), (Signature(line.name, line.key_id, bytes(flipped)),)).to_bytes()
        assert refusal(raw, key) == "log.signature"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    "other",
    [
        Checkpoint(ORIGIN, 1_235, HEAD.root),
        Checkpoint(ORIGIN, 1_234, sha256(b"another root")),
        Checkpoint(f"{ORIGIN}2", 1_234, HEAD.root),
    ],
)
def test_a_signature_is_of_one_head(kind, other):
    key = KEYS[kind]
    raw = Note(other.to_text(), (key.sign(HEAD, time=NOW),)).to_bytes()
    assert refusal(raw, key) == "log.signature"


def test_a_known_key_that_does_not_verify_condemns_the_note():
    bad = Signature(ORIGIN, KEYS[Kind.ED25519].public.id, bytes(64))
    good = KEYS[Kind.ML_DSA_44].sign(HEAD, time=NOW)
    raw = Note(HEAD.to_text(), (good, bad)).to_bytes()
    assert refusal(raw, KEYS[Kind.ED25519], KEYS[Kind.ML_DSA_44]) == "log.signature"
    # Nor does a good line of the same key make up for a bad one.
    again = Note(HEAD.to_text(), (KEYS[Kind.ED25519].sign(HEAD, time=NOW), bad)).to_bytes()
    assert refusal(again, KEYS[Kind.ED25519]) == "log.signature"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("length", [1, 8, 63, 65, 71, 73, 2_427, 2_429])
def test_a_signature_of_another_length_does_not_verify(kind, length):
    key = KEYS[kind]
    raw = Note(HEAD.to_text(), (Signature(ORIGIN, key.public.id, bytes(length)),)).to_bytes()
    assert refusal(raw, key) == "log.signature"


def test_a_key_of_the_same_name_and_id_is_still_another_key():
    ours = KEYS[Kind.ED25519]
    other = SigningKey(ORIGIN, Kind.ED25519, sha256(b"another seed"))
    forged = Signature(ORIGIN, ours.public.id, other.sign(HEAD, time=0).signature)
    assert refusal(Note(HEAD.to_text(), (forged,)).to_bytes(), ours) == "log.signature"


def test_the_time_is_signed():
    key = KEYS[Kind.COSIGNATURE]
    line = key.sign(HEAD, time=NOW)
    later = Signature(line.name, line.key_id, (NOW + 1).to_bytes(8) + line.signature[8:])
    assert refusal(Note(HEAD.to_text(), (later,)).to_bytes(), key) == "log.signature"


@pytest.mark.parametrize("text", ["not a head\n", f"{ORIGIN}\n01\n{encode_base64(HEAD.root)}\n"])
def test_what_is_signed_has_to_be_a_head(text):
    key = KEYS[Kind.ED25519]
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(text.encode())
    raw = Note(text, (Signature(ORIGIN, key.public.id, signature),)).to_bytes()
    assert refusal(raw, key) == "checkpoint.form"


def test_the_example_of_the_specification_is_a_key():
    key = LogKey.parse(EXAMPLE)
    assert (key.name, key.kind, key.id.hex()) == ("example.com/foo", Kind.ED25519, "530d903a")
    assert key.to_text() == EXAMPLE


@pytest.mark.parametrize("kind", Kind)
def test_a_key_is_read_as_it_was_written(kind):
    key = KEYS[kind]
    assert SigningKey.parse(key.to_text()) == key
    assert LogKey.parse(key.public.to_text()) == key.public
    assert key.to_text().startswith(f"PRIVATE+KEY+{ORIGIN}+{key.public.id.hex()}+")
    assert encode_base64(key.seed) not in key.public.to_text()


SMALL_ORDER = LogKey("weak.example", Kind.ED25519, (1).to_bytes(32, "little"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "example.com/foo+530d903a",
        EXAMPLE.replace("530d903a", "530d903b"),
        EXAMPLE.replace("530d903a", "530D903A"),
        EXAMPLE.replace("530d903a", "30d903a"),
        EXAMPLE.replace("example.com/foo", "example.com/bar"),
        EXAMPLE.replace("example.com/foo", "example com/foo"),
        EXAMPLE.replace("example.com/foo", ""),
        EXAMPLE.replace("+Aeky", "+Beky"),
        EXAMPLE[:-4],
        EXAMPLE + "\n",
        EXAMPLE + "=",
        SMALL_ORDER.to_text(),
        LogKey("odd.example", Kind.ED25519, bytes(31)).to_text(),
        LogKey("odd.example", Kind.ML_DSA_44, bytes(1_311)).to_text(),
        KEYS[Kind.ED25519].to_text(),
        "x" * 256 + EXAMPLE,
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(Malformed) as caught:
        LogKey.parse(text)
    assert caught.value.code == "log.key"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.removeprefix("PRIVATE+KEY+"),
        lambda text: text.replace("PRIVATE", "Private"),
        lambda text: text[:-4],
        lambda text: text.replace(ORIGIN, "elsewhere.example"),
        lambda _: KEYS[Kind.ED25519].public.to_text(),
    ],
)
def test_what_is_no_private_key_is_refused_and_not_repeated(change):
    text = change(KEYS[Kind.ED25519].to_text())
    with pytest.raises(Malformed) as caught:
        SigningKey.parse(text)
    assert caught.value.code == "log.key"
    assert text not in str(caught.value)


def test_a_head_is_signed_in_no_time():
    began = time.perf_counter()
    for _ in range(20):
        signed(KEYS[Kind.ED25519], KEYS[Kind.ML_DSA_44])
    assert time.perf_counter() - began < 5
