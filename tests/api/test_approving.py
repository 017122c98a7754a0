"""The approver's side: what is shown, what is issued to sign, and which votes are counted."""

import asyncio
from dataclasses import replace

import pytest

from cosignet.core.canonical import Payload, canonicalise
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.testing import BE, BS, SoftwarePasskey
from store.organisations import set_policy
from tests.acme import CEREMONY
from tests.api.world import ASK, code_of, flip

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


# Votes that count


@pytest.mark.parametrize(("decision", "status"), [("approve", "approved"), ("reject", "rejected")])
async def test_a_vote_decides(world, decision, status):
    asked = await world.asked()
    response = await (await world.approver(asked["id"])).decide(decision)
    assert (response.status_code, response.json()) == (200, {"status": status, "accepted": True})
    assert await world.status(asked["id"]) == status


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("synced", [False, True])
async def test_passkeys_of_all_kinds_vote(world, algorithm, synced):
    await world.acme.enrol("anna", algorithm=algorithm, synced=synced)
    asked = await world.asked()
    assert (await (await world.approver(asked["id"])).decide()).json()["status"] == "approved"


async def test_two_of_two_approve_only_together(world):
    asked = await world.asked(**TWO)
    first = await (await world.approver(asked["id"], "anna")).decide()
    assert first.json() == {"status": "pending", "accepted": True}
    assert await world.status(asked["id"]) == "pending"
    second = await (await world.approver(asked["id"], "ben")).decide()
    assert second.json() == {"status": "approved", "accepted": True}


async def test_what_a_browser_adds_is_ignored(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    issued = await anna.begin()
    vote = anna.sign(issued, replace(CEREMONY, client_data={"other_keys_can_be_added_here": "do not compare"}))
    vote["credential"] |= {"clientExtensionResults": {"prf": {"enabled": True}}, "authenticatorAttachment": None}
    vote["credential"]["response"] |= {"publicKeyAlgorithm": -7}
    assert (await anna.send(vote)).json()["status"] == "approved"


@pytest.mark.parametrize("handle", [None, ""])
async def test_the_user_handle_is_optional(world, handle):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    vote["credential"]["response"]["userHandle"] = handle
    assert (await anna.send(vote)).json()["status"] == "approved"


async def test_the_same_vote_again_gets_the_same_answer_and_counts_once(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    first = await anna.send(vote)
    assert (await anna.send(vote)).json() == first.json() == {"status": "pending", "accepted": True}
    assert len((await world.get(f"/{asked['id']}")).json()["votes"]) == 1
    assert len(world.workflows.voted) == 1


async def test_the_same_vote_many_times_at_once_counts_once(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    answers = await asyncio.gather(*(anna.send(vote) for _ in range(8)))
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "approved")}
    assert len((await world.get(f"/{asked['id']}")).json()["votes"]) == 1


async def test_a_vote_whose_answer_got_lost_is_found_again(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.workflows.answers_lost = 1
    assert code_of(await anna.send(vote)) == (503, "vote.unanswered")
    world.later(seconds=901)
    assert (await anna.send(vote)).json() == {"status": "approved", "accepted": True}


async def test_a_vote_while_temporal_is_down_can_be_sent_again(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.workflows.down = True
    assert code_of(await anna.send(vote)) == (503, "temporal.unavailable")
    assert await world.status(asked["id"]) == "pending"
    world.workflows.down = False
    assert (await anna.send(vote)).json()["status"] == "approved"


async def test_a_passkey_enrolled_later_is_pinned_on_demand_once(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    world.workflows.unpinned = {anna.passkey.id}
    assert (await anna.decide()).json()["status"] == "approved"
    assert world.workflows.refreshed == [asked["id"]]


# Votes that do not


async def refused(world, anna, vote, status, code):
    """The vote is refused without troubling the workflow, and an honest one still counts afterwards."""
    assert code_of(await anna.send(vote)) == (status, code)
    assert world.workflows.voted == []
    assert (await anna.decide()).json()["status"] == "approved"


LIES = {
    "assertion.type": {"client_data": {"type": "webauthn.create"}},
    "assertion.challenge": {"client_data": {"challenge": b64u(bytes(64))}},
    "assertion.origin": {"origin": "https://evil.example"},
    "assertion.cross_origin": {"client_data": {"crossOrigin": True}},
    "assertion.rp_id": {"rp_id": "evil.example"},
    "assertion.up": {"flags": 0x04},
    "assertion.uv": {"flags": 0x01},
    "assertion.backup": {"flags": 0x05 | BE | BS},
    "assertion.form": {"extensions": b"x"},
}


@pytest.mark.parametrize(("code", "lie"), LIES.items())
async def test_an_assertion_that_lies_is_refused(world, code, lie):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin(), replace(CEREMONY, **lie))
    await refused(world, anna, vote, 403, code)


async def test_a_frame_of_another_site_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin(), replace(CEREMONY, client_data={"topOrigin": "https://evil.example"}))
    await refused(world, anna, vote, 403, "assertion.cross_origin")


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
async def test_one_flipped_bit_is_enough(world, part):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    vote["credential"]["response"][part] = flip(vote["credential"]["response"][part])
    response = await anna.send(vote)
    assert response.status_code == 403
    assert response.json()["code"].startswith("assertion.")
    assert world.workflows.voted == []
    assert await world.status(asked["id"]) == "pending"


async def test_another_passkey_is_refused(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    issued = await anna.begin()
    for passkey in (world.acme.passkeys["ben"], SoftwarePasskey(anna.passkey.person)):
        vote = replace(anna, passkey=passkey).sign(issued)
        assert code_of(await anna.send(vote)) == (403, "assertion.key")
    assert world.workflows.voted == []


async def test_another_passkey_under_the_id_of_mine_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    impostor = SoftwarePasskey(anna.passkey.person)
    impostor.id = anna.passkey.id
    await refused(world, anna, replace(anna, passkey=impostor).sign(await anna.begin()), 403, "assertion.signature")


async def test_somebody_elses_user_handle_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    vote["credential"]["response"]["userHandle"] = b64u(world.acme.people["ben"].id.encode())
    await refused(world, anna, vote, 403, "assertion.user")


async def test_an_approval_cannot_be_sent_as_a_rejection(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    approve, reject = await anna.begin("approve"), await anna.begin("reject")
    vote = {**anna.sign(reject), "nonce": approve["nonce"]}
    await refused(world, anna, vote, 403, "assertion.challenge")


async def test_a_vote_of_another_confirmation_is_refused(world):
    first, second = await world.asked(), await world.asked()
    there, here = await world.approver(first["id"]), await world.approver(second["id"])
    vote = there.sign(await there.begin())
    assert code_of(await here.send(vote)) == (403, "ceremony.unknown")
    issued = await here.begin()
    assert code_of(await here.send({**vote, "nonce": issued["nonce"]})) == (403, "assertion.challenge")
    assert [await world.status(c["id"]) for c in (first, second)] == ["pending", "pending"]


async def test_a_ceremony_of_another_person_is_refused(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    issued = await anna.begin()
    assert code_of(await ben.send(ben.sign(issued))) == (403, "ceremony.unknown")
    assert code_of(await ben.send(anna.sign(issued))) == (403, "ceremony.unknown")
    assert (await world.get(f"/{asked['id']}")).json()["votes"] == []


async def test_a_stored_vote_is_not_shown_to_others(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    vote = anna.sign(await anna.begin())
    await anna.send(vote)
    assert code_of(await ben.send(vote)) == (403, "ceremony.unknown")


async def test_a_nonce_that_was_never_issued_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    issued = await anna.begin()
    forged = canonicalise({**Payload.from_canonical(from_b64u(issued["context"])).value, "random": b64u(bytes(32))})
    nonce = nonce_of(forged)
    issued["options"]["challenge"] = b64u(challenge_of(nonce, from_b64u(asked["payload_hash"])))
    vote = {**anna.sign(issued), "nonce": b64u(nonce)}
    await refused(world, anna, vote, 403, "ceremony.unknown")


async def test_one_person_votes_once(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    first, second = await anna.begin("approve"), await anna.begin("reject")
    await anna.send(anna.sign(first))
    assert code_of(await anna.send(anna.sign(second))) == (409, "vote.person")
    assert code_of(await anna.touch("approve")) == (409, "vote.person")
    assert len((await world.get(f"/{asked['id']}")).json()["votes"]) == 1


async def test_a_ceremony_grows_old(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.later(seconds=300)
    await refused(world, anna, vote, 403, "ceremony.invalid")


async def test_no_vote_counts_after_the_deadline(world):
    asked = await world.asked(expires_in=60)
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.later(seconds=60)
    assert code_of(await anna.send(vote)) == (403, "time.deadline")
    assert code_of(await anna.touch("approve")) == (403, "time.deadline")
    assert await world.status(asked["id"]) == "pending"
    assert world.workflows.voted == []


async def test_no_vote_counts_after_a_cancellation(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.post(f"/{asked['id']}/cancel")
    assert code_of(await anna.send(vote)) == (409, "decision.final")
    assert await world.status(asked["id"]) == "cancelled"
    assert world.workflows.voted == []


async def test_no_vote_counts_after_the_decision(world):
    asked = await world.asked(approvers=TWO["approvers"])
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    late = ben.sign(await ben.begin("reject"))
    await anna.decide("approve")
    assert code_of(await ben.send(late)) == (409, "decision.final")
    assert code_of(await ben.touch("reject")) == (409, "decision.final")
    assert await world.status(asked["id"]) == "approved"


async def test_a_passkey_revoked_between_ceremony_and_vote_does_not_count(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.revoke_passkey("anna")
    assert code_of(await anna.send(vote)) == (403, "credential.revoked")
    assert await world.status(asked["id"]) == "pending"
    assert world.workflows.voted == []


async def test_a_person_revoked_between_ceremony_and_vote_does_not_count(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.revoke_person("anna")
    assert code_of(await anna.send(vote)) == (401, "link.invalid")
    assert await world.status(asked["id"]) == "pending"


async def test_a_synced_passkey_is_refused_where_the_policy_says_so(world):
    anna = world.acme.people["anna"]
    policy = Policy(approvers=(anna.id,), device_bound_only=True)
    async with world.acme.database.write() as tx:
        at = await world.acme.database.clock(tx)
        await set_policy(tx, world.acme.organisation.id, "strict", policy.to_bytes(), at=at)
    asked = await world.asked(approvers=[], policy="strict")
    device_bound = await world.approver(asked["id"])
    synced = replace(device_bound, passkey=await world.acme.enrol("anna", synced=True))
    issued = await synced.begin()
    assert [c["id"] for c in issued["options"]["allowCredentials"]] == [b64u(device_bound.passkey.id)]
    assert code_of(await synced.send(synced.sign(issued))) == (403, "policy.device_bound")


def _set(path, value):
    def change(vote):
        *parents, last = path.split(".")
        target = vote
        for name in parents:
            target = target[name]
        if value is ...:
            del target[last]
        else:
            target[last] = value

    return change


@pytest.mark.parametrize(
    ("code", "path", "value"),
    [
        ("request.nonce", "nonce", ...),
        ("request.nonce", "nonce", 7),
        ("encoding.base64url", "nonce", "AAAA"),
        ("encoding.base64url", "nonce", "A" * 44),
        ("request.unknown_field", "context", "AAAA"),
        ("request.credential", "credential", []),
        ("request.credential", "credential.type", "password"),
        ("request.credential", "credential.rawId", "AAAA"),
        ("request.credential", "credential.id", ...),
        ("request.credential", "credential.response", {}),
        ("request.credential", "credential.response.signature", ...),
        ("request.credential", "credential.response.signature", [1, 2]),
        ("encoding.base64url", "credential.response.signature", "AA=="),
        ("encoding.base64url", "credential.response.signature", "AA+/"),
        ("encoding.base64url", "credential.response.signature", "A"),
        ("encoding.base64url", "credential.response.authenticatorData", "é"),
        ("encoding.base64url", "credential.response.clientDataJSON", " AAAA"),
        ("vote.size", "credential.response.signature", "A" * 8196),
        ("vote.size", "credential.response.clientDataJSON", "A" * 8196),
    ],
)
async def test_a_vote_has_a_form(world, code, path, value):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    _set(path, value)(vote)
    await refused(world, anna, vote, 422, code)
