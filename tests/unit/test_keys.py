import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cosignet.core.keys import EDDSA, ES256, parse_public_key
from cosignet.errors import Malformed
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import raises
from tests.unit.cose import (
    BROKEN,
    EC_KEY,
    ED_KEY,
    NOT_A_MAP,
    NOT_CANONICAL,
    OTHER_SPELLINGS,
    SMALL_ORDER,
    SMALL_X,
    SMALL_X_Y,
    UNSUPPORTED,
    cose,
    ed25519_key,
    p256_key,
)

POINTS = {name: ed25519_key(point) for name, point in (SMALL_ORDER | NOT_CANONICAL).items()}
REFUSED = UNSUPPORTED | BROKEN | OTHER_SPELLINGS | NOT_A_MAP | POINTS
MESSAGE = b"message"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_a_key_that_cannot_be_trusted_to_sign_is_refused(raw):
    with raises(Malformed, "credential.key"):
        parse_public_key(raw)


def test_both_algorithms_are_read_verbatim():
    for members, algorithm in ((EC_KEY, ES256), (ED_KEY, EDDSA)):
        key = parse_public_key(cose(members))
        assert (key.cose, key.algorithm) == (cose(members), algorithm)


def test_a_point_with_a_small_coordinate_is_accepted_once():
    assert parse_public_key(p256_key(SMALL_X, SMALL_X_Y)).algorithm == ES256


def test_every_honest_ed25519_key_is_accepted():
    for _ in range(50):
        raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert parse_public_key(ed25519_key(raw)).algorithm == EDDSA


# RFC 8032 §7.1, TEST 1 and TEST 2.
@pytest.mark.parametrize(
    ("public", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ],
)
def test_ed25519_as_published(public, message, signature):
    key = parse_public_key(ed25519_key(bytes.fromhex(public)))
    assert key.verifies(bytes.fromhex(signature), bytes.fromhex(message))
    assert not key.verifies(bytes.fromhex(signature), bytes.fromhex(message) + b"x")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_only_its_own_signature_over_the_message_verifies(algorithm):
    passkey, other = SoftwarePasskey("alice", algorithm=algorithm), SoftwarePasskey("bob", algorithm=algorithm)
    key = parse_public_key(passkey.credential.public_key)
    signature = passkey._sign(MESSAGE)
    assert key.verifies(signature, MESSAGE)
    assert not key.verifies(signature, MESSAGE + b"x")
    assert not key.verifies(other._sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("members", [EC_KEY, ED_KEY], ids=["ES256", "EdDSA"])
@pytest.mark.parametrize(
    "signature",
    [b"", b"\x00", bytes(63), bytes(64), bytes(65), b"\x30\x00", b"\x30\x06\x02\x01\x00\x02\x01\x00", b"\xff" * 256],
)
def test_a_signature_of_another_form_does_not_verify(members, signature):
    assert not parse_public_key(cose(members)).verifies(signature, MESSAGE)


def test_an_ed25519_signature_has_no_twin():
    """s + L is s again: RFC 8032 §5.1.7 has such a signature refused."""
    passkey = SoftwarePasskey("alice", algorithm="EdDSA")
    signature = passkey._sign(MESSAGE)
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    key = parse_public_key(passkey.credential.public_key)
    assert key.verifies(signature, MESSAGE)
    assert not key.verifies(twin, MESSAGE)


def test_a_key_of_small_order_would_verify_what_nobody_signed():
    """Why they are refused: with the neutral element as its key, R = [s]B verifies over any message."""
    neutral = ed25519.Ed25519PublicKey.from_public_bytes(SMALL_ORDER["order 1"])
    neutral.verify(SMALL_ORDER["order 1"] + bytes(32), MESSAGE)


def test_the_small_orders_are_all_there():
    assert len(set(SMALL_ORDER.values())) == 8
    assert len(set(NOT_CANONICAL.values())) == 2 * 19 + 2


def test_a_signature_over_another_hash_does_not_verify():
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_numbers()
    signature = private.sign(MESSAGE, ec.ECDSA(hashes.SHA384()))
    assert not parse_public_key(p256_key(point.x, point.y)).verifies(signature, MESSAGE)
