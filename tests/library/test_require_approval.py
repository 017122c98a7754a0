"""`require_approval` on the real server: it returns for a verified approval and raises for everything else."""

import asyncio
import json

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.converter import PayloadConverter
from temporalio.exceptions import CancelledError

from cosignet.errors import Unavailable
from cosignet.temporal import require_approval
from cosignet.temporal._action import payload_of
from cosignet.temporal.contract import APPROVAL_WORKFLOW, MAX_SUMMARY, TASK_QUEUE, Ask
from cosignet.temporal.testing import APPROVE, EXPIRE, IGNORE, PERSON, FakeApprovals, FakeApprover, reject
from cosignet.testing import SoftwarePasskey
from tests.library.agents import Agent, Careless, Thinker, Transfer, wire
from tests.library.stage import Stage, failure, not_approved, plan

ACME = Transfer("ACME", "250.00")


@pytest.fixture
def stage(temporal_env):
    return Stage(temporal_env.client)


def deciding(temporal_env, answer):
    return Stage(temporal_env.client, FakeApprovals(lambda ask: answer))


async def children_of(handle):
    """What a workflow said of each child when it started it."""
    events = [event async for event in handle.fetch_history_events()]
    started = [e.start_child_workflow_execution_initiated_event_attributes for e in events]
    return [attributes for attributes in started if attributes.workflow_id]


async def child_of(stage, handle):
    """The approval that a running workflow waits for, once the workflow has been told that it is there."""
    while True:
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        told = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED in kinds
        if told and kinds[-1] == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            (child,) = await children_of(handle)
            return stage.client.get_workflow_handle(child.workflow_id)
        await asyncio.sleep(0.05)


async def test_approved(stage):
    async with stage.up(stage.fake_service()):
        handle = await stage.start(Agent.run, plan(ACME, action="Wire 250 EUR to ACME"))
        assert await handle.result() == ["250.00 to ACME"]
    (ask,) = stage.approvals.asked
    assert ask.payload == '{"activity":"wire","input":[{"amount":"250.00","currency":"EUR","to":"ACME"}]}'
    assert ask.execution == f"temporal:default/{handle.id}/wire"
    assert (ask.action, ask.approvers) == ("Wire 250 EUR to ACME", ["anna@example.com"])


async def test_child_is_started_so_that_it_can_end_in_order(stage):
    async with stage.up(stage.fake_service()):
        handle = await stage.start(Agent.run, plan(ACME, action="送金" * 100))
        await handle.result()
    (child,) = await children_of(handle)
    assert child.workflow_type.name == APPROVAL_WORKFLOW
    assert child.task_queue.name == TASK_QUEUE
    assert child.workflow_id.startswith("approval-")
    assert child.parent_close_policy == 3  # REQUEST_CANCEL
    assert not child.search_attributes.indexed_fields
    description = await stage.client.get_workflow_handle(child.workflow_id).describe()
    summary = await description.static_summary()
    assert summary.startswith("送金送金")
    assert len(json.dumps(summary)) <= MAX_SUMMARY


@pytest.mark.parametrize(
    ("answer", "status", "reasons"),
    [
        (reject("wrong IBAN"), "rejected", ["wrong IBAN"]),
        (reject(), "rejected", []),
        (EXPIRE, "expired", []),
    ],
)
async def test_not_approved(temporal_env, answer, status, reasons):
    stage = deciding(temporal_env, answer)
    async with stage.up(stage.fake_service()):
        assert await not_approved(stage.run(plan(ACME))) == (status, reasons)


async def test_ignored_until_the_deadline(temporal_env):
    stage = deciding(temporal_env, IGNORE)
    async with stage.up(stage.fake_service()):
        assert await not_approved(stage.run(plan(ACME, expires_in=1))) == ("expired", [])


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("cancelled", "cancelled"),
        ("rejected", "rejected"),
        ("pending", "unknown"),
        ("blessed", "unknown"),
        ("Approved", "unknown"),
        ("unverified", "unknown"),
        ("", "unknown"),
    ],
)
async def test_every_word_but_approved_is_none(stage, word, status):
    async with stage.up(stage.scripted_service()):
        assert await not_approved(stage.run(plan(ACME, claim=word))) == (status, ["no"])


async def test_approved_without_evidence_is_not_verified(stage):
    async with stage.up(stage.scripted_service()):
        status, (reason,) = await not_approved(stage.run(plan(ACME, claim="approved")))
    assert status == "unverified"
    assert reason.startswith("confirmation.unknown")


class Service:
    """Gives the evidence that a test writes, or fails as often as it says before the genuine one."""

    def __init__(self, approvals, *, write=None, failures=0):
        self._approvals = approvals
        self._write = write
        self.failures = failures

    async def evidence(self, confirmation):
        if self.failures:
            self.failures -= 1
            raise Unavailable("answer.unexpected", "out of order")
        return self._write(confirmation) if self._write else await self._approvals.evidence(confirmation)

    async def consume(self, confirmation, payload_hash, consumer):
        await self._approvals.consume(confirmation, payload_hash, consumer)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"answer": reject()}, "decision.approved"),
        ({"confirmation": "another"}, "guard.confirmation"),
        ({"execution": "temporal:default/another/wire"}, "guard.execution"),
        ({"transfer": Transfer("ACME", "999.00")}, "payload.expected"),
        ({"passkey": SoftwarePasskey(PERSON)}, "credential.enrolled"),
        ({"log": None}, "trust.log"),
    ],
)
async def test_service_that_lies_is_not_believed(temporal_env, change, check):
    approvals = FakeApprovals()
    genuine = approvals._approver

    def write(confirmation):
        payload = payload_of("wire", [change.get("transfer", ACME)], PayloadConverter.default)
        ask = Ask(
            "Wire", payload.canonical.decode(), execution=change.get("execution", f"temporal:default/{handle.id}/wire")
        )
        passkey, log = change.get("passkey", genuine.passkey), change.get("log", genuine.log)
        approver = FakeApprover(passkey, log=log) if {"passkey", "log"} & set(change) else genuine
        terms = approver.terms(change.get("confirmation", confirmation), ask)
        return approver.evidence(terms, ask, change.get("answer", APPROVE))

    stage = Stage(temporal_env.client, approvals, service=Service(approvals, write=write))
    async with stage.up(stage.scripted_service()):
        handle = await stage.start(Agent.run, plan(ACME, claim="approved"))
        status, (reason,) = await not_approved(handle.result())
    assert (status, reason.partition(":")[0]) == ("unverified", check)


async def test_evidence_that_comes_late_is_waited_for(temporal_env):
    approvals = FakeApprovals()
    service = Service(approvals, failures=4)
    stage = Stage(temporal_env.client, approvals, service=service)
    async with stage.up(stage.fake_service()):
        assert await stage.run(plan(ACME)) == ["250.00 to ACME"]
    assert service.failures == 0


async def test_evidence_that_never_comes_is_waited_for_while_the_approval_is_valid(temporal_env):
    approvals = FakeApprovals()
    stage = Stage(temporal_env.client, approvals, service=Service(approvals, failures=1000))
    async with stage.up(stage.fake_service()):
        status, reasons = await not_approved(stage.run(plan(ACME, expires_in=2, valid_for=1)))
    assert (status, reasons) == ("unverified", ["the evidence could not be had while the approval was valid"])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("approved", "the service does not say until when the approval is valid"),
        ("approved for ever", "the evidence could not be had while the approval was valid"),
    ],
)
async def test_service_does_not_decide_how_long_its_evidence_is_waited_for(temporal_env, script, reason):
    silent = Service(FakeApprovals(), failures=1000)
    stage = Stage(temporal_env.client, service=silent)
    async with stage.up(stage.scripted_service()):
        ended = await not_approved(stage.run(plan(ACME, claim=script, expires_in=1, valid_for=1)))
    assert ended == ("unverified", [reason])


@pytest.mark.parametrize("script", ["refuse", "refuse in an activity"])
async def test_request_that_the_service_refuses(stage, script):
    async with stage.up(stage.scripted_service()):
        ended = await not_approved(stage.run(plan(ACME, claim=script)))
    assert ended == ("refused", ["approver.unknown: nobody by that name"])


async def test_service_that_fails(stage):
    async with stage.up(stage.scripted_service()):
        assert await not_approved(stage.run(plan(ACME, claim="fail"))) == ("unknown", ["out of order"])


async def test_request_terminated_by_an_operator(stage):
    async with stage.up(stage.scripted_service()):
        handle = await stage.start(Agent.run, plan(ACME, claim="never"))
        await (await child_of(stage, handle)).terminate()
        status, _ = await not_approved(handle.result())
    assert status == "unknown"


@pytest.mark.parametrize("script", ["never", "approve when cancelled"])
async def test_request_cancelled_by_an_operator(stage, script):
    async with stage.up(stage.scripted_service()):
        handle = await stage.start(Agent.run, plan(ACME, claim=script))
        await (await child_of(stage, handle)).cancel()
        status, _ = await not_approved(handle.result())
    assert status == ("cancelled" if script == "never" else "unverified")


@pytest.mark.parametrize("script", ["never", "approve when cancelled"])
async def test_cancelled_agent_withdraws_its_request_and_ends_cancelled(stage, script):
    async with stage.up(stage.scripted_service()):
        handle = await stage.start(Agent.run, plan(ACME, claim=script))
        child = await child_of(stage, handle)
        await handle.cancel()
        assert isinstance(await failure(handle.result()), CancelledError)
        ended = WorkflowExecutionStatus.CANCELED if script == "never" else WorkflowExecutionStatus.COMPLETED
        assert (await child.describe()).status == ended


async def test_cancelled_agent_of_an_orderly_service(temporal_env):
    stage = deciding(temporal_env, IGNORE)
    async with stage.up(stage.fake_service()):
        handle = await stage.start(Agent.run, plan(ACME))
        child = await child_of(stage, handle)
        await handle.cancel()
        assert isinstance(await failure(handle.result()), CancelledError)
        assert (await child.result())["status"] == "cancelled"


@pytest.mark.parametrize("script", ["never", "approve when cancelled"])
async def test_agent_that_loses_patience_withdraws_its_request(stage, script):
    async with stage.up(stage.scripted_service()):
        handle = await stage.start(Agent.run, plan(ACME, claim=script, patience=1.0))
        child = await child_of(stage, handle)
        assert await handle.result() == ["lost patience"]
        assert (await child.describe()).status != WorkflowExecutionStatus.RUNNING


async def test_terminated_agent_withdraws_its_request(temporal_env):
    stage = deciding(temporal_env, IGNORE)
    async with stage.up(stage.fake_service()):
        handle = await stage.start(Agent.run, plan(ACME))
        child = await child_of(stage, handle)
        await handle.terminate()
        assert (await child.result())["status"] == "cancelled"


async def test_payload_of_ones_own(temporal_env):
    stage = Stage(temporal_env.client)
    elsewhere = stage.approvals.worker(stage.client, task_queue="elsewhere")
    async with stage.up(elsewhere):
        approval = await (await stage.start(Thinker.run, {"post": 7})).result()
    (ask,) = stage.approvals.asked
    assert (ask.payload, ask.execution, ask.policy) == ('{"post":7}', "", "editors")
    assert approval.signers == ["a test, not a person"]
    assert "the authenticator verified its user" in approval.proven[0]


async def test_approval_inside_an_update(stage):
    async with stage.up(stage.fake_service()):
        handle = await stage.start(Thinker.run)
        assert await handle.execute_update(Thinker.pay, ACME) == "250.00 to ACME"
        await handle.result()


async def test_input_that_nobody_can_read_fails_the_workflow(stage):
    async with stage.up(stage.fake_service()):
        error = await failure((await stage.start(Careless.run)).result())
    assert error.type == "Malformed"
    assert "payload.not_json" in error.message
    assert stage.approvals.asked == []


async def test_worker_without_the_plugin_cannot_ask(temporal_env):
    with pytest.raises(RuntimeError, match="CosignetPlugin"):
        await require_approval("Wire", activity=wire, input=[ACME])
