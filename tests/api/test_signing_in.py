"""Who is passed a link on signs in with a passkey to see what it is about. It shows, it never decides."""

import asyncio
import json
from dataclasses import dataclass, replace

import httpx2
import pytest
from sqlalchemy import select
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from api.limits import Buckets, Limits
from api.main import create_app
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.policy import Fallback, Policy
from cosignet.testing import BE, BS, SoftwarePasskey, challenge_from
from store.credentials import get_credential
from store.organisations import set_policy
from store.schema import links, sign_ins
from tests.acme import CEREMONY, ORIGIN, found_acme
from tests.api.world import Approver, World, code_of, flip

NOWHERE = "0" * 32
NOT_AN_APPROVER = (403, "approval.not_an_approver")


@dataclass
class Passed:
    """Somebody on the page of a confirmation, without a personal link."""

    world: World
    confirmation: str
    passkey: SoftwarePasskey

    async def challenge(self):
        response = await self.world.http.post(f"/v1/approvals/{self.confirmation}/sign-in/options")
        assert response.status_code == 200, response.text
        return challenge_from(response.json()["options"])

    async def sign(self, ceremony=CEREMONY):
        return self.passkey.answer(await self.challenge(), ceremony)

    async def send(self, credential):
        return await self.world.http.post(f"/v1/approvals/{self.confirmation}/sign-in", json={"credential": credential})

    async def come_in(self):
        return await self.send(await self.sign())


async def passed(world, name="anna", **changes):
    return Passed(world, (await world.asked(**changes))["id"], world.acme.passkeys[name])


async def rows(world, table):
    async with world.acme.database.read() as tx:
        return (await tx.execute(select(table))).all()


async def refused(anna, credential, code):
    """There is no link, nothing is used up, and an honest answer is accepted afterwards."""
    before = len(await rows(anna.world, links))
    assert code_of(await anna.send(credential)) == (403, code)
    assert len(await rows(anna.world, links)) == before
    assert (await anna.come_in()).status_code == 200


def claimed(credential):
    """The challenge that an answer names."""
    return json.loads(from_b64u(credential["response"]["clientDataJSON"]))["challenge"]


# Who comes in


async def test_an_approver_gets_a_link_that_shows_and_with_which_they_may_vote(world):
    anna = await passed(world)
    response = await anna.come_in()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert len(from_b64u(response.json()["token"])) == 32
    headers = {"Authorization": f"Link {response.json()['token']}"}
    here = Approver(world, anna.confirmation, anna.passkey, headers)
    assert (await here.view()).json()["you"]["name"] == "Anna"
    assert await world.status(anna.confirmation) == "pending"
    assert (await here.decide()).json() == {"status": "approved", "accepted": True}


async def test_the_link_is_for_this_confirmation_alone(world):
    anna, other = await passed(world), await passed(world)
    token = (await anna.come_in()).json()["token"]
    elsewhere = Approver(world, other.confirmation, anna.passkey, {"Authorization": f"Link {token}"})
    assert code_of(await elsewhere.view()) == (401, "link.invalid")


async def test_whoever_the_policy_lets_sign_at_any_time_may_look(world):
    ids = {name: person.id for name, person in world.acme.people.items()}
    policy = Policy((ids["anna"],), fallback=(Fallback(600, (ids["ben"],)),), delegates={ids["anna"]: (ids["cem"],)})
    async with world.acme.database.write() as tx:
        at = await world.acme.database.clock(tx)
        await set_policy(tx, world.acme.organisation.id, "all", policy.to_bytes(), at=at)
    for name in ids:
        somebody = await passed(world, name, approvers=[], policy="all")
        assert (await somebody.come_in()).status_code == 200, name


async def test_a_decided_confirmation_can_still_be_looked_at(world):
    asked = await world.approved()
    assert (await Passed(world, asked["id"], world.acme.passkeys["anna"]).come_in()).status_code == 200


# Who does not


async def test_nobody_else_can_tell_a_confirmation_from_none(world):
    asked = await world.asked()
    mine, bens = world.acme.passkeys["anna"], world.acme.passkeys["ben"]
    theirs = (await found_acme(world.acme.database)).passkeys["anna"]
    nowhere = [(NOWHERE, mine), ("x", mine), (asked["id"].upper() + "A", mine), ("%00", mine), ("a" * 5000, mine)]
    answers = set()
    for confirmation, passkey in [(asked["id"], bens), (asked["id"], theirs), *nowhere]:
        response = await Passed(world, confirmation, passkey).come_in()
        assert code_of(response) == NOT_AN_APPROVER
        answers.add((response.content, *response.headers.raw))
    assert len(answers) == 1


async def test_the_options_tell_nothing(world):
    asked = await world.asked()
    found = []
    for confirmation in (asked["id"], NOWHERE, "x"):
        response = await world.http.post(f"/v1/approvals/{confirmation}/sign-in/options", json={})
        body = response.json()
        assert len(challenge_from(body["options"])) == 32
        found.append(body["options"].pop("challenge"))
        assert body == {
            "options": {
                "timeout": 300_000,
                "rpId": "localhost",
                "allowCredentials": [],
                "userVerification": "required",
                "hints": [],
            }
        }
    assert len(set(found)) == 3


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


# What is recorded, what is limited


async def test_the_sign_count_is_recorded_and_a_decrease_flagged(world):
    anna = await passed(world)

    async def row():
        async with world.acme.database.read() as tx:
            return await get_credential(tx, anna.passkey.id)

    anna.passkey.sign_count = 6
    assert (await anna.come_in()).status_code == 200
    assert ((await row()).sign_count, (await row()).flagged_at) == (7, None)
    anna.passkey.sign_count = 2
    assert (await anna.come_in()).status_code == 200
    assert (await row()).sign_count == 7
    assert (await row()).flagged_at is not None


@pytest.mark.parametrize("path", ["sign-in", "sign-in/options"])
async def test_calls_are_counted_by_address(world, path):
    app = create_app(world.acme.deployment, world.workflows, limits=Limits(addresses=Buckets(2)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN) as http:
        answers = [await http.post(f"/v1/approvals/{NOWHERE}/{path}", json={}) for _ in range(3)]
    assert code_of(answers[-1]) == (429, "rate.limited")
    assert {answer.status_code for answer in answers[:2]} <= {200, 422}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
async def test_pages_of_other_sites_cannot_sign_anybody_in(world, headers):
    for path in ("sign-in", "sign-in/options"):
        response = await world.http.post(f"/v1/approvals/{NOWHERE}/{path}", json={}, headers=headers)
        assert code_of(response) == (403, "request.cross_site")
