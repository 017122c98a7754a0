"""Workflows and activities as agent authors write them, each with one thing worth testing."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from cosignet.temporal import Approval, guarded, require_approval

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Transfer:
    to: str
    amount: str
    currency: str = "EUR"


@activity.defn
@guarded
async def wire(transfer: Transfer) -> str:
    return f"{transfer.amount} to {transfer.to}"


@guarded
@activity.defn
async def wire_abroad(transfer: Transfer) -> str:
    return f"{transfer.amount} to {transfer.to}, abroad"


@activity.defn
@guarded
def wire_from_thread(transfer: Transfer) -> str:
    return f"{transfer.amount} to {transfer.to}, from a thread"


@activity.defn
@guarded
async def wire_at_second_try(transfer: Transfer) -> str:
    if activity.info().attempt == 1:
        raise OSError("the bank hung up")
    return f"{transfer.amount} to {transfer.to}, at last"


class Bank:
    def __init__(self, name: str) -> None:
        self.name = name

    @activity.defn
    @guarded
    async def wire_by_method(self, transfer: Transfer) -> str:
        return f"{transfer.amount} to {transfer.to}, by {self.name}"


@activity.defn
class WireByInstance:
    @guarded
    async def __call__(self, transfer: Transfer) -> str:
        return f"{transfer.amount} to {transfer.to}, by an instance"


ACTIVITIES = [wire, wire_abroad, wire_from_thread, wire_at_second_try, Bank("the bank").wire_by_method]


@dataclass
class Plan:
    """Ask about each of `ask`, then run each of `run` (activity type and input). Times are seconds."""

    ask: list[Transfer] = field(default_factory=list)
    run: list[tuple[str, Transfer]] = field(default_factory=list)
    activity: str = "wire"
    local: bool = False
    action: str = "Wire money"
    claim: str = ""
    public_reveal: bool = False
    expires_in: int = 900
    valid_for: int = 3600
    activity_queue: str | None = None
    attempts: int = 1
    patience: float | None = None


@workflow.defn
class Agent:
    @workflow.run
    async def run(self, plan: Plan) -> list[str]:
        for transfer in plan.ask:
            try:
                await asyncio.wait_for(self._ask(plan, transfer), plan.patience)
            except TimeoutError:
                return ["lost patience"]
        return [await self._run(plan, activity_type, transfer) for activity_type, transfer in plan.run]

    async def _ask(self, plan: Plan, transfer: Transfer) -> None:
        await require_approval(
            plan.action,
            activity=plan.activity,
            input=[transfer],
            approvers=["anna@example.com"],
            claim=plan.claim,
            public_reveal=plan.public_reveal,
            expires_in=plan.expires_in,
            valid_for=plan.valid_for,
        )

    async def _run(self, plan: Plan, activity_type: str, transfer: Transfer) -> str:
        retries = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=plan.attempts)
        if plan.local:
            return await workflow.execute_local_activity(
                activity_type, transfer, start_to_close_timeout=MINUTE, retry_policy=retries
            )
        return await workflow.execute_activity(
            activity_type, transfer, start_to_close_timeout=MINUTE, retry_policy=retries, task_queue=plan.activity_queue
        )


@workflow.defn
class Thinker:
    """Asks about a payload of its own, acts in an update, and can be given what nobody can sign."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self, payload: dict | None = None) -> Approval | None:
        if payload is not None:
            return await require_approval("Publish", payload=payload, policy="editors", task_queue="elsewhere")
        await workflow.wait_condition(lambda: self._done)
        return None

    @workflow.update
    async def pay(self, transfer: Transfer) -> str:
        await require_approval("Wire money", activity=wire, input=[transfer], approvers=["anna@example.com"])
        paid = await workflow.execute_activity(wire, transfer, start_to_close_timeout=MINUTE)
        self._done = True
        return paid


@workflow.defn
class Careless:
    """Asks with an argument that no human could read."""

    @workflow.run
    async def run(self) -> None:
        await require_approval("Send a file", activity=wire, input=[b"\x00\x01"], approvers=["anna@example.com"])
