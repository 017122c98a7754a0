"""Test vectors of W3C WebAuthn Level 3 §16, derived here as that section derives them: HKDF and RFC 6979.

Their flags and frames are drawn at random, so that most must be refused: for the rule that each breaks, no other.
"""

import json
from dataclasses import dataclass

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cosignet.core.assertion import Assertion, Credential, verify_assertion
from cosignet.core.authenticator_data import parse_authenticator_data
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, sha256
from cosignet.core.keys import parse_public_key
from cosignet.core.registration import verify_registration
from cosignet.errors import Refused
from cosignet.testing import AT, BE, BS, UP, UV
from tests.unit.builders import raises
from tests.unit.cose import cose

EXAMPLE = RelyingParty("example.org", frozenset({"https://example.org"}))
EXTRA = "clientDataJSON may be extended with additional fields in the future, such as this: "


class Draws:
    """The numbered random values of one vector."""

    def __init__(self, info):
        self.info = info.encode()
        self.count = 0

    def __call__(self, length=32):
        salt = bytes([self.count])
        self.count += 1
        return HKDF(hashes.SHA256(), length, salt, self.info).derive(b"WebAuthn test vectors")

    def client_data(self, kind, challenge, frame):
        members = {"type": kind, "challenge": b64u(challenge), "origin": "https://example.org", **frame}
        if self(1)[0] & 1:
            members["extraData"] = EXTRA + b64u(self(16))
        return json.dumps(members, separators=(",", ":")).encode()

    def flags(self, backup_eligible=None):
        """UP, with UV, BE and BS as drawn; BE stays what the registration made it."""
        drawn = self(1)[0]
        eligible = bool(drawn & BE) if backup_eligible is None else backup_eligible
        return UP | drawn & UV | BE * eligible | drawn & BS * eligible


@dataclass
class Vector:
    credential: Credential
    create_challenge: bytes
    create_client_data: bytes
    attestation_object: bytes
    get_challenge: bytes
    assertion: Assertion

    def register(self):
        return verify_registration(
            credential_id=self.credential.id,
            attestation_object=self.attestation_object,
            client_data=self.create_client_data,
            challenge=self.create_challenge,
            rp=EXAMPLE,
        )

    def authenticate(self):
        return verify_assertion(self.assertion, credential=self.credential, challenge=self.get_challenge, rp=EXAMPLE)


def derive(info, frame, id_length=32):
    draw = Draws(info)
    create_challenge = draw()
    key = ec.derive_private_key(int.from_bytes(draw()), ec.SECP256R1())
    create_client_data = draw.client_data("webauthn.create", create_challenge, frame)
    aaguid, credential_id, flags = draw(16), draw(id_length), draw.flags()
    point = key.public_key().public_numbers()
    public_key = cose({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})
    attested = aaguid + id_length.to_bytes(2) + credential_id + public_key
    data = sha256(b"example.org") + bytes([flags | AT]) + bytes(4) + attested
    attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
    get_challenge = draw()
    get_client_data = draw.client_data("webauthn.get", get_challenge, frame)
    get_data = sha256(b"example.org") + bytes([draw.flags(bool(flags & BE))]) + bytes(4)
    signed = get_data + sha256(get_client_data)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return Vector(
        Credential(credential_id, "somebody", public_key, bool(flags & BE)),
        create_challenge,
        create_client_data,
        attestation,
        get_challenge,
        Assertion(credential_id, get_data, get_client_data, signature, None),
    )


FRAME_NONE = {"crossOrigin": False}
FRAME_CROSS = {"crossOrigin": True}
FRAME_TOP = {"crossOrigin": True, "topOrigin": "https://example.com"}

PLAIN = derive("none.ES256", FRAME_NONE)
CROSS_ORIGIN = derive("none.ES256.crossOrigin", FRAME_CROSS)
TOP_ORIGIN = derive("none.ES256.topOrigin", FRAME_TOP)
LONG_ID = derive("none.ES256.long-credential-id", FRAME_NONE, 1_023)


# SHA-256 over the published bytes, in the order of the specification's text.
@pytest.mark.parametrize(
    ("vector", "fingerprint"),
    [
        (PLAIN, "f3172326566fbdda5168d4c3461009bc439be1b88a0540effc0f191e025cdfb1"),
        (CROSS_ORIGIN, "879cc9dba859ada5973551099c4e3b419fdd0963913290675ff0158790bb6ff6"),
        (TOP_ORIGIN, "cf65b6773cd85c2c5517be12d660857ead70dc5ed69db5547b47480062f418f7"),
        (LONG_ID, "751568746cc190c0cac35ad3a2724f46410dc15c903aa82793755ed329ed2d0a"),
    ],
)
def test_what_is_derived_is_what_was_published(vector, fingerprint):
    published = (
        vector.create_challenge,
        vector.create_client_data,
        vector.attestation_object,
        vector.get_challenge,
        vector.assertion.client_data,
        vector.assertion.authenticator_data,
        vector.assertion.signature,
    )
    assert sha256(b"".join(published)).hex() == fingerprint


def test_a_user_verified_assertion_is_accepted():
    proof = LONG_ID.authenticate()
    assert (len(proof.credential.id), proof.credential.backup_eligible, proof.backed_up) == (1_023, True, False)


@pytest.mark.parametrize(
    ("vector", "code"),
    [
        (PLAIN, "assertion.uv"),
        (CROSS_ORIGIN, "assertion.cross_origin"),
        (TOP_ORIGIN, "assertion.cross_origin"),
    ],
)
def test_an_assertion_is_refused_for_its_own_flaw(vector, code):
    key = parse_public_key(vector.credential.public_key)
    signed = vector.assertion.authenticator_data + sha256(vector.assertion.client_data)
    assert key.verifies(vector.assertion.signature, signed)
    with raises(Refused, code):
        vector.authenticate()


@pytest.mark.parametrize(
    ("vector", "code"),
    [
        (PLAIN, "assertion.uv"),
        (LONG_ID, "assertion.uv"),
        (CROSS_ORIGIN, "assertion.cross_origin"),
        (TOP_ORIGIN, "assertion.cross_origin"),
    ],
)
def test_a_registration_is_refused_for_its_own_flaw(vector, code):
    with raises(Refused, code):
        vector.register()


def test_the_long_id_is_read():
    members = cbor2.loads(LONG_ID.attestation_object)
    new = parse_authenticator_data(members["authData"]).credential
    assert (new.id, new.public_key) == (LONG_ID.credential.id, LONG_ID.credential.public_key)
