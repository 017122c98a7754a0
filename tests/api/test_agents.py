"""An agent's workflow and its guarded activity against the whole real service: what is refused after the approval."""

import asyncio
import secrets
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from activities.approvals import workflow_id
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import sha256
from cosignet.temporal import CosignetPlugin
from cosignet.temporal.contract import APPROVAL_WORKFLOW, SYNC_SIGNAL, TASK_QUEUE
from store.confirmations import get_confirmation
from store.schema import confirmations
from tests.library.agents import ACTIVITIES, Agent, Transfer
from tests.library.stage import failure, not_approved, plan

# The database is not the subject, and each test here runs a workflow.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

TRANSFER = Transfer("ACME", "250.00")
DONE = ["250.00 to ACME"]


class Agency:
    """An agent that asks on one queue and acts on another one, whose worker comes up only when the test says so."""

    def __init__(self, stage, key, trust):
        self.stage = stage
        self.trust = trust
        self.key = key
        self.queue = f"agents-{secrets.token_hex(4)}"

    def worker(self, queue, *, workflows=(), trust=None, key=None):
        url = str(self.stage.world.http.base_url).rstrip("/")
        plugin = CosignetPlugin(url=url, api_key=key or self.key, trust=trust or self.trust)
        return Worker(
            self.stage.temporal, task_queue=queue, workflows=workflows, activities=ACTIVITIES[:2], plugins=[plugin]
        )

    @asynccontextmanager
    async def asking(self):
        """The agent has asked, and Anna has been told: her page, and the agent's running workflow."""
        async with self.stage.worker(), self.worker(self.queue, workflows=[Agent]):
            handle = await self.stage.temporal.start_workflow(
                Agent.run,
                plan(TRANSFER, activity_queue=f"{self.queue}-acting"),
                id=f"agent-{uuid.uuid4()}",
                task_queue=self.queue,
                task_timeout=timedelta(seconds=5),
            )
            message = await self._message()
            yield await self.stage.approver(message.link.partition("#")[0].rpartition("/")[2]), handle

    @asynccontextmanager
    async def approved(self):
        """The agent has an approval and has sent its call on the way; nobody runs it yet."""
        async with self.asking() as (anna, handle):
            assert (await anna.decide()).json()["status"] == "approved"
            await self._scheduled(handle)
            yield anna.confirmation, handle

    @asynccontextmanager
    async def acting(self, **changes):
        async with self.worker(f"{self.queue}-acting", **changes):
            yield

    async def _message(self):
        await asyncio.wait_for(self.stage.inbox.told("anna@example.com"), 30)
        return self.stage.inbox.messages[-1]

    async def _scheduled(self, handle):
        async with asyncio.timeout(30):
            while not (await handle.describe()).raw_description.pending_activities:
                await asyncio.sleep(0.05)


@pytest.fixture
async def agency(stage):
    key = await stage.world.new_key(owner=f"temporal:{stage.temporal.namespace}")
    return Agency(stage, key, await stage.world.trust("anna"))


async def refused(handle, code):
    error = await failure(handle.result())
    assert (error.type, error.details[0], error.non_retryable) == ("cosignet.guard", code, True)


async def alter(agency, confirmation, **values):
    async with agency.stage.acme.database.write() as tx:
        await tx.execute(update(confirmations).where(confirmations.c.id == confirmation).values(values))


async def consumer_of(agency, confirmation):
    async with agency.stage.acme.database.read() as tx:
        return (await get_confirmation(tx, confirmation)).consumer


async def test_what_was_approved_runs_and_is_used_up(agency):
    async with agency.approved() as (confirmation, handle), agency.acting():
        assert await handle.result() == DONE
    assert handle.id in await consumer_of(agency, confirmation)


@pytest.mark.parametrize("what", ["passkey", "person"])
async def test_an_approval_whose_signer_was_revoked_runs_nothing(agency, what):
    async with agency.approved() as (confirmation, handle):
        world = agency.stage.world
        await (world.revoke_passkey("anna") if what == "passkey" else world.revoke_person("anna"))
        async with agency.acting():
            await refused(handle, "confirmation.revoked")
    assert await consumer_of(agency, confirmation) is None


async def test_an_approval_that_is_over_by_the_services_clock_runs_nothing(agency):
    async with agency.approved() as (_, handle):
        agency.stage.world.later(seconds=900 + 3600)
        async with agency.acting():
            await refused(handle, "time.validity")


async def test_an_approval_that_somebody_else_has_used_runs_nothing(agency):
    async with agency.approved() as (confirmation, handle):
        path, headers = f"/v1/confirmations/{confirmation}", {"X-Api-Key": agency.key}
        asked = (await agency.stage.world.http.get(path, headers=headers)).json()
        body = {"payload_hash": asked["payload_hash"], "consumer": "somebody else"}
        used = await agency.stage.world.http.post(f"{path}/consume", json=body, headers=headers)
        assert used.status_code == 200
        async with agency.acting():
            await refused(handle, "confirmation.consumed")


OTHER = b'{"activity":"wire","input":[{"amount":"9250.00","currency":"EUR","to":"ACME"}]}'


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("payload.hash", {"payload": OTHER}),
        ("terms.hash", {"note": "as discussed"}),
        ("leaf.record", {"status": "rejected"}),
        ("evidence.unsigned", {"status": "cancelled"}),
        ("terms.hash", {"terms_hash": sha256(OTHER)}),
        ("confirmation.not_approved", {"deadline": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
async def test_an_approval_that_was_changed_in_the_database_runs_nothing(agency, code, values):
    async with agency.approved() as (confirmation, handle):
        await alter(agency, confirmation, **values)
        async with agency.acting():
            await refused(handle, code)
    assert await consumer_of(agency, confirmation) is None


async def test_a_status_that_the_log_knows_nothing_of_ends_without_an_approval(agency):
    async with agency.asking() as (anna, handle):
        await alter(agency, anna.confirmation, status="approved")
        await agency.stage.temporal.get_workflow_handle(workflow_id(anna.confirmation)).signal(SYNC_SIGNAL)
        status, reasons = await not_approved(handle.result())
    assert status == "refused"
    assert "decision.unlogged" in str(reasons)


async def test_a_status_that_was_written_by_hand_is_not_believed(agency):
    async with agency.asking() as (anna, handle):
        async with agency.stage.acme.database.read() as tx:
            row = await get_confirmation(tx, anna.confirmation)
        decided_at = row.deadline - timedelta(seconds=1)
        # The log has the request's event, so nothing is missing there.
        await alter(agency, row.id, status="approved", decided_at=decided_at, outcome_event=row.request_event)
        await agency.stage.temporal.get_workflow_handle(workflow_id(row.id)).signal(SYNC_SIGNAL)
        status, (reason,) = await not_approved(handle.result())
    assert (status, reason.partition(":")[0]) == ("unverified", "leaf.record")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("trust.audience", lambda trust: {"organisation": "another"}),
        ("trust.audience", lambda trust: {"rp": RelyingParty("approve.example", trust.rp.origins)}),
        ("assertion.origin", lambda trust: {"rp": replace(trust.rp, origins=frozenset({"https://localhost"}))}),
        ("credential.enrolled", lambda trust: {"approvers": ()}),
    ],
)
async def test_a_worker_with_the_trust_of_another_deployment_runs_nothing(agency, code, change):
    trust = agency.trust
    async with agency.approved() as (confirmation, handle), agency.acting(trust=replace(trust, **change(trust))):
        await refused(handle, code)
    assert await consumer_of(agency, confirmation) is None


async def test_a_worker_with_the_key_of_another_agent_runs_nothing(agency):
    async with agency.approved() as (_, handle), agency.acting(key=await agency.stage.world.new_key()):
        await refused(handle, "confirmation.unknown")


CLAIMS = {"organisation": "another", "requester": "the CEO", "owner": "temporal:production", "caller": {"owner": "x"}}


@pytest.mark.parametrize("parent", [None, {"namespace": "default", "workflow_id": "the-board"}])
async def test_a_workflow_started_by_hand_cannot_claim_who_asks(agency, parent):
    ask = {"action": "Wire", "payload": "{}", "approvers": ["anna@example.com"], **CLAIMS}
    asked = {"confirmation": secrets.token_hex(16), "ask": ask, "parent": parent, **CLAIMS}
    async with agency.stage.worker():
        handle = await agency.stage.temporal.start_workflow(
            APPROVAL_WORKFLOW, asked, id=workflow_id(asked["confirmation"]), task_queue=TASK_QUEUE
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert caught.value.cause.type == "request.no_parent"
    async with agency.stage.acme.database.read() as tx:
        assert await get_confirmation(tx, asked["confirmation"]) is None
