"""Passkeys that are not enrolled, and why."""

from dataclasses import replace

import cbor2
import pytest
from webauthn import verify_registration_response as honest

from cosignet.core.encoding import b64u, from_b64u
from cosignet.testing import BS, SoftwarePasskey
from tests.acme import CEREMONY
from tests.api.invitee import Invitee, events, invite
from tests.api.world import code_of, flip


async def refused(dora, credential, code, status=403):
    """The passkey is refused, nothing is used up, and an honest one is enrolled afterwards."""
    assert code_of(await dora.register(credential)) == (status, code)
    assert await events(dora.world) == []
    assert (await dora.enrol()).status_code == 201


@pytest.mark.parametrize(
    ("code", "lie"),
    [
        ("assertion.type", {"client_data": {"type": "webauthn.get"}}),
        ("assertion.origin", {"origin": "https://evil.example"}),
        ("assertion.cross_origin", {"client_data": {"crossOrigin": True}}),
        ("assertion.cross_origin", {"client_data": {"topOrigin": "https://evil.example"}}),
        ("assertion.rp_id", {"rp_id": "evil.example"}),
        ("assertion.up", {"flags": 0x04}),
        ("assertion.uv", {"flags": 0x01}),
        ("assertion.backup", {"flags": 0x05 | BS}),
        ("assertion.form", {"extensions": b"\x00"}),
        ("assertion.form", {"client_data": {"challenge": b64u(bytes(31))}}),
        ("assertion.form", {"client_data": {"challenge": 7}}),
        ("assertion.form", {"client_data": {"challenge": "+" * 43}}),
        ("ceremony.invalid", {"client_data": {"challenge": b64u(bytes(32))}}),
    ],
)
async def test_an_answer_that_lies_is_refused(world, code, lie):
    dora = await invite(world)
    await refused(dora, await dora.create(replace(CEREMONY, **lie)), code)


async def test_a_challenge_is_used_once(world):
    dora = await invite(world)
    made = await dora.create()
    assert (await dora.register(made)).status_code == 201
    again = Invitee(world, dora.person, await world.invite(dora.person), dora.passkey)
    assert code_of(await again.register(made)) == (403, "ceremony.invalid")


async def test_a_challenge_of_another_invite_is_refused(world):
    dora, emil = await invite(world), await invite(world, "emil")
    theirs = await emil.create()
    await refused(dora, theirs, "ceremony.invalid")
    assert (await emil.register(theirs)).status_code == 201


async def test_a_challenge_grows_old(world):
    dora = await invite(world)
    made = await dora.create()
    world.later(minutes=5)
    await refused(dora, made, "ceremony.invalid")


async def test_unfinished_registrations_are_limited(world):
    dora = await invite(world)
    for _ in range(20):
        assert (await dora.options()).status_code == 200
    assert code_of(await dora.options()) == (429, "ceremony.too_many")


async def test_the_passkey_of_somebody_else_is_not_enrolled_again(world):
    dora = await invite(world)
    dora.passkey.id = world.acme.passkeys["anna"].id
    made = await dora.create()
    dora.passkey = SoftwarePasskey(dora.person.id)
    await refused(dora, made, "credential.exists", 409)


def _attestation(credential, change):
    response = credential["response"]
    members = cbor2.loads(from_b64u(response["attestationObject"]))
    change(members)
    response["attestationObject"] = b64u(cbor2.dumps(members, canonical=True))
    return credential


def _with_key(cose):
    def change(members):
        data = members["authData"]
        members["authData"] = data[: 37 + 16 + 2 + 16] + cbor2.dumps(cose, canonical=True)

    return change


KEYS = {
    "off the curve": {1: 2, 3: -7, -1: 1, -2: bytes(31) + b"\x01", -3: bytes(31) + b"\x01"},
    "another algorithm": {1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)},
    "key and algorithm differ": {1: 2, 3: -8, -1: 1, -2: bytes(32), -3: bytes(32)},
    "Ed25519 of small order": {1: 1, 3: -8, -1: 6, -2: b"\x01" + bytes(31)},
    "RSA": {1: 3, 3: -257, -1: bytes(256), -2: b"\x01\x00\x01"},
    "extra member": {1: 1, 3: -8, -1: 6, -2: bytes(32), 5: 1},
}


@pytest.mark.parametrize("cose", KEYS.values(), ids=KEYS.keys())
async def test_a_key_that_nobody_should_trust_is_refused(world, cose):
    dora = await invite(world)
    made = _attestation(await dora.create(), _with_key(cose))
    await refused(dora, made, "credential.key", 422)


async def test_two_ids_for_one_passkey_are_refused(world):
    dora = await invite(world)
    made = await dora.create()
    await refused(dora, {**made, "id": "AAAA", "rawId": "AAAA"}, "assertion.form")
    other = await invite(world, "emil")
    made = await other.create()
    assert code_of(await other.register({**made, "id": "AAAA"})) == (422, "request.credential")


async def test_both_verifiers_must_agree(world, monkeypatch):
    def another_key(**arguments):
        verified = honest(**arguments)
        verified.credential_public_key = b"another"
        return verified

    dora = await invite(world)
    made = await dora.create()
    with monkeypatch.context() as patched:
        patched.setattr("activities.second_opinion.verify_registration_response", another_key)
        assert code_of(await dora.register(made)) == (403, "assertion.disputed")
    assert (await dora.register(made)).status_code == 201


async def test_an_attestation_that_was_not_asked_for_must_at_least_be_none(world):
    dora = await invite(world)

    def claim(members):
        members.update(fmt="packed", attStmt={"alg": -7, "sig": b"x"})

    await refused(dora, _attestation(await dora.create(), claim), "assertion.disputed")


@pytest.mark.parametrize("transports", [["internal", "teleport", "a b", 7], [], ["usb", "nfc"]])
async def test_transports_that_are_known_are_kept(world, transports):
    dora = await invite(world)
    made = await dora.create()
    made["response"]["transports"] = transports
    assert (await dora.register(made)).status_code == 201
    world.acme.passkeys["dora"] = dora.passkey
    asked = await world.asked(approvers=["dora@example.com"])
    options = (await (await world.approver(asked["id"], "dora")).begin())["options"]
    known = [t for t in transports if t in ("internal", "usb", "nfc")]
    assert options["allowCredentials"][0]["transports"] == known
    assert options["hints"] == {"internal": ["client-device"], "usb": ["security-key"]}.get((known or [""])[0], [])


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("request.credential", {"type": "password"}),
        ("request.credential", {"response": {}}),
        ("request.credential", {"id": 7}),
        ("encoding.base64url", {"id": "AA==", "rawId": "AA=="}),
        ("encoding.base64url", {"response": {"clientDataJSON": "A", "attestationObject": "AAAA"}}),
        ("request.credential", {"response": {"clientDataJSON": "", "attestationObject": "", "transports": "usb"}}),
    ],
)
async def test_a_registration_has_a_form(world, code, change):
    dora = await invite(world)
    await refused(dora, {**await dora.create(), **change}, code, 422)


@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
async def test_bytes_that_make_no_sense_are_refused(world, part):
    dora = await invite(world)
    made = await dora.create()
    for nonsense in (
        "",
        "AAAA",
        b64u(b"{}"),
        b64u(b'{"challenge": null}'),
        b64u(b"[" * 4000),
        flip(made["response"][part]),
    ):
        credential = {**made, "response": {**made["response"], part: nonsense}}
        response = await dora.register(credential)
        assert 400 <= response.status_code < 500, nonsense
        assert response.json()["code"].startswith(("assertion.", "credential.key", "ceremony.")), nonsense
    assert await events(world) == []
