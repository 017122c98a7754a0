"""Real workflows that wait for votes while somebody changes what they wait for, or sends what is not for them."""

import asyncio
from dataclasses import replace

import pytest

from tests.acme import found_acme
from tests.api.test_altered_records import CLUMSY, THOROUGH, TWO, altered, consume, failed_check, read
from tests.api.world import ASK, code_of

# The database is not the subject, and each test here runs a workflow.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def test_what_was_changed_after_the_approvers_were_told_is_not_approved(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        original = await read(stage.world, asked.id)
        for name, change in THOROUGH.items():
            async with altered(stage.world, asked.id, change):
                # The record is of one piece and Anna signs what she is shown; the workflow remembers what was asked.
                assert code_of(await anna.decide()) == (403, "terms.hash"), name
                assert (await stage.agent.get(asked.id)).status == "pending"
        assert (await anna.decide()).json()["status"] == "approved"
        assert (await stage.outcome(asked.id)).status == "approved"
    assert await failed_check(stage.world, original, "anna") is None


async def test_what_contradicts_itself_is_refused_before_it_gets_to_the_workflow(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        vote = anna.sign(await anna.begin())
        for name, change in CLUMSY.items():
            async with altered(stage.world, asked.id, change):
                assert code_of(await anna.send(vote)) == (403, "terms.hash"), name
        assert (await anna.send(vote)).json()["status"] == "approved"
        assert (await stage.outcome(asked.id)).status == "approved"


async def test_what_was_changed_between_two_votes_is_not_approved(stage):
    async with stage.worker():
        asked = await stage.agent.request(**{**ASK, **TWO})
        anna, ben = [await stage.approver(asked.id, name) for name in ("anna", "ben")]
        assert (await anna.decide()).json()["status"] == "pending"
        for name, change in THOROUGH.items():
            async with altered(stage.world, asked.id, change):
                assert code_of(await ben.decide()) == (403, "terms.hash"), name
        assert (await ben.decide()).json()["status"] == "approved"
        outcome = await stage.outcome(asked.id)
    assert len(outcome.votes) == 2


async def test_an_approval_changed_after_its_workflow_ended_is_of_no_use(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        assert (await (await stage.approver(asked.id)).decide()).json()["status"] == "approved"
        await stage.outcome(asked.id)
    for name, change in (CLUMSY | THOROUGH).items():
        async with altered(stage.world, asked.id, change):
            assert not (await stage.agent.get(asked.id)).usable, name
            refused = code_of(await consume(stage.world, asked.id, asked.payload_hash))
            assert refused in ((409, "confirmation.not_approved"), (409, "payload.mismatch")), name
    assert (await stage.agent.get(asked.id)).usable


async def test_the_same_vote_a_hundred_times_at_once_counts_once(stage):
    async with stage.worker():
        asked = await stage.agent.request(**{**ASK, **TWO})
        anna, ben = [await stage.approver(asked.id, name) for name in ("anna", "ben")]
        vote = anna.sign(await anna.begin())
        answers = await asyncio.gather(*(anna.send(vote) for _ in range(100)))
        assert {(answer.status_code, answer.text) for answer in answers} == {
            (200, '{"status":"pending","accepted":true}')
        }
        assert len((await stage.agent.get(asked.id)).votes) == 1
        assert (await ben.decide()).json()["status"] == "approved"
        assert len((await stage.outcome(asked.id)).votes) == 2


async def test_a_passkey_of_another_organisation_votes_nowhere_but_there(stage):
    elsewhere = (await found_acme(stage.acme.database)).passkeys["anna"]
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        stranger = replace(anna, passkey=elsewhere)
        assert code_of(await stranger.send(stranger.sign(await anna.begin()))) == (403, "assertion.key")
        # Not even by the name of a passkey that is enrolled here.
        issued = await anna.begin()
        forged, genuine = stranger.sign(issued), anna.sign(issued)
        forged["credential"] |= {name: genuine["credential"][name] for name in ("id", "rawId")}
        assert code_of(await anna.send(forged)) == (403, "assertion.user")
        forged["credential"]["response"]["userHandle"] = None
        assert code_of(await anna.send(forged)) == (403, "assertion.signature")
        assert (await stage.agent.get(asked.id)).status == "pending"
        assert (await anna.decide()).json()["status"] == "approved"
        await stage.outcome(asked.id)
