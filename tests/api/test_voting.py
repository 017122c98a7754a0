"""Votes that count, however often they are sent."""

import asyncio
from dataclasses import replace

import pytest

from tests.acme import CEREMONY
from tests.api.world import code_of

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}


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
