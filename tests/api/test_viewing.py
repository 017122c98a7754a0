"""What approvers are shown, and what they are given to sign."""

import pytest

from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from tests.api.world import ASK, code_of

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}


# What is shown


async def test_the_view_holds_everything_that_is_signed(world):
    asked = await world.asked(note="for the rent", claim="agent 7")
    view = (await (await world.approver(asked["id"])).view()).json()
    mine = {name: value for name, value in asked.items() if name not in ("consumer", "consumed_at")}
    assert {name: view[name] for name in mine} == mine
    assert not {"consumer", "consumed_at"} & view.keys()
    terms = from_b64u(view["terms"])
    assert b64u(sha256(terms)) == view["terms_hash"]
    assert Terms.parse(terms).action == ASK["action"]
    payload = Payload.from_canonical(from_b64u(view["payload_bytes"]))
    assert (payload.value, b64u(payload.hash)) == (ASK["payload"], view["payload_hash"])
    policy = from_b64u(view["policy"])
    assert sha256(policy) == Terms.parse(terms).policy
    anna = world.acme.people["anna"]
    assert Policy.parse(policy).approvers == (anna.id,)
    assert view["people"] == [{"id": anna.id, "name": "Anna", "email": "anna@example.com"}] == [view["you"]]
    assert (view["your_vote"], view["may_vote"], view["why_not"]) == (None, True, None)


async def test_the_view_shows_my_vote_and_that_i_cannot_vote_again(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    await anna.decide("approve", "looks right")
    mine = (await anna.view()).json()
    assert (mine["your_vote"]["decision"], mine["your_vote"]["reason"]) == ("approve", "looks right")
    assert (mine["may_vote"], mine["why_not"]) == (False, "vote.person")
    theirs = (await ben.view()).json()
    assert (theirs["your_vote"], theirs["may_vote"], len(theirs["votes"])) == (None, True, 1)


async def test_the_view_says_why_nobody_can_vote_any_more(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    world.later(seconds=901)
    assert (await anna.view()).json()["why_not"] == "time.deadline"
    await world.post(f"/{asked['id']}/cancel")
    view = (await anna.view()).json()
    assert (view["status"], view["why_not"]) == ("cancelled", "decision.final")


async def test_a_link_of_somebody_whom_the_policy_does_not_name_shows_and_no_more(world):
    asked = await world.asked()
    cem = await world.approver(asked["id"], "cem")
    view = (await cem.view()).json()
    assert (view["may_vote"], view["why_not"], view["you"]["name"]) == (False, "policy.approver", "Cem")
    assert code_of(await cem.touch("approve")) == (403, "policy.approver")


async def test_somebody_without_a_usable_passkey_is_told(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    await world.revoke_passkey("anna")
    assert (await anna.view()).json()["why_not"] == "ceremony.no_passkey"
    assert code_of(await anna.touch("approve")) == (403, "ceremony.no_passkey")


async def test_viewing_changes_nothing_and_may_be_repeated(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    assert (await anna.view()).json() == (await anna.view()).json()
    assert (await world.get(f"/{asked['id']}")).json() == asked


# What is issued


async def test_a_ceremony_commits_to_the_decision_and_the_payload(world):
    asked = await world.asked()
    issued = await (await world.approver(asked["id"])).begin("reject", "too much")
    context = Context.parse(from_b64u(issued["context"]))
    anna = world.acme.people["anna"].id
    assert (context.decision, context.approver, context.reason) == ("reject", anna, hash_text("too much"))
    assert b64u(context.terms) == asked["terms_hash"]
    nonce = nonce_of(from_b64u(issued["context"]))
    assert issued["nonce"] == b64u(nonce)
    options = issued["options"]
    assert options == {
        "challenge": b64u(challenge_of(nonce, from_b64u(asked["payload_hash"]))),
        "timeout": 300_000,
        "rpId": "localhost",
        "allowCredentials": [
            {"type": "public-key", "id": b64u(world.acme.passkeys["anna"].id), "transports": ["internal"]}
        ],
        "userVerification": "required",
        "hints": ["client-device"],
    }
    assert issued["expires_at"] <= asked["deadline"]


async def test_a_ceremony_never_outlives_the_deadline(world):
    asked = await world.asked(expires_in=30)
    assert (await (await world.approver(asked["id"])).begin())["expires_at"] == asked["deadline"]


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("request.decision", {"decision": "approved"}),
        ("request.decision", {"decision": ""}),
        ("request.decision", {}),
        ("request.reason", {"decision": "approve", "reason": "x" * 1001}),
        ("request.reason", {"decision": "approve", "reason": None}),
        ("request.reason", {"decision": "approve", "reason": "\x00"}),
        ("request.unknown_field", {"decision": "approve", "approver": "somebody"}),
        ("request.unknown_field", {"decision": "approve", "payload": {}}),
    ],
)
async def test_a_ceremony_has_a_form(world, code, body):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    assert code_of(await anna._post("ceremonies", body)) == (422, code)


async def test_unfinished_ceremonies_are_limited(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    for _ in range(20):
        await anna.begin()
    response = await anna.touch("approve")
    assert code_of(response) == (429, "ceremony.too_many")
    assert response.headers["retry-after"] == "300"
