"""Who is passed a link on signs in with a passkey to see what it is about. It shows, it never decides."""

import httpx2
import pytest

from api.limits import Buckets, Limits
from api.main import create_app
from cosignet.core.encoding import from_b64u
from cosignet.core.policy import Fallback, Policy
from cosignet.testing import challenge_from
from store.credentials import get_credential
from store.organisations import set_policy
from tests.acme import ORIGIN, found_acme
from tests.api.passed_on import NOWHERE, Passed, passed
from tests.api.world import Approver, code_of

NOT_AN_APPROVER = (403, "approval.not_an_approver")


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
