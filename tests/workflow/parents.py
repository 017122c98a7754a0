"""An agent's workflow that asks by starting `cosignet.Approval` as its child, without the plugin."""

import secrets
from contextlib import asynccontextmanager

from temporalio import workflow
from temporalio.worker import Worker
from temporalio.workflow import ParentClosePolicy

from cosignet.temporal.contract import APPROVAL_WORKFLOW, ApprovalInput, Ask, Outcome


@asynccontextmanager
async def agents(service):
    """A worker for agents, and how to start one."""
    queue = f"agents-{secrets.token_hex(4)}"
    async with Worker(service.client, task_queue=queue, workflows=[Agent]):

        async def start(ask, confirmation=None):
            confirmation = confirmation or secrets.token_hex(16)
            arguments = [confirmation, ask, service.task_queue]
            handle = await service.client.start_workflow(
                "Agent", args=arguments, id=f"agent-{secrets.token_hex(4)}", task_queue=queue, result_type=Outcome
            )
            return confirmation, handle

        yield start


@workflow.defn(sandboxed=False)
class Agent:
    @workflow.run
    async def run(self, confirmation: str, ask: Ask, queue: str) -> Outcome:
        outcome: Outcome = await workflow.execute_child_workflow(
            APPROVAL_WORKFLOW,
            ApprovalInput(confirmation, ask),
            id=f"approval-{confirmation}",
            task_queue=queue,
            result_type=Outcome,
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
        )
        return outcome
