"""An agent's workflow that asks by starting `cosignet.Approval` as its child, without the plugin."""

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from cosignet.temporal.contract import APPROVAL_WORKFLOW, ApprovalInput, Ask, Outcome


@workflow.defn
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
