"""`cosignet.Approval`: one durable workflow per confirmation. It waits; the database row decides.

Nothing in here can approve. Votes are checked before they cost history (the Update's validator), counted by
the activity `cosignet.record_vote` in one database transaction, and whatever ends the wait, the stored
outcome is what the workflow returns. Every change of this file must keep tests/workflow/histories replayable.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, is_cancelled_exception

from activities.approvals import STATUS, open_attributes
from activities.closing import ClosingStatus
from activities.steps import ApprovalSteps, CloseInput, NotifyInput, OpenInput, Parent, RecordInput
from cosignet.core.decision import Status
from cosignet.errors import CosignetError, Refused
from cosignet.temporal.contract import (
    APPROVAL_SIGNAL,
    APPROVAL_WORKFLOW,
    NOT_READY,
    REFRESH_KEYS_UPDATE,
    SYNC_SIGNAL,
    VOTE_UPDATE,
    ApprovalInput,
    Outcome,
    VoteAnswer,
    VoteInput,
)
from workflows.ballot import Ballot
from workflows.describing import describe
from workflows.stepping import finish, run_step

A = TypeVar("A")
R = TypeVar("R")

MAX_REFRESHES = 100
MAX_EARLY_SIGNALS = 20
# A workflow task that takes two seconds is given up, and would be for ever: so many of thousands are looked at.
MAX_CHECKS_AT_ONCE = 200


@workflow.defn(name=APPROVAL_WORKFLOW, sandboxed=False)
class Approval:
    """Waits for votes until the deadline, then returns the stored outcome."""

    @workflow.init
    def __init__(self, approval: ApprovalInput) -> None:
        self._id = approval.confirmation
        self._ballot: Ballot | None = None
        self._outcome: Outcome | None = None
        self._cancelled = False
        self._must_read = False
        self._refreshes = 0
        self._early_signals = 0
        self._checking_since: datetime | None = None
        self._checks = 0
        self._dropped = 0
        self._notifications: list[workflow.ActivityHandle[int]] = []

    @workflow.run
    async def run(self, approval: ApprovalInput) -> Outcome:
        """Open (or find) the confirmation, tell the approvers, wait, and return how it ended."""
        ask = OpenInput(approval, _parent())
        opened = await self._finish(ApprovalSteps.open, ask, "Record the request")
        ballot = self._ballot = Ballot(opened)
        self._outcome = opened.outcome
        self._show(ballot)
        while self._outcome is None:
            self._outcome = await self._wait(ballot)
        self._show(ballot)
        await finish(self._settle, self._on_cancel)
        return self._outcome

    @workflow.update(name=VOTE_UPDATE, description="Submit one signed vote; the update's id is its nonce")
    async def vote(self, vote: VoteInput) -> VoteAnswer:
        """Count a vote that passed the validator; a refusal is an answer, not a failure."""
        return await self._record(vote)

    @vote.validator
    def _check_vote(self, vote: VoteInput) -> None:
        # A refusal here leaves no history, so floods of bad votes cost nothing and block nobody.
        update = workflow.current_update_info()
        try:
            nonce = self._require_ballot().check(vote, at=workflow.now(), final=self._outcome is not None)
            if update is None or update.id != nonce:
                raise Refused("vote.id", "the update's id must be the vote's nonce")
        except CosignetError as error:
            raise ApplicationError(error.detail, type=error.code, non_retryable=True) from error

    @workflow.update(name=REFRESH_KEYS_UPDATE, description="Read the approvers' passkeys again")
    async def refresh_keys(self) -> None:
        """Pin the passkeys that are enrolled now, and forget votes that were voided with a revoked one."""
        self._refreshes += 1
        await workflow.wait_condition(lambda: self._ballot is not None)
        voters = await run_step(ApprovalSteps.read_voters, self._id, summary="Read the passkeys again")
        self._require_ballot().admit(voters)

    @refresh_keys.validator
    def _check_refresh(self) -> None:
        # Accepted updates are a limited good of every workflow, and honest votes need some of it.
        if self._refreshes >= MAX_REFRESHES or self._outcome is not None:
            raise ApplicationError("no more refreshes here", type="refresh.refused", non_retryable=True)

    @workflow.signal(name=APPROVAL_SIGNAL, description="As the vote update, for callers that only have signals")
    async def approval(self, vote: VoteInput) -> None:
        """Count a vote, or drop it. Whether it passes is pure code over recorded state, the same on every replay."""
        if self._ballot is None:
            self._early_signals += 1
            if self._early_signals > MAX_EARLY_SIGNALS:
                return
            await workflow.wait_condition(lambda: self._ballot is not None)
        try:
            self._require_calm()
            self._require_ballot().check(vote, at=workflow.now(), final=self._outcome is not None)
        except CosignetError:
            self._dropped += 1
            return
        await self._record(vote)

    @workflow.signal(name=SYNC_SIGNAL, description="Read the database row again; carries no authority")
    def sync(self) -> None:
        """Something outside may have ended the confirmation: look."""
        self._must_read = True

    async def _record(self, vote: VoteInput) -> VoteAnswer:
        ballot = self._require_ballot()
        with ballot.counting(vote) as count:
            recorded = await run_step(ApprovalSteps.record_vote, RecordInput(self._id, vote), summary="Count a vote")
            count(recorded.answer.accepted)
        self._outcome = self._outcome or recorded.outcome
        self._show(ballot)
        return recorded.answer

    async def _wait(self, ballot: Ballot) -> Outcome | None:
        """One stretch of waiting: until something stirs, a fallback stage opens, or the time is over."""
        try:
            if not self._cancelled:
                await self._until_stirred(ballot)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            self._cancelled = True
        if self._outcome is not None:
            return self._outcome
        if self._must_read:
            self._must_read = False
            return await self._finish(ApprovalSteps.read_outcome, self._id, "Read the row again")
        if self._cancelled:
            return await self._close("cancelled")
        if workflow.now() >= ballot.deadline:
            return await self._close("expired")
        return None

    async def _until_stirred(self, ballot: Ballot) -> None:
        now = workflow.now()
        self._notify_stages(ballot, now)
        wake = ballot.next_stage(len(self._notifications)) or ballot.deadline
        try:
            await workflow.wait_condition(
                lambda: self._outcome is not None or self._must_read,
                timeout=max(wake - now, timedelta(0)),
                timeout_summary="Next stage" if wake < ballot.deadline else "Deadline",
            )
        except TimeoutError:
            return

    def _notify_stages(self, ballot: Ballot, now: datetime) -> None:
        """Start the notification of every stage that has opened, beside the wait and never before it."""
        while len(self._notifications) < ballot.stages_open(now):
            stage = len(self._notifications)
            self._notifications.append(
                workflow.start_activity_method(
                    ApprovalSteps.notify,
                    NotifyInput(self._id, stage),
                    start_to_close_timeout=timedelta(seconds=15),
                    schedule_to_close_timeout=max(ballot.deadline - now, timedelta(seconds=1)),
                    retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5)),
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary="Tell the approvers" if stage == 0 else f"Tell fallback stage {stage}",
                )
            )

    async def _close(self, status: ClosingStatus) -> Outcome:
        return await self._finish(ApprovalSteps.close, CloseInput(self._id, status), f"Close as {status}")

    async def _finish(self, step: Callable[[ApprovalSteps, A], Awaitable[R]], argument: A, summary: str) -> R:
        return await finish(lambda: run_step(step, argument, summary=summary), self._on_cancel)

    def _on_cancel(self) -> None:
        self._cancelled = True

    async def _settle(self) -> None:
        """Wait until nothing is under way.

        An event that arrives with the completion would fail that workflow task, and the Update in it would be lost.
        """
        for notification in self._notifications:
            notification.cancel()
        await asyncio.gather(*self._notifications, return_exceptions=True)
        await workflow.wait_condition(workflow.all_handlers_finished)

    def _show(self, ballot: Ballot) -> None:
        """Keep what the operator sees up to date; search attributes only where the worker found them registered."""
        status = self._outcome.status if self._outcome else Status.PENDING.value
        workflow.set_current_details(describe(ballot.matter, status, voted=ballot.voted, dropped=self._dropped))
        shown = workflow.info().typed_search_attributes.get(STATUS)
        if not ballot.search_attributes or shown == status:
            return
        if shown is None:
            attributes = open_attributes(ballot.matter.terms.organisation, ballot.deadline)
            workflow.upsert_search_attributes([pair.key.value_set(pair.value) for pair in attributes])
        if status != Status.PENDING:
            workflow.upsert_search_attributes([STATUS.value_set(status)])

    def _require_calm(self) -> None:
        # The time stands still within one workflow task.
        if self._checking_since != workflow.now():
            self._checking_since, self._checks = workflow.now(), 0
        self._checks += 1
        if self._checks > MAX_CHECKS_AT_ONCE:
            raise Refused("vote.flood", "too many votes at once")

    def _require_ballot(self) -> Ballot:
        if self._ballot is None:
            raise Refused(NOT_READY, "the confirmation is being opened; send the same vote again")
        return self._ballot


def _parent() -> Parent | None:
    parent = workflow.info().parent
    return Parent(parent.namespace, parent.workflow_id) if parent else None
