"""Approval services that misbehave: the workflow `cosignet.Approval` with whatever ending the request asks for."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, is_cancelled_exception

from cosignet.temporal.contract import APPROVAL_WORKFLOW, ApprovalInput, Outcome, OutcomeVote


@activity.defn
async def refuse() -> None:
    raise ApplicationError("nobody by that name", type="approver.unknown", non_retryable=True)


@workflow.defn(name=APPROVAL_WORKFLOW, sandboxed=False)
class ScriptedService:
    """`claim` is the script: a status word to answer, or one of the words below."""

    @workflow.run
    async def run(self, approval: ApprovalInput) -> Outcome:
        script = approval.ask.claim
        if script == "refuse":
            raise ApplicationError("nobody by that name", type="approver.unknown", non_retryable=True)
        if script == "refuse in an activity":
            await workflow.execute_activity(
                refuse, start_to_close_timeout=timedelta(seconds=5), retry_policy=RetryPolicy(maximum_attempts=1)
            )
        if script == "fail":
            raise ApplicationError("out of order")
        if script == "never":
            await workflow.wait_condition(lambda: False)
        if script == "approve when cancelled":
            await self._until_cancelled()
            script = "approved"
        valid_until = ""
        if script == "approved for ever":
            script, valid_until = "approved", "2999-12-31T23:59:59Z"
        votes = [OutcomeVote("anna", "reject", "no")]
        return Outcome(approval.confirmation, script, "", "", "", valid_until, "", votes)

    async def _until_cancelled(self) -> None:
        try:
            await workflow.wait_condition(lambda: False)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
