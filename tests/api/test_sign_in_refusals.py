"""Sign-ins that give no link, and why."""

import asyncio
from dataclasses import replace

import pytest
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from cosignet.core.encoding import b64u, from_b64u
from cosignet.testing import BE, BS, SoftwarePasskey, challenge_from
from store.schema import links, sign_ins
from tests.acme import CEREMONY
from tests.api.passed_on import NOWHERE, Passed, claimed, passed, refused, rows
from tests.api.world import World, code_of, flip

# Answers


@pytest.mark.parametrize("revoke", [World.revoke_passkey, World.revoke_person])
async def test_what_is_revoked_lets_nobody_in(world, revoke):
    anna = await passed(world)
    credential = await anna.sign()
    await revoke(world, "anna")
    before = len(await rows(world, links))
    assert code_of(await anna.send(credential)) == (403, "credential.revoked")
    assert code_of(await anna.come_in()) == (403, "credential.revoked")
    assert len(await rows(world, links)) == before


async def test_that_a_passkey_is_revoked_is_told_to_its_holder_alone(world):
    anna = await passed(world)
    await world.revoke_passkey("anna")
    impostor = SoftwarePasskey(anna.passkey.person)
    impostor.id = anna.passkey.id
    assert code_of(await replace(anna, passkey=impostor).come_in()) == (403, "assertion.signature")


LIES = [
    ("assertion.type", {"client_data": {"type": "webauthn.create"}}),
    ("assertion.origin", {"origin": "https://evil.example"}),
    ("assertion.cross_origin", {"client_data": {"crossOrigin": True}}),
    ("assertion.cross_origin", {"client_data": {"topOrigin": "https://evil.example"}}),
    ("assertion.rp_id", {"rp_id": "evil.example"}),
    ("assertion.up", {"flags": 0x04}),
    ("assertion.uv", {"flags": 0x01}),
    ("assertion.backup", {"flags": 0x05 | BE | BS}),
    ("assertion.form", {"extensions": b"x"}),
    ("assertion.form", {"client_data": {"challenge": b64u(bytes(31))}}),
    ("assertion.form", {"client_data": {"challenge": 7}}),
    ("ceremony.invalid", {"client_data": {"challenge": b64u(bytes(32))}}),
]


@pytest.mark.parametrize(("code", "lie"), LIES)
async def test_an_answer_that_lies_is_refused(world, code, lie):
    anna = await passed(world)
    await refused(anna, await anna.sign(replace(CEREMONY, **lie)), code)


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
async def test_one_flipped_bit_is_enough(world, part):
    anna = await passed(world)
    credential = await anna.sign()
    credential["response"][part] = flip(credential["response"][part])
    response = await anna.send(credential)
    assert response.status_code == 403
    assert response.json()["code"].startswith(("assertion.", "ceremony."))


async def test_a_passkey_that_is_not_enrolled_is_refused(world):
    anna = await passed(world)
    await refused(anna, await replace(anna, passkey=SoftwarePasskey(anna.passkey.person)).sign(), "assertion.key")


@pytest.mark.parametrize("handle", [None, "", b64u(b"somebody")])
async def test_the_passkey_must_say_whose_it_is(world, handle):
    anna = await passed(world)
    credential = await anna.sign()
    credential["response"]["userHandle"] = handle
    await refused(anna, credential, "assertion.user")


async def test_both_verifiers_must_agree(world, monkeypatch):
    def no(**arguments):
        raise InvalidAuthenticationResponse("no")

    anna = await passed(world)
    with monkeypatch.context() as patched:
        patched.setattr("activities.second_opinion.verify_authentication_response", no)
        assert code_of(await anna.come_in()) == (403, "assertion.disputed")
    assert (await anna.come_in()).status_code == 200


# Challenges


async def test_a_challenge_is_used_once(world):
    anna = await passed(world)
    credential = await anna.sign()
    assert (await anna.send(credential)).status_code == 200
    await refused(anna, credential, "ceremony.invalid")


async def test_two_who_send_one_answer_at_once_get_one_link(world):
    anna = await passed(world)
    credential = await anna.sign()
    answers = await asyncio.gather(*(anna.send(credential) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7


async def test_a_challenge_for_another_confirmation_is_refused(world):
    anna, other = await passed(world), await passed(world)
    for elsewhere in (other, Passed(world, NOWHERE, anna.passkey), Passed(world, "x", anna.passkey)):
        await refused(anna, await elsewhere.sign(), "ceremony.invalid")


async def test_a_challenge_grows_old_and_is_forgotten(world):
    anna = await passed(world)
    old, used = await anna.sign(), await anna.sign()
    assert (await anna.send(used)).status_code == 200
    world.later(minutes=4, seconds=58)
    assert (await anna.send(await anna.sign())).status_code == 200
    world.later(minutes=5)
    await refused(anna, old, "ceremony.invalid")
    known = {row.challenge for row in await rows(world, sign_ins)}
    assert known.isdisjoint(from_b64u(claimed(credential)) for credential in (old, used))


async def test_a_registration_challenge_is_no_sign_in(world):
    anna = await passed(world)
    options = (await world.http.post("/v1/registrations/options", headers=await world.invite())).json()["options"]
    await refused(anna, anna.passkey.answer(challenge_from(options), CEREMONY), "ceremony.invalid")


async def test_a_vote_does_not_sign_in(world):
    anna = await passed(world)
    vote = await world.approver(anna.confirmation)
    issued = await vote.begin()
    signed = vote.sign(issued)
    await refused(anna, signed["credential"], "assertion.form")
    # Nor does its first half, which is the nonce.
    half = anna.passkey.answer(from_b64u(issued["nonce"]), CEREMONY)
    await refused(anna, half, "ceremony.invalid")
    assert (await vote.send(signed)).json()["accepted"] is True


async def test_a_sign_in_is_no_vote(world):
    anna = await passed(world)
    vote = await world.approver(anna.confirmation)
    nonce = (await vote.begin())["nonce"]
    credential = await anna.sign()
    assert code_of(await vote.send({"nonce": nonce, "credential": credential})) == (403, "assertion.challenge")
    assert code_of(await vote.send({"nonce": claimed(credential), "credential": credential})) == (
        403,
        "ceremony.unknown",
    )
    assert await world.status(anna.confirmation) == "pending"
    assert world.workflows.voted == []
