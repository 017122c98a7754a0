"""The approvals that one workflow run holds, and how each travels with the one activity call that it is for.

`require_approval` puts an approval in; the next call of that activity with that input takes it out and carries
its id in a header. So the workflow's own `execute_activity` line stays as it was, and two equal calls need two.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from cosignet.temporal._action import payload_of

HEADER = "cosignet-approval"

ActivityCall = TypeVar("ActivityCall", StartActivityInput, StartLocalActivityInput)


@dataclass(frozen=True)
class HeldApproval:
    """One approval not yet sent on its way: `payload_hash` is SHA-256 of the approved call."""

    confirmation: str
    activity_type: str
    payload_hash: bytes


class HeldApprovals:
    """The approvals of one workflow run, oldest first. Rebuilt by replay, lost by continue-as-new."""

    def __init__(self) -> None:
        self._held: list[HeldApproval] = []

    def add(self, approval: HeldApproval) -> None:
        """Keep an approval for the next call that it fits."""
        self._held.append(approval)

    def attach(self, call: ActivityCall) -> None:
        """Give `call` the header of the oldest approval that fits it, and let go of that approval.

        Raises `Malformed("payload.…")` for an input that nobody can have approved, where an approval is held.
        """
        fitting = [held for held in self._held if held.activity_type == call.activity]
        if not fitting:
            return
        payload_hash = payload_of(call.activity, call.args, workflow.payload_converter()).hash
        approval = next((held for held in fitting if held.payload_hash == payload_hash), None)
        if approval is not None:
            self._held.remove(approval)
            call.headers = {**call.headers, HEADER: workflow.payload_converter().to_payload(approval.confirmation)}


_current: ContextVar[HeldApprovals] = ContextVar("cosignet_held_approvals")


def held_approvals() -> HeldApprovals:
    """Those of the running workflow. Raises `RuntimeError` when its worker runs without the plugin."""
    held = _current.get(None)
    if held is None:
        raise RuntimeError("require_approval() needs CosignetPlugin on the worker's client")
    return held


class ApprovalsInbound(WorkflowInboundInterceptor):
    """Makes the run's approvals known to its code, whichever way the code is entered."""

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """See base class."""
        self._held = HeldApprovals()
        super().init(ApprovalsOutbound(outbound, self._held))

    # Each entry runs in a task of its own, whose context ends with it: there is nothing to reset.

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002
        """See base class."""
        _current.set(self._held)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002
        """See base class."""
        _current.set(self._held)
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002
        """See base class."""
        _current.set(self._held)
        return await super().handle_update_handler(input)


class ApprovalsOutbound(WorkflowOutboundInterceptor):
    """Sends approvals along with the calls that they are for."""

    def __init__(self, next: WorkflowOutboundInterceptor, held: HeldApprovals) -> None:  # noqa: A002
        super().__init__(next)
        self._held = held

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        """See base class."""
        self._held.attach(input)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        """See base class."""
        self._held.attach(input)
        return super().start_local_activity(input)
