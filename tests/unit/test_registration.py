from dataclasses import replace

import cbor2
import pytest

from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.registration import MAX_ATTESTATION_OBJECT, verify_registration
from cosignet.errors import Malformed, Refused
from cosignet.testing import AT, BS, ED, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, CHALLENGE, RP, raises
from tests.unit.cose import BROKEN, NOT_CANONICAL, SMALL_ORDER, UNSUPPORTED, ed25519_key


class PasskeyWithKey(SoftwarePasskey):
    """Registers a public key of the test's choice."""

    def __init__(self, public_key):
        super().__init__("alice")
        self.public_key = public_key

    def _cose(self):
        return self.public_key


def register(passkey, ceremony=CEREMONY, *, challenge=CHALLENGE, **changes):
    answer = passkey.register(challenge, ceremony)["response"]
    fields = {
        "credential_id": passkey.id,
        "attestation_object": from_b64u(answer["attestationObject"]),
        "client_data": from_b64u(answer["clientDataJSON"]),
        **changes,
    }
    return verify_registration(**fields, challenge=CHALLENGE, rp=RP)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("synced", [False, True])
def test_an_honest_registration_is_accepted(algorithm, synced):
    passkey = SoftwarePasskey("alice", algorithm=algorithm, synced=synced)
    new = register(passkey)
    assert (new.id, new.public_key, new.aaguid) == (passkey.id, passkey.credential.public_key, bytes(16))
    assert (new.sign_count, new.backup_eligible, new.backed_up) == (0, synced, synced)


def test_extensions_are_accepted():
    ceremony = replace(CEREMONY, flags=UP | UV | ED, extensions=cbor2.dumps({"credProtect": 3}))
    passkey = SoftwarePasskey("alice")
    assert register(passkey, ceremony).id == passkey.id


@pytest.mark.parametrize("size", [1, 1_023])
def test_ids_up_to_1023_bytes_are_accepted(size):
    passkey = SoftwarePasskey("alice")
    passkey.id = bytes(size)
    assert register(passkey).id == bytes(size)


@pytest.mark.parametrize("size", [0, 1_024])
def test_ids_of_any_other_size_are_refused(size):
    passkey = SoftwarePasskey("alice")
    passkey.id = bytes(size)
    with raises(Refused, "assertion.form"):
        register(passkey)


LIES = {
    "type": ({"client_data": {"type": "webauthn.get"}}, "assertion.type"),
    "challenge": ({"client_data": {"challenge": b64u(bytes(64))}}, "assertion.challenge"),
    "origin": ({"origin": "https://evil.example"}, "assertion.origin"),
    "cross origin": ({"client_data": {"crossOrigin": True}}, "assertion.cross_origin"),
    "top origin": ({"client_data": {"topOrigin": "https://evil.example"}}, "assertion.cross_origin"),
    "relying party": ({"rp_id": "evil.example"}, "assertion.rp_id"),
    "user presence": ({"flags": UV}, "assertion.up"),
    "user verification": ({"flags": UP}, "assertion.uv"),
    "backed up but not eligible": ({"flags": UP | UV | BS}, "assertion.backup"),
    "trailing bytes": ({"extensions": b"\x00"}, "assertion.form"),
}


@pytest.mark.parametrize(("changes", "code"), LIES.values(), ids=LIES.keys())
def test_a_ceremony_that_lies_is_refused(changes, code):
    with raises(Refused, code):
        register(SoftwarePasskey("alice"), replace(CEREMONY, **changes))


def test_another_challenge_is_refused():
    with raises(Refused, "assertion.challenge"):
        register(SoftwarePasskey("alice"), challenge=bytes(64))


def test_an_id_other_than_the_one_inside_is_refused():
    with raises(Refused, "assertion.form"):
        register(SoftwarePasskey("alice"), credential_id=b"another")


POINTS = {name: ed25519_key(point) for name, point in (SMALL_ORDER | NOT_CANONICAL).items()}
UNUSABLE = UNSUPPORTED | BROKEN | POINTS


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_key_that_cannot_be_trusted_to_sign_is_refused(key):
    with raises(Malformed, "credential.key"):
        register(PasskeyWithKey(key))


def authenticator_data(passkey, flags=UP | UV | AT):
    attested = bytes(16) + len(passkey.id).to_bytes(2) + passkey.id + passkey.credential.public_key
    return sha256(RP.id.encode()) + bytes([flags]) + bytes(4) + (attested if flags & AT else b"")


def attestation(passkey, **changes):
    members = {"fmt": "none", "attStmt": {}, "authData": authenticator_data(passkey), **changes}
    return cbor2.dumps({key: value for key, value in members.items() if value is not ...})


def test_an_attestation_statement_is_ignored():
    passkey = SoftwarePasskey("alice")
    statement = {"alg": -7, "sig": b"anything", "x5c": [b"certificate"]}
    packed = attestation(passkey, fmt="packed", attStmt=statement)
    assert register(passkey, attestation_object=packed) == register(passkey)


def test_the_longest_attestation_object_is_accepted():
    passkey = SoftwarePasskey("alice")
    overhead = len(attestation(passkey, attStmt={"x5c": bytes(30_000)})) - 30_000
    longest = attestation(passkey, attStmt={"x5c": bytes(MAX_ATTESTATION_OBJECT - overhead)})
    assert len(longest) == MAX_ATTESTATION_OBJECT
    assert register(passkey, attestation_object=longest) == register(passkey)


PASSKEY = SoftwarePasskey("alice")
REFUSED = {
    "nothing": b"",
    "no map": b"\x80",
    "garbage": b"\xff" * 50,
    "cut short": attestation(PASSKEY)[:-1],
    "trailing byte": attestation(PASSKEY) + b"\x00",
    "unknown member": attestation(PASSKEY, ep=True),
    "fmt missing": attestation(PASSKEY, fmt=...),
    "attStmt missing": attestation(PASSKEY, attStmt=...),
    "authData missing": attestation(PASSKEY, authData=...),
    "fmt no text": attestation(PASSKEY, fmt=b"none"),
    "attStmt no map": attestation(PASSKEY, attStmt=b""),
    "authData as text": attestation(PASSKEY, authData="x" * 200),
    "authData empty": attestation(PASSKEY, authData=b""),
    "authData twice": b"\xa4" + attestation(PASSKEY)[1:] + cbor2.dumps({"authData": authenticator_data(PASSKEY)})[1:],
    "no new credential": attestation(PASSKEY, authData=authenticator_data(PASSKEY, UP | UV)),
    "too long": attestation(PASSKEY, attStmt={"x5c": bytes(MAX_ATTESTATION_OBJECT)}),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_an_attestation_object_of_another_form_is_refused(raw):
    with raises(Refused, "assertion.form"):
        register(PASSKEY, attestation_object=raw)
