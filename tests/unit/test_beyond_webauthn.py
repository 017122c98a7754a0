"""What the `webauthn` package accepts when it is asked as its documentation asks it, and we refuse.

It is our second verifier, never our only one. Each row shows both: the package's yes, and the rule that is ours.
"""

import json
from dataclasses import replace

import cbor2
import pytest
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    RegistrationCredential,
)

from cosignet.core.assertion import verify_assertion
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.registration import verify_registration
from cosignet.errors import Malformed, Refused
from cosignet.testing import BE, BS, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, CHALLENGE, ORIGIN, RP, raises
from tests.unit.cose import EC_KEY, X, Y, cose, p256_key

PASSKEY = SoftwarePasskey("alice")
HONEST_KEY = cose(EC_KEY)


def under(**changes):
    return PASSKEY.sign(CHALLENGE, replace(CEREMONY, **changes))


def over_client_data(edit):
    """Signed over client data that `edit` made of honest ones."""
    honest = under()
    client_data = edit(honest.client_data)
    return replace(
        honest, client_data=client_data, signature=PASSKEY._sign(honest.authenticator_data + sha256(client_data))
    )


def challenge_spelled(text):
    return over_client_data(lambda raw: json.dumps({**json.loads(raw), "challenge": text}).encode())


TEXT = b64u(CHALLENGE)
ASSERTIONS = {
    "a page of ours inside another site's frame": (under(client_data={"crossOrigin": True}), "assertion.cross_origin"),
    "a frame that names its site": (
        under(client_data={"topOrigin": "https://evil.example"}),
        "assertion.cross_origin",
    ),
    "nobody verified": (under(flags=UP), "assertion.uv"),
    "a key that was bound to its device and can be synced now": (under(flags=UP | UV | BE), "assertion.backup"),
    "a key that was bound to its device and is synced now": (under(flags=UP | UV | BE | BS), "assertion.backup"),
    "the id of another passkey": (replace(under(), credential_id=b"another"), "assertion.key"),
    "the user handle of another person": (replace(under(), user_handle=b"bob"), "assertion.user"),
    "the same key twice in clientDataJSON": (
        over_client_data(lambda raw: b'{"origin":"https://evil.example",' + raw[1:]),
        "assertion.form",
    ),
    "a challenge with padding": (challenge_spelled(TEXT + "=="), "assertion.challenge"),
    "a challenge with junk inside": (challenge_spelled(TEXT[:4] + "!!" + TEXT[4:]), "assertion.challenge"),
    "a challenge with a line break": (challenge_spelled(TEXT + "\n"), "assertion.challenge"),
    "a challenge with loose bits": (challenge_spelled(TEXT[:-1] + chr(ord(TEXT[-1]) + 1)), "assertion.challenge"),
    "tokenBinding that is no object": (under(client_data={"tokenBinding": "x"}), "assertion.form"),
}


def package_accepts(assertion):
    response = AuthenticatorAssertionResponse(
        client_data_json=assertion.client_data,
        authenticator_data=assertion.authenticator_data,
        signature=assertion.signature,
        user_handle=assertion.user_handle,
    )
    return verify_authentication_response(
        credential=AuthenticationCredential(
            id=b64u(assertion.credential_id), raw_id=assertion.credential_id, response=response
        ),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP.id,
        expected_origin=ORIGIN,
        credential_public_key=PASSKEY.credential.public_key,
        credential_current_sign_count=0,
    )


@pytest.mark.parametrize(("assertion", "code"), ASSERTIONS.values(), ids=ASSERTIONS.keys())
def test_an_assertion_that_the_package_accepts_is_refused(assertion, code):
    assert package_accepts(assertion)
    with raises(Refused, code):
        verify_assertion(assertion, credential=PASSKEY.credential, challenge=CHALLENGE, rp=RP)


def made(key=HONEST_KEY, id_length=16):
    """A new passkey with that COSE_Key and an id of so many bytes: its id, attestation object and client data."""
    passkey = SoftwarePasskey("alice")
    passkey.id = bytes(id_length)
    passkey._cose = lambda: key
    response = passkey.register(CHALLENGE, CEREMONY)["response"]
    return passkey.id, from_b64u(response["attestationObject"]), from_b64u(response["clientDataJSON"])


REGISTRATIONS = {
    "a point off the curve": (made(p256_key(X, Y ^ 1)), Malformed, "credential.key"),
    "the point (0, 0)": (made(p256_key(0, 0)), Malformed, "credential.key"),
    "an elliptic key that says EdDSA": (made(cose({**EC_KEY, 3: -8})), Malformed, "credential.key"),
    "an id of 2,000 bytes": (made(id_length=2_000), Refused, "assertion.form"),
    "its members in another order": (made(cbor2.dumps(dict(reversed(EC_KEY.items())))), Malformed, "credential.key"),
}


@pytest.mark.parametrize(("new", "kind", "code"), REGISTRATIONS.values(), ids=REGISTRATIONS.keys())
def test_a_registration_that_the_package_accepts_is_refused(new, kind, code):
    credential_id, attestation_object, client_data = new
    response = AuthenticatorAttestationResponse(client_data_json=client_data, attestation_object=attestation_object)
    assert verify_registration_response(
        credential=RegistrationCredential(id=b64u(credential_id), raw_id=credential_id, response=response),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP.id,
        expected_origin=ORIGIN,
    )
    with raises(kind, code):
        verify_registration(
            credential_id=credential_id,
            attestation_object=attestation_object,
            client_data=client_data,
            challenge=CHALLENGE,
            rp=RP,
        )
