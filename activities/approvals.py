"""The approval workflows as others drive them: started, voted on, told to look at their row again."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, DescribeNamespaceRequest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from cosignet.core.terms import Terms
from cosignet.errors import Conflict, Unavailable
from cosignet.temporal.contract import (
    APPROVAL_SIGNAL,
    APPROVAL_WORKFLOW,
    NOT_READY,
    REFRESH_KEYS_UPDATE,
    SYNC_SIGNAL,
    TASK_QUEUE,
    VOTE_UPDATE,
    ApprovalInput,
    VoteAnswer,
    VoteInput,
    summary_of,
)
from store.rows import Confirmation

STATUS = SearchAttributeKey.for_keyword("CosignetStatus")
ORGANISATION = SearchAttributeKey.for_keyword("CosignetOrganisation")
DEADLINE = SearchAttributeKey.for_datetime("CosignetDeadline")
SEARCH_ATTRIBUTES: dict[str, IndexedValueType.ValueType] = {
    STATUS.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    ORGANISATION.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    DEADLINE.name: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
}

RPC_TIMEOUT = timedelta(seconds=10)
CHECK_TIMEOUT = timedelta(seconds=2)
# How long an approver is kept waiting. A vote's Update is given a part of it; then the vote goes by the signal too,
# and the row is looked at, now and then with another Update.
VOTE_SECONDS = 15.0
UPDATE_SECONDS = 1.0
UPDATE_EVERY = 10
VOTE_PAUSE = 0.1
# What the workflow answers while it is not open yet, and while the same vote is being counted.
_UNDER_WAY = frozenset({NOT_READY, "vote.nonce"})
_GONE = VoteAnswer(False, "unknown", "vote.no_workflow", "the approval is not waiting for votes right now")


def workflow_id(confirmation: str) -> str:
    """The id of a confirmation's workflow."""
    return f"approval-{confirmation}"


def open_attributes(organisation: str, deadline: datetime) -> list[SearchAttributePair[Any]]:
    """The search attributes of a pending confirmation: ids and times, nothing about people."""
    return [
        SearchAttributePair(STATUS, "pending"),
        SearchAttributePair(ORGANISATION, organisation),
        SearchAttributePair(DEADLINE, deadline),
    ]


async def has_search_attributes(client: Client) -> bool:
    """Whether the namespace knows our search attributes; setting an unknown one would loop a workflow for ever."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        found = await client.operator_service.list_search_attributes(request)
    except RPCError:
        # Some clusters do not let us ask; without the attributes everything works but filtering in the UI.
        return False
    return all(found.custom_attributes.get(name) == kind for name, kind in SEARCH_ATTRIBUTES.items())


class ApprovalWorkflows:
    """The workflows `approval-<confirmation>` of one namespace."""

    def __init__(self, client: Client, *, search_attributes: bool) -> None:
        self._client = client
        self._search_attributes = search_attributes

    async def check(self) -> None:
        """Require that Temporal answers for our namespace. Raises `Unavailable("temporal.unavailable")`."""
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        try:
            await self._client.workflow_service.describe_namespace(request, timeout=CHECK_TIMEOUT)
        except RPCError as error:
            raise _unavailable() from error

    async def start(self, row: Confirmation) -> None:
        """Start the workflow of a recorded confirmation; once is enough, more often does no harm.

        Raises `Unavailable("temporal.unavailable")`.
        """
        terms = Terms.parse(row.terms)
        attributes = open_attributes(row.organisation_id, row.deadline) if self._search_attributes else []
        try:
            await self._client.start_workflow(
                APPROVAL_WORKFLOW,
                ApprovalInput(row.id),
                id=workflow_id(row.id),
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=TypedSearchAttributes(attributes),
                static_summary=summary_of(terms.action),
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except RPCError as error:
            raise _unavailable() from error

    async def vote(
        self, confirmation: str, nonce: str, vote: VoteInput, find: Callable[[], Awaitable[VoteAnswer | None]]
    ) -> VoteAnswer:
        """Submit a vote under its nonce (base64url) and return its answer, refusals included.

        `find` reads a recorded vote: an Update's answer can get lost after the vote was counted, and Temporal lets
        only ten Updates of a workflow be under way, so a flood of bad ones crowds out an honest one. It then goes
        by the signal, and the row tells. Raises `Unavailable` with `vote.no_workflow` or `vote.unanswered`:
        submitting the same vote again is safe and finds out.
        """
        signalled, end = False, time.monotonic() + VOTE_SECONDS
        for attempt in takewhile(lambda _: time.monotonic() < end, count()):
            look = signalled and attempt % UPDATE_EVERY
            answer = None if look else await self._submit(confirmation, nonce, vote)
            recorded = None if answer and answer.accepted else await find()
            if recorded is not None:
                if not signalled:
                    # The vote counts, and the workflow may not know of it: an Update can get lost with its task.
                    with contextlib.suppress(Unavailable):
                        await self.sync(confirmation)
                return recorded
            if answer is _GONE:
                raise Unavailable(_GONE.code, _GONE.detail)
            if answer is None:
                signalled = signalled or await self._signal(confirmation, vote)
            elif answer.code not in _UNDER_WAY:
                return answer
            await asyncio.sleep(VOTE_PAUSE)
        raise Unavailable("vote.unanswered", "the vote was sent and nothing came back; send the same vote again")

    async def refresh_keys(self, confirmation: str) -> None:
        """Let the workflow read the approvers' passkeys again. Raises `Unavailable("temporal.unavailable")`."""
        handle = self._client.get_workflow_handle(workflow_id(confirmation))
        try:
            await handle.execute_update(REFRESH_KEYS_UPDATE, rpc_timeout=RPC_TIMEOUT)
        except (RPCError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
            raise _unavailable() from error

    async def sync(self, confirmation: str) -> None:
        """Let the workflow read its row again. Raises `Unavailable("temporal.unavailable")`; one that ended is fine."""
        handle = self._client.get_workflow_handle(workflow_id(confirmation))
        with _absent_is_fine():
            await handle.signal(SYNC_SIGNAL, rpc_timeout=RPC_TIMEOUT)

    async def status(self, confirmation: str) -> WorkflowExecutionStatus | None:
        """How the newest run stands, `None` when Temporal knows of none. Raises `Unavailable`."""
        handle = self._client.get_workflow_handle(workflow_id(confirmation))
        with _absent_is_fine():
            return (await handle.describe(rpc_timeout=RPC_TIMEOUT)).status
        return None

    async def forget(self, confirmation: str) -> None:
        """Have Temporal delete every run that ended, with its history; it does so after it has answered.

        Raises `Conflict("workflow.running")`, `Unavailable`.
        """
        execution = workflow_id(confirmation)
        if await self.status(confirmation) is WorkflowExecutionStatus.RUNNING:
            raise Conflict("workflow.running", f"the workflow {execution} has not ended yet; try again in a moment")
        for run in await self._runs(execution):
            await self._delete(WorkflowExecution(workflow_id=execution, run_id=run))

    async def running(self) -> set[str]:
        """The confirmations whose workflow runs, as far as Temporal's visibility store has noticed."""
        query = f"WorkflowType = '{APPROVAL_WORKFLOW}' AND ExecutionStatus = 'Running'"
        prefix = workflow_id("")
        return {found.id.removeprefix(prefix) async for found in self._client.list_workflows(query)}

    async def _runs(self, execution: str) -> set[str]:
        """The newest run, and those before it as far as Temporal's visibility store has noticed."""
        try:
            runs = {found.run_id async for found in self._client.list_workflows(f"WorkflowId = '{execution}'")}
        except RPCError as error:
            # Also for a namespace that is not there: nobody knows then what is in the right one.
            raise _unavailable() from error
        with _absent_is_fine():
            runs.add((await self._client.get_workflow_handle(execution).describe(rpc_timeout=RPC_TIMEOUT)).run_id)
        return runs

    async def _delete(self, execution: WorkflowExecution) -> None:
        request = DeleteWorkflowExecutionRequest(namespace=self._client.namespace, workflow_execution=execution)
        with _absent_is_fine():
            await self._client.workflow_service.delete_workflow_execution(request, timeout=RPC_TIMEOUT)

    async def _submit(self, confirmation: str, nonce: str, vote: VoteInput) -> VoteAnswer | None:
        """The Update's answer, `None` when none came in time."""
        handle = self._client.get_workflow_handle(workflow_id(confirmation))
        try:
            async with asyncio.timeout(UPDATE_SECONDS):
                answer: VoteAnswer = await handle.execute_update(VOTE_UPDATE, vote, id=nonce, result_type=VoteAnswer)
            return answer
        except WorkflowUpdateFailedError as error:
            return _refusal(error)
        except RPCError as error:
            return _GONE if error.status == RPCStatusCode.NOT_FOUND else None
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
            return None

    async def _signal(self, confirmation: str, vote: VoteInput) -> bool:
        """Send the vote as a signal; False when Temporal did not take it."""
        handle = self._client.get_workflow_handle(workflow_id(confirmation))
        try:
            await handle.signal(APPROVAL_SIGNAL, vote, rpc_timeout=RPC_TIMEOUT)
        except RPCError:
            return False
        return True


def _refusal(error: WorkflowUpdateFailedError) -> VoteAnswer:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type:
        return VoteAnswer(accepted=False, status="unknown", code=cause.type, detail=cause.message)
    return VoteAnswer(accepted=False, status="unknown", code="vote.refused", detail="the workflow refused this vote")


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    """Whatever Temporal refuses is `Unavailable`, but that it knows of no such workflow."""
    try:
        yield
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable("temporal.unavailable", "the workflow service did not answer; try again")
