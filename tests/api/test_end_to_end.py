"""Everything real: sockets, Temporal, a worker, the client library, and a verifier that trusts nobody."""

import asyncio
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import uvicorn
from temporalio.client import Client
from temporalio.service import RetryConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.approvals import ApprovalWorkflows, workflow_id
from activities.steps import ApprovalSteps
from api.main import create_app
from cosignet.client import CosignetClient
from cosignet.core.canonical import canonicalise
from cosignet.core.trust import Approver as TrustedApprover
from cosignet.core.trust import Floor, Trust
from cosignet.core.verdict import verify
from cosignet.errors import Conflict, NotFound
from cosignet.temporal.contract import TASK_QUEUE, Outcome
from tests.acme import RP, Acme, Inbox
from tests.api.world import ASK, Approver, World, code_of
from worker import workflow_runner
from workflows.approval import Approval

MINUTE = 60


@dataclass
class Stage:
    """A running service, an agent with a key, and the messages that approvers got."""

    temporal: Client
    acme: Acme
    inbox: Inbox
    agent: CosignetClient
    world: World
    steps: ApprovalSteps

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        steps = self.steps
        activities = [steps.open, steps.read_voters, steps.notify, steps.record_vote, steps.close, steps.read_outcome]
        async with Worker(
            self.temporal,
            task_queue=TASK_QUEUE,
            workflows=[Approval],
            activities=activities,
            workflow_runner=workflow_runner(),
        ):
            yield

    async def approver(self, confirmation: str, name: str = "anna") -> Approver:
        """Whoever follows the link in the message they got."""
        async with asyncio.timeout(10):
            while True:
                for message in self.inbox.messages:
                    page, token = message.link.split("#")
                    if message.to == f"{name}@example.com" and page.endswith(confirmation):
                        headers = {"Authorization": f"Link {token}"}
                        return Approver(self.world, confirmation, self.acme.passkeys[name], headers)
                await asyncio.sleep(0.02)

    async def outcome(self, confirmation: str) -> Outcome:
        handle = self.temporal.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
        return await asyncio.wait_for(handle.result(), 10)

    def trust(self, *names: str) -> Trust:
        approvers = tuple(
            TrustedApprover(self.acme.people[name].id, name, (self.acme.passkeys[name].credential,)) for name in names
        )
        return Trust(self.acme.organisation.id, RP, approvers, Floor(len(names), frozenset()))


@asynccontextmanager
async def serving(app) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, server_header=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        app.state.service.poller.stop()
        server.should_exit = True
        await task


@pytest.fixture
async def stage(temporal_env, acme, contract):
    client, inbox = temporal_env.client, Inbox()
    steps = ApprovalSteps(acme.deployment, inbox, namespace=client.namespace, organisation="", search_attributes=False)
    app = create_app(acme.deployment, ApprovalWorkflows(client, search_attributes=False))
    async with (
        serving(app) as url,
        httpx2.AsyncClient(base_url=url, event_hooks={"response": [contract.check]}, timeout=60) as http,
    ):
        world = World(acme, app, None, http, key="")
        world.key = await world.new_key()
        async with CosignetClient(url, world.key, timeout=30) as agent:
            yield Stage(client, acme, inbox, agent, world, steps)


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
    verdict = verify(evidence, stage.trust("anna"), expected_payload=expected, now=datetime.now(UTC))
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
    assert verify(evidence, stage.trust("anna", "ben"), expected_payload=None, now=datetime.now(UTC)).signers


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
    binary = Path(sysconfig.get_path("scripts")) / "temporal"
    lost = await WorkflowEnvironment.start_local(dev_server_existing_path=str(binary))
    address = lost.client.service_client.config.target_host
    client = await Client.connect(address, retry_config=RetryConfig(max_elapsed_time_millis=500))
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
