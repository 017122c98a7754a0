"""The second verifier alone: it refuses what the core refuses, so that one of them may be wrong."""

from dataclasses import replace

import pytest

from activities.second_opinion import require_second_opinion_on, require_second_opinion_on_key
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.registration import NewCredential
from cosignet.errors import Refused
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import CEREMONY, CHALLENGE, RP, raises

LIES = {
    "another ceremony": {"client_data": {"type": "webauthn.create"}},
    "another challenge": {"client_data": {"challenge": b64u(bytes(64))}},
    "another origin": {"origin": "https://evil.example"},
    "another relying party": {"rp_id": "evil.example"},
    "nobody there": {"flags": 0x04},
    "nobody recognised": {"flags": 0x01},
}


@pytest.fixture
def passkey():
    return SoftwarePasskey("alice")


def check(passkey, assertion):
    require_second_opinion_on(assertion, credential=passkey.credential, challenge=CHALLENGE, rp=RP)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_an_honest_assertion_is_accepted(algorithm):
    passkey = SoftwarePasskey("alice", algorithm=algorithm)
    check(passkey, passkey.sign(CHALLENGE, CEREMONY))


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_an_assertion_that_lies_is_refused(passkey, lie):
    with raises(Refused, "assertion.disputed"):
        check(passkey, passkey.sign(CHALLENGE, replace(CEREMONY, **lie)))


def test_a_signature_of_another_passkey_is_refused(passkey):
    other = SoftwarePasskey("alice")
    other.id = passkey.id
    with raises(Refused, "assertion.disputed"):
        check(passkey, other.sign(CHALLENGE, CEREMONY))


def register(passkey, **lie):
    response = passkey.register(CHALLENGE, replace(CEREMONY, **lie))["response"]
    new = NewCredential(passkey.id, passkey.credential.public_key, bytes(16), 0, False, False)
    answer = {
        "attestation_object": from_b64u(response["attestationObject"]),
        "client_data": from_b64u(response["clientDataJSON"]),
    }
    require_second_opinion_on_key(new, challenge=CHALLENGE, rp=RP, **answer)


def test_an_honest_registration_is_accepted(passkey):
    register(passkey)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_registration_that_lies_is_refused(passkey, lie):
    swapped = {"client_data": {"type": "webauthn.get"}} if "type" in lie.get("client_data", {}) else lie
    with raises(Refused, "assertion.disputed"):
        register(passkey, **swapped)
