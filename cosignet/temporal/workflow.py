"""`require_approval()`: a workflow goes on only with a verified human approval of exactly what it is about to do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

from cosignet.core.canonical import Payload
from cosignet.core.encoding import from_instant
from cosignet.errors import Malformed
from cosignet.temporal._action import execution_of, payload_of, type_of
from cosignet.temporal._errors import NotApproved, NotApprovedStatus
from cosignet.temporal._held import HeldApproval, held_approvals
from cosignet.temporal._verification import VERIFY_ACTIVITY, Approval, EvidenceCheck
from cosignet.temporal.contract import APPROVAL_WORKFLOW, TASK_QUEUE, ApprovalInput, Ask, Outcome, summary_of

_VERIFY_SECONDS = timedelta(seconds=10)
_LOCAL_ATTEMPTS = 3
# The endings that a service may name; approved, and only that word, is another matter.
_ENDINGS: Mapping[str, NotApprovedStatus] = {"rejected": "rejected", "expired": "expired", "cancelled": "cancelled"}


async def require_approval(
    action: str,
    *,
    activity: Callable[..., Any] | str | None = None,
    input: Sequence[Any] = (),  # noqa: A002
    payload: Mapping[str, Any] | None = None,
    approvers: Sequence[str] = (),
    policy: str = "",
    threshold: int = 0,
    note: str = "",
    expires_in: int = 900,
    valid_for: int = 3600,
    external_id: str = "",
    claim: str = "",
    public_reveal: bool = False,
    task_queue: str = TASK_QUEUE,
) -> Approval:
    """Wait until humans approved, and return only then.

    What they approve is one call of `activity` with the arguments `input`, or else a JSON object `payload`; `action`
    says it in words. Approved for an activity, it may run in this workflow alone, and the next call of it with that
    input carries the approval to its guard. The other arguments are those of `contract.Ask`; times are seconds.

    Raises `NotApproved` for every other ending, `Malformed("payload.…")` for what cannot be a payload, and lets a
    cancellation of the workflow through, which withdraws the request.
    """
    held = held_approvals()
    asked, execution, activity_type = _what(activity, input, payload)
    ask = Ask(
        action=action,
        payload=asked.canonical.decode(),
        approvers=list(approvers),
        policy=policy,
        threshold=threshold,
        note=note,
        expires_in=expires_in,
        valid_for=valid_for,
        execution=execution,
        external_id=external_id,
        claim=claim,
        public_reveal=public_reveal,
    )
    confirmation = workflow.uuid4().hex
    outcome = await _decided(confirmation, ask, task_queue)
    if outcome.status != "approved":
        raise _not_approved(outcome)
    approval = await _verified(EvidenceCheck(confirmation, ask.payload, execution), outcome, ask)
    if activity_type:
        held.add(HeldApproval(confirmation, activity_type, asked.hash))
    return approval


def _what(
    activity: Callable[..., Any] | str | None, arguments: Sequence[Any], payload: Mapping[str, Any] | None
) -> tuple[Payload, str, str]:
    """Payload, execution and activity type of the request; the last two empty for a plain payload."""
    if (activity is None) == (payload is None) or (payload is not None and arguments):
        raise TypeError("give either an activity and its input, or a payload")
    if activity is None:
        return Payload.from_value(dict(payload or {})), "", ""
    activity_type, info = type_of(activity), workflow.info()
    asked = payload_of(activity_type, arguments, workflow.payload_converter())
    return asked, execution_of(info.namespace, info.workflow_id, activity_type), activity_type


async def _decided(confirmation: str, ask: Ask, task_queue: str) -> Outcome:
    task = asyncio.current_task()
    cancels = task.cancelling() if task else 0
    try:
        outcome: Outcome = await workflow.execute_child_workflow(
            APPROVAL_WORKFLOW,
            ApprovalInput(confirmation, ask),
            id=f"approval-{confirmation}",
            task_queue=task_queue,
            result_type=Outcome,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary_of(ask.action),
        )
    except ChildWorkflowError as error:
        if _cancelled_since(cancels):
            raise asyncio.CancelledError from error
        raise _not_asked(error) from error
    # A child that ends in an orderly way swallows the cancellation that ended it; we must not.
    if _cancelled_since(cancels):
        raise asyncio.CancelledError
    return outcome


def _cancelled_since(cancels: int) -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > cancels


async def _verified(check: EvidenceCheck, outcome: Outcome, ask: Ask) -> Approval:
    """Check the evidence here, soon and locally, then patiently: for as long as the approval could be acted on."""
    approval: Approval
    try:
        approval = await workflow.execute_local_activity(
            VERIFY_ACTIVITY,
            check,
            result_type=Approval,
            start_to_close_timeout=_VERIFY_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_attempts=_LOCAL_ATTEMPTS),
        )
    except FailureError as error:
        _raise_unless_unavailable(error, outcome)
    else:
        return approval
    time_left = _time_left(outcome, ask)
    try:
        approval = await workflow.execute_activity(
            VERIFY_ACTIVITY,
            check,
            result_type=Approval,
            start_to_close_timeout=_VERIFY_SECONDS,
            schedule_to_close_timeout=time_left,
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
        )
    except FailureError as error:
        _raise_unless_unavailable(error, outcome)
        raise _unverified("the evidence could not be had while the approval was valid", outcome) from error
    return approval


def _raise_unless_unavailable(error: FailureError, outcome: Outcome) -> None:
    # A failed local activity arrives bare, a regular one inside an ActivityError.
    cause = error.cause if isinstance(error, ActivityError) else error
    if is_cancelled_exception(error):
        raise error
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        raise _unverified(cause.message, outcome) from error


def _time_left(outcome: Outcome, ask: Ask) -> timedelta:
    try:
        left = from_instant(outcome.valid_until) - workflow.now()
    except Malformed as error:
        raise _unverified("the service does not say until when the approval is valid", outcome) from error
    return max(min(left, timedelta(seconds=ask.expires_in + ask.valid_for)), timedelta(seconds=1))


def _unverified(reason: str, outcome: Outcome) -> NotApproved:
    return NotApproved("unverified", f"approved, says the service, but not proven: {reason}", [reason], outcome)


def _not_approved(outcome: Outcome) -> NotApproved:
    status = _ENDINGS.get(outcome.status, "unknown")
    reasons = [vote.reason for vote in outcome.votes if vote.decision == "reject" and vote.reason]
    return NotApproved(status, ": ".join([f"not approved, {status}", *reasons]), reasons, outcome)


def _not_asked(error: ChildWorkflowError) -> NotApproved:
    if is_cancelled_exception(error):
        return NotApproved("cancelled", "not approved, the request was cancelled", [])
    cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        reason = f"{cause.type}: {cause.message}"
        return NotApproved("refused", f"not approved, the service refused the request: {reason}", [reason])
    return NotApproved("unknown", f"not approved, the request failed: {cause or error}", [str(cause or error)])
