"""How a workflow runs a step that must come to its end, whatever is cancelled meanwhile.

Local activities cost one event, but run again routinely, delay every other vote while they retry, and are
not bounded by their schedule-to-close timeout. So: three local attempts, then the same step as a regular activity.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from activities.steps import ApprovalSteps

A = TypeVar("A")
R = TypeVar("R")

_LOCAL_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=3)
_REGULAR_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=30))


async def run_step(step: Callable[[ApprovalSteps, A], Awaitable[R]], argument: A, *, summary: str) -> R:
    """Run an activity until it answers. Raises its `ApplicationError` when it refuses for good."""
    try:
        return await workflow.execute_local_activity_method(
            step,
            argument,
            start_to_close_timeout=timedelta(seconds=2),
            retry_policy=_LOCAL_RETRIES,
            summary=summary,
        )
    except FailureError as error:
        _reraise_refusal(error)
    try:
        return await workflow.execute_activity_method(
            step,
            argument,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=_REGULAR_RETRIES,
            summary=summary,
        )
    except ActivityError as error:
        _reraise_refusal(error)
        raise


async def finish(step: Callable[[], Awaitable[R]], on_cancel: Callable[[], None]) -> R:
    """Await a step to its end even when the workflow is cancelled meanwhile; `on_cancel` learns of it."""
    task = asyncio.ensure_future(step())
    while True:
        try:
            return await asyncio.shield(task)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            on_cancel()
            if task.done():
                # The cancellation reached the activity itself. It is idempotent: run it again.
                task = asyncio.ensure_future(step())


def _reraise_refusal(error: FailureError) -> None:
    # A local activity fails with the bare error, a regular one wraps it; a worker that breaks down fails it with an
    # error of no kind at all.
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.non_retryable:
        raise cause
    if is_cancelled_exception(error):
        raise error
