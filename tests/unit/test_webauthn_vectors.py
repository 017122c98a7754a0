"""The fifteen test vectors of W3C WebAuthn Level 3 §16 under our rules: three assertions are accepted."""

import cbor2
import pytest

from cosignet.core.assertion import verify_assertion
from cosignet.core.authenticator_data import parse_authenticator_data
from cosignet.core.encoding import sha256
from cosignet.core.keys import parse_public_key
from cosignet.core.registration import verify_registration
from cosignet.errors import CosignetError, Malformed
from tests.unit.builders import raises
from tests.vectors import attestation
from tests.vectors.webauthn import ED448, ED25519, ES384, ES512, RP, Recipe, mersenne

CROSS_ORIGIN = (("crossOrigin", True),)
TOP_ORIGIN = (*CROSS_ORIGIN, ("topOrigin", "https://example.com"))
PACKED = {"format": "packed", "attest": attestation.packed}

# Of each: what becomes of its assertion and of its registration, and SHA-256 over the bytes that were published.
VECTORS = {
    Recipe("none.ES256"): (
        "assertion.uv",
        "assertion.uv",
        "f3172326566fbdda5168d4c3461009bc439be1b88a0540effc0f191e025cdfb1",
    ),
    Recipe("packed-self.ES256", format="packed", attest=attestation.packed_by_itself): (
        "assertion.uv",
        "accepted",
        "6a89035039793bb0e3c10b906a52dea05f1114891679e20dfeb2c0e0880751ff",
    ),
    Recipe("none.ES256.crossOrigin", frame=CROSS_ORIGIN): (
        "assertion.cross_origin",
        "assertion.cross_origin",
        "879cc9dba859ada5973551099c4e3b419fdd0963913290675ff0158790bb6ff6",
    ),
    Recipe("none.ES256.topOrigin", frame=TOP_ORIGIN): (
        "assertion.cross_origin",
        "assertion.cross_origin",
        "cf65b6773cd85c2c5517be12d660857ead70dc5ed69db5547b47480062f418f7",
    ),
    Recipe("none.ES256.long-credential-id", id_length=1_023): (
        "accepted",
        "assertion.uv",
        "751568746cc190c0cac35ad3a2724f46410dc15c903aa82793755ed329ed2d0a",
    ),
    Recipe("packed.ES256", **PACKED): (
        "accepted",
        "accepted",
        "4a6b2e2b0bd8fa4a7cc585befd8164c5e7e10a24aeec34bdf16d037b060a96fd",
    ),
    Recipe("packed.ES384", ES384, **PACKED): (
        "assertion.key",
        "assertion.uv",
        "e179fbae7c038e914af3c18852f50c6ed51f2658236ed5e808371f4c1e62d153",
    ),
    Recipe("packed.ES512", ES512, **PACKED, challenge_length=128): (
        "assertion.uv",
        "credential.key",
        "84f7325af66b18ca7438aa5d6e9eb29203168a0cd8b22c2d38a6deefcc09ff74",
    ),
    Recipe("packed.RS256", mersenne, **PACKED): (
        "assertion.uv",
        "credential.key",
        "dd263b80854294c07fc1941595e8bd0dba4971f0e0a62057f323284bc223e5d1",
    ),
    Recipe("packed.EdDSA", ED25519, **PACKED): (
        "assertion.uv",
        "assertion.uv",
        "a35ac3538922c1c46ae67c5f23cf542f6032cf3924c5b25f2e45c54d860c2331",
    ),
    Recipe("packed.Ed448", ED448, **PACKED): (
        "assertion.key",
        "assertion.uv",
        "c2960eb6f41ed2b428e5b082b2b6d5dce83d4bca1a8656c5342abfedd92637fc",
    ),
    Recipe("tpm.ES256", format="tpm", attest=attestation.tpm): (
        "accepted",
        "accepted",
        "2d60f87049e795cf1687dadcc90107a2a103183b33f328aa17ef7a8ce1a0c18d",
    ),
    Recipe("android-key.ES256", format="android-key", attest=attestation.android): (
        "assertion.uv",
        "accepted",
        "077d3ca150a5a6ebc291cd54c21ecd948178f8a361f9fcb64ea735cbdbbaa9fa",
    ),
    Recipe("apple.ES256", format="apple", attest=attestation.apple): (
        "assertion.uv",
        "assertion.uv",
        "3426adbbf50a185de5aec397b46298c82f2480ce9a62ca59072115e8ddfb23d5",
    ),
    Recipe("fido-u2f.ES256", format="fido-u2f", attest=attestation.u2f): (
        "assertion.uv",
        "assertion.uv",
        "8a62f34a006d85aedc223f894b47d60673eed3a33092ff0aa14181018d4a850c",
    ),
}
EACH = pytest.mark.parametrize(
    ("vector", "assertion", "registration", "fingerprint"),
    [(recipe.derive(), *expected) for recipe, expected in VECTORS.items()],
    ids=[recipe.info for recipe in VECTORS],
)
KEYS_FOR_OTHER_ALGORITHMS = {"packed.ES384", "packed.ES512", "packed.RS256", "packed.Ed448"}


def outcome(verify, **what):
    try:
        verify(rp=RP, **what)
    except CosignetError as error:
        return error.code
    return "accepted"


@EACH
def test_what_is_derived_is_what_was_published(vector, assertion, registration, fingerprint):
    assert sha256(vector.published).hex() == fingerprint


@EACH
def test_an_assertion_is_accepted_or_refused_for_its_own_flaw(vector, assertion, registration, fingerprint):
    found = outcome(
        verify_assertion, assertion=vector.assertion, credential=vector.credential, challenge=vector.get_challenge
    )
    assert found == assertion


@EACH
def test_a_registration_is_accepted_or_refused_for_its_own_flaw(vector, assertion, registration, fingerprint):
    found = outcome(
        verify_registration,
        credential_id=vector.credential.id,
        attestation_object=vector.attestation_object,
        client_data=vector.create_client_data,
        challenge=vector.create_challenge,
    )
    assert found == registration


def test_three_of_fifteen_assertions_are_accepted():
    assert [assertion for assertion, _, _ in VECTORS.values()].count("accepted") == 3
    assert len(VECTORS) == 15


@pytest.mark.parametrize("recipe", VECTORS, ids=lambda recipe: recipe.info)
def test_a_signature_is_never_the_flaw(recipe):
    vector = recipe.derive()
    signed = vector.assertion.authenticator_data + sha256(vector.assertion.client_data)
    if recipe.info in KEYS_FOR_OTHER_ALGORITHMS:
        with raises(Malformed, "credential.key"):
            parse_public_key(vector.credential.public_key)
    else:
        assert parse_public_key(vector.credential.public_key).verifies(vector.assertion.signature, signed)


def test_the_long_id_is_read():
    vector = Recipe("none.ES256.long-credential-id", id_length=1_023).derive()
    members = cbor2.loads(vector.attestation_object)
    new = parse_authenticator_data(members["authData"]).credential
    assert (new.id, new.public_key) == (vector.credential.id, vector.credential.public_key)
