from dataclasses import replace

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.assertion import MAX_SIGNATURE, verify_assertion
from cosignet.core.encoding import b64u, sha256
from cosignet.errors import Refused
from cosignet.testing import AT, BE, BS, ED, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, CHALLENGE, ORIGIN, RP, raises
from tests.unit.cose import BROKEN, NOT_CANONICAL, OTHER_SPELLINGS, P256_ORDER, SMALL_ORDER, UNSUPPORTED, ed25519_key

ALGORITHMS = pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])


@pytest.fixture
def passkey():
    return SoftwarePasskey("alice")


def check(assertion, credential):
    return verify_assertion(assertion, credential=credential, challenge=CHALLENGE, rp=RP)


@ALGORITHMS
@pytest.mark.parametrize("synced", [False, True])
def test_an_honest_assertion_is_accepted(algorithm, synced):
    passkey = SoftwarePasskey("alice", algorithm=algorithm, synced=synced)
    proof = check(passkey.sign(CHALLENGE, CEREMONY), passkey.credential)
    assert (proof.credential, proof.sign_count, proof.backed_up) == (passkey.credential, 1, synced)


def test_an_assertion_without_a_user_handle_is_accepted(passkey):
    assertion = replace(passkey.sign(CHALLENGE, CEREMONY), user_handle=None)
    assert check(assertion, passkey.credential).credential.person == "alice"


def test_an_eligible_key_that_is_not_synced_now_is_accepted():
    passkey = SoftwarePasskey("alice", synced=True)
    passkey._backup_flags = BE
    assert not check(passkey.sign(CHALLENGE, CEREMONY), passkey.credential).backed_up


def test_extensions_and_extra_keys_are_accepted(passkey):
    ceremony = replace(
        CEREMONY,
        flags=UP | UV | ED,
        extensions=cbor2.dumps({"hmac-secret": bytes(32)}),
        client_data={"other_keys_can_be_added_here": "see the specification"},
    )
    assert check(passkey.sign(CHALLENGE, ceremony), passkey.credential).sign_count == 1


# Each of these is signed by the right passkey over the right challenge: only the rule named can refuse it.
LIES = {
    "type": ({"client_data": {"type": "webauthn.create"}}, "assertion.type"),
    "challenge": ({"client_data": {"challenge": b64u(bytes(64))}}, "assertion.challenge"),
    "challenge padded": ({"client_data": {"challenge": b64u(CHALLENGE) + "=="}}, "assertion.challenge"),
    "origin": ({"origin": "https://evil.example"}, "assertion.origin"),
    "cross origin": ({"client_data": {"crossOrigin": True}}, "assertion.cross_origin"),
    "top origin": ({"client_data": {"topOrigin": ORIGIN}}, "assertion.cross_origin"),
    "token binding": ({"client_data": {"tokenBinding": "present"}}, "assertion.form"),
    "client data too long": ({"client_data": {"x": "x" * 8192}}, "assertion.form"),
    "relying party": ({"rp_id": "evil.example"}, "assertion.rp_id"),
    "user presence": ({"flags": UV}, "assertion.up"),
    "user verification": ({"flags": UP}, "assertion.uv"),
    "backed up but not eligible": ({"flags": UP | UV | BS}, "assertion.backup"),
    "eligible now, not at registration": ({"flags": UP | UV | BE}, "assertion.backup"),
    "synced now, not at registration": ({"flags": UP | UV | BE | BS}, "assertion.backup"),
    "flag of a new credential": ({"flags": UP | UV | AT}, "assertion.form"),
    "trailing bytes": ({"extensions": b"\x00"}, "assertion.form"),
    "extensions garbage": ({"flags": UP | UV | ED, "extensions": b"\xff"}, "assertion.form"),
    "extensions missing": ({"flags": UP | UV | ED}, "assertion.form"),
}


@ALGORITHMS
@pytest.mark.parametrize(("changes", "code"), LIES.values(), ids=LIES.keys())
def test_a_ceremony_that_lies_is_refused(algorithm, changes, code):
    passkey = SoftwarePasskey("alice", algorithm=algorithm)
    with raises(Refused, code):
        check(passkey.sign(CHALLENGE, replace(CEREMONY, **changes)), passkey.credential)


def test_a_key_that_was_eligible_for_backup_stays_so():
    passkey = SoftwarePasskey("alice", synced=True)
    credential = passkey.credential
    passkey._backup_flags = 0
    with raises(Refused, "assertion.backup"):
        check(passkey.sign(CHALLENGE, CEREMONY), credential)


def test_a_new_credential_inside_an_assertion_is_refused(passkey):
    new = bytes(16) + len(passkey.id).to_bytes(2) + passkey.id + passkey.credential.public_key
    ceremony = replace(CEREMONY, flags=UP | UV | AT, extensions=new)
    with raises(Refused, "assertion.form"):
        check(passkey.sign(CHALLENGE, ceremony), passkey.credential)


def test_another_credential_id_is_refused(passkey):
    assertion = replace(passkey.sign(CHALLENGE, CEREMONY), credential_id=b"another")
    with raises(Refused, "assertion.key"):
        check(assertion, passkey.credential)


@pytest.mark.parametrize("handle", [b"bob", b"", b"alic", b"alice\x00", b"ALICE"])
def test_the_user_handle_of_another_is_refused(passkey, handle):
    with raises(Refused, "assertion.user"):
        check(replace(passkey.sign(CHALLENGE, CEREMONY), user_handle=handle), passkey.credential)


UNUSABLE = (
    UNSUPPORTED
    | BROKEN
    | OTHER_SPELLINGS
    | {name: ed25519_key(point) for name, point in (SMALL_ORDER | NOT_CANONICAL).items()}
)


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_key_is_refused_again_by_every_verifier(passkey, key):
    with raises(Refused, "assertion.key"):
        check(passkey.sign(CHALLENGE, CEREMONY), replace(passkey.credential, public_key=key))


@ALGORITHMS
def test_a_signature_over_other_data_is_refused(algorithm):
    passkey = SoftwarePasskey("alice", algorithm=algorithm)
    assertion = passkey.sign(CHALLENGE, CEREMONY)
    signed = assertion.authenticator_data + sha256(assertion.client_data)
    others = (signed[:-1], signed + b"\x00", assertion.authenticator_data + assertion.client_data, sha256(signed))
    assert check(replace(assertion, signature=passkey._sign(signed)), passkey.credential)
    for other in others:
        with raises(Refused, "assertion.signature"):
            check(replace(assertion, signature=passkey._sign(other)), passkey.credential)


@ALGORITHMS
def test_the_signature_of_another_key_is_refused(algorithm):
    passkey, other = SoftwarePasskey("alice", algorithm=algorithm), SoftwarePasskey("alice", algorithm=algorithm)
    assertion = replace(other.sign(CHALLENGE, CEREMONY), credential_id=passkey.id)
    with raises(Refused, "assertion.signature"):
        check(assertion, passkey.credential)


@pytest.mark.parametrize("signature", [b"", b"\x30", bytes(64), bytes(MAX_SIGNATURE + 1), bytes(1_000_000)])
def test_a_signature_of_another_size_is_refused(passkey, signature):
    with raises(Refused, "assertion.signature"):
        check(replace(passkey.sign(CHALLENGE, CEREMONY), signature=signature), passkey.credential)


def test_the_twin_of_an_ecdsa_signature_verifies(passkey):
    """ECDSA is malleable: nothing may be identified by a signature, or by a hash of one."""
    assertion = passkey.sign(CHALLENGE, CEREMONY)
    r, s = decode_dss_signature(assertion.signature)
    twin = replace(assertion, signature=encode_dss_signature(r, P256_ORDER - s))
    assert twin.signature != assertion.signature
    assert check(twin, passkey.credential) == check(assertion, passkey.credential)
