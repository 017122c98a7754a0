"""Acme's approvals on a real Temporal server, driven as the API drives them."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.approvals import ApprovalWorkflows, workflow_id
from activities.steps import ApprovalSteps
from activities.sweeping import HousekeepingSteps, Sweep
from activities.voting import find_vote
from cosignet.core.encoding import from_b64u
from cosignet.temporal.contract import APPROVAL_WORKFLOW, TASK_QUEUE, ApprovalInput, Outcome, VoteAnswer, VoteInput
from store.database import Database
from store.events import list_events
from tests.acme import Acme, Inbox, found_acme
from workflows.approval import Approval


@dataclass
class Service:
    """Acme's approvals, as the API drives them."""

    client: Client
    acme: Acme
    inbox: Inbox
    steps: ApprovalSteps
    task_queue: str
    max_cached_workflows: int = 1_000
    # Short, so that a task that fails is tried again while a test still waits.
    task_timeout: timedelta | None = timedelta(seconds=2)

    @classmethod
    async def found(cls, client: Client, database: Database) -> "Service":
        """A service whose worker is not running yet."""
        acme = await found_acme(database)
        inbox = Inbox()
        steps = ApprovalSteps(
            acme.deployment,
            inbox,
            namespace=client.namespace,
            organisation=acme.organisation.id,
            search_attributes=False,
        )
        return cls(client, acme, inbox, steps, f"{TASK_QUEUE}-{secrets.token_hex(4)}")

    @property
    def workflows(self) -> ApprovalWorkflows:
        return ApprovalWorkflows(self.client, search_attributes=False)

    async def start(self, **ask: Any) -> tuple[str, WorkflowHandle[Any, Outcome]]:
        """Record a request and start its workflow, as a POST does."""
        confirmation = secrets.token_hex(16)
        await self.acme.ask(confirmation, **ask)
        return confirmation, await self.run(confirmation)

    async def run(self, confirmation: str) -> WorkflowHandle[Any, Outcome]:
        return await self.client.start_workflow(
            APPROVAL_WORKFLOW,
            ApprovalInput(confirmation),
            id=workflow_id(confirmation),
            task_queue=self.task_queue,
            task_timeout=self.task_timeout,
            result_type=Outcome,
        )

    async def vote(self, confirmation: str, nonce: str, vote: VoteInput) -> VoteAnswer:
        async def find() -> VoteAnswer | None:
            return await find_vote(self.acme.deployment, confirmation, from_b64u(nonce))

        return await self.workflows.vote(confirmation, nonce, vote, find)

    async def sweep(self) -> Sweep:
        """What housekeeping does every minute."""
        return await ActivityEnvironment().run(HousekeepingSteps(self.acme.deployment, self.workflows).sweep)

    async def events_of(self, confirmation: str) -> list[str]:
        """What happened to it, oldest first."""
        async with self.acme.database.read() as tx:
            events = await list_events(tx, self.acme.organisation.id)
        return [event.type.removeprefix("confirmation.") for event in events if event.confirmation_id == confirmation]

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[Worker]:
        """A worker on this service's own task queue."""
        activities = [
            self.steps.open,
            self.steps.read_voters,
            self.steps.notify,
            self.steps.record_vote,
            self.steps.close,
            self.steps.read_outcome,
        ]
        async with Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[Approval],
            activities=activities,
            max_cached_workflows=self.max_cached_workflows,
            **options,
        ) as worker:
            yield worker
