"""Everything real: sockets, Temporal, a worker, the client library, and a verifier that trusts nobody."""

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from activities.approvals import ApprovalWorkflows
from api.main import create_app
from cosignet.client import CosignetClient
from cosignet.core.canonical import canonicalise
from cosignet.core.verdict import verify
from cosignet.errors import Conflict, NotFound
from tests.api.live import another_temporal, serving
from tests.api.world import ASK, code_of

MINUTE = 60


async def test_an_approval_from_the_request_to_its_one_use(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK, note="for the rent")
        waiting = asyncio.create_task(stage.agent.wait(asked.id, MINUTE))
        anna = await stage.approver(asked.id)
        view = (await anna.view()).json()
        assert (view["payload"], view["may_vote"]) == (ASK["payload"], True)
        assert (await anna.decide("approve", "as agreed")).json() == {"status": "approved", "accepted": True}
        decided = await asyncio.wait_for(waiting, 2)
        assert (decided.approved, decided.usable) == (True, True)
        assert (await stage.outcome(asked.id)).status == "approved"

    evidence = await stage.agent.evidence(asked.id)
    expected = canonicalise(ASK["payload"])
    verdict = verify(evidence, await stage.world.trust("anna"), expected_payload=expected, now=datetime.now(UTC))
    assert [(signer.name, signer.decision, signer.reason) for signer in verdict.signers] == [
        ("anna", "approve", "as agreed")
    ]
    used = await stage.agent.consume(asked.id, asked.payload_hash, "worker-1")
    assert not used.usable
    assert await stage.agent.consume(asked.id, asked.payload_hash, "worker-1") == used
    with pytest.raises(Conflict, match=r"confirmation\.consumed"):
        await stage.agent.consume(asked.id, asked.payload_hash, "worker-2")


async def test_a_rejection_reaches_the_agent_with_its_reason(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        await (await stage.approver(asked.id)).decide("reject", "wrong account")
        decided = await stage.agent.wait(asked.id, MINUTE)
        assert (decided.status, [vote.reason for vote in decided.votes]) == ("rejected", ["wrong account"])
        assert (await stage.outcome(asked.id)).status == "rejected"
    with pytest.raises(Conflict, match=r"confirmation\.not_approved"):
        await stage.agent.consume(asked.id, asked.payload_hash, "worker-1")


async def test_two_of_two_over_a_real_workflow(stage):
    two = {**ASK, "approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}
    async with stage.worker():
        asked = await stage.agent.request(**two)
        anna, ben = [await stage.approver(asked.id, name) for name in ("anna", "ben")]
        vote, second = anna.sign(await anna.begin()), anna.sign(await anna.begin("reject"))
        answers = await asyncio.gather(*(anna.send(vote) for _ in range(5)))
        assert {answer.text for answer in answers} == {'{"status":"pending","accepted":true}'}
        assert code_of(await anna.send(second)) == (409, "vote.person")
        assert (await ben.decide()).json()["status"] == "approved"
        await stage.outcome(asked.id)
        # The workflow is over; what was counted is still told so.
        assert (await anna.send(vote)).json() == {"status": "approved", "accepted": True}
    evidence = await stage.agent.evidence(asked.id)
    trust = await stage.world.trust("anna", "ben")
    assert verify(evidence, trust, expected_payload=None, now=datetime.now(UTC)).signers


async def test_a_passkey_enrolled_after_the_workflow_began_may_vote(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        anna.passkey = await stage.acme.enrol("anna", synced=True)
        assert (await anna.decide()).json() == {"status": "approved", "accepted": True}


async def test_a_cancellation_ends_the_workflow(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        vote = anna.sign(await anna.begin())
        assert (await stage.agent.cancel(asked.id)).status == "cancelled"
        assert (await stage.outcome(asked.id)).status == "cancelled"
        assert code_of(await anna.send(vote)) == (409, "decision.final")


async def test_a_vote_waits_for_a_worker(stage):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        anna = await stage.approver(asked.id)
        vote = anna.sign(await anna.begin())
    sending = asyncio.create_task(anna.send(vote))
    await asyncio.sleep(0.5)
    assert (await stage.agent.get(asked.id)).status == "pending"
    async with stage.worker():
        assert (await sending).json() == {"status": "approved", "accepted": True}


async def test_what_another_agent_asked_is_not_there(stage):
    asked = await stage.agent.request(**ASK)
    url = str(stage.world.http.base_url).rstrip("/")
    async with CosignetClient(url, await stage.world.new_key()) as other:
        with pytest.raises(NotFound):
            await other.get(asked.id)
        assert (await other.list()).confirmations == ()
    await stage.agent.cancel(asked.id)


async def test_ready_with_a_real_temporal(stage):
    assert (await stage.world.http.get("/readyz")).status_code == 200


async def test_without_temporal_nothing_is_started_and_the_same_key_goes_on(stage):
    lost, client = await another_temporal()
    app = create_app(stage.acme.deployment, ApprovalWorkflows(client, search_attributes=False))
    headers = {**stage.world.bearer, "Idempotency-Key": "once"}
    async with serving(app) as url, httpx2.AsyncClient(base_url=url, timeout=60) as http:
        assert (await http.get("/readyz")).status_code == 200
        await lost.shutdown()
        refused = await http.post("/v1/confirmations", json=ASK, headers=headers)
        assert code_of(refused) == (503, "temporal.unavailable")
        assert code_of(await http.get("/readyz")) == (503, "temporal.unavailable")
    async with stage.worker():
        asked = await stage.world.http.post("/v1/confirmations", json=ASK, headers=headers)
        assert asked.status_code == 201
        anna = await stage.approver(asked.json()["id"])
        assert (await anna.decide()).json()["status"] == "approved"
