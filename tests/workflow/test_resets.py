"""An operator resets a workflow, ours or the agent's: what was decided stays so, and nothing is decided by it."""

import secrets

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError

from activities.closing import read_standing
from cosignet.temporal.contract import Outcome
from tests.acme import a_wire_transfer
from tests.workflow.parents import agents


@pytest.fixture
def database_kind():
    return "sqlite"


async def reset_to_start(client, handle):
    """The new run of a workflow that is taken back to its first task, without the Updates it has had."""
    history = await handle.fetch_history()
    completed = [e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes")]
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id),
            reason="a test",
            request_id=secrets.token_hex(8),
            workflow_task_finish_event_id=completed[0],
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
        )
    )
    return client.get_workflow_handle(handle.id, run_id=answer.run_id, result_type=Outcome)


async def test_after_its_decision_it_answers_what_the_row_says(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await service.vote(confirmation, nonce, vote)
        await handle.result()
        reset = await reset_to_start(service.client, handle)
        assert (await reset.result()).status == "approved"
    assert await service.events_of(confirmation) == ["requested", "voted", "approved"]


async def test_before_its_decision_it_waits_on(service):
    async with service.worker():
        confirmation, handle = await service.start(approvers=["anna@example.com", "ben@example.com"], threshold=2)
        await service.inbox.told("ben@example.com")
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "pending"
        reset = await reset_to_start(service.client, handle)
        # The vote is in the row: it counts once, and the second one decides.
        assert (await service.vote(confirmation, nonce, vote)).status == "pending"
        nonce, vote = await service.acme.sign(confirmation, "ben")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await reset.result()).status == "approved"
    assert await service.events_of(confirmation) == ["requested", "voted", "voted", "approved"]


async def test_an_agent_that_is_reset_while_it_waits_gets_no_approval_by_it(service):
    async with service.worker(), agents(service) as start:
        confirmation, handle = await start(a_wire_transfer())
        await service.inbox.told("anna@example.com")
        reset = await reset_to_start(service.client, handle)
        # It asks again under the id that is taken; the first question stays open for people until its deadline.
        with pytest.raises(WorkflowFailureError) as caught:
            await reset.result()
        assert "already started" in str(caught.value.cause)
        assert (await read_standing(service.acme.deployment, confirmation)).row.status == "pending"
        assert await service.events_of(confirmation) == ["requested"]
        child = service.client.get_workflow_handle(f"approval-{confirmation}", result_type=Outcome)
        await child.cancel()
        assert (await child.result()).status == "cancelled"
