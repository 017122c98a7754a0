"""A run of one workflow on the real Temporal server, with fake approvals or a service that misbehaves."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from cosignet.temporal import CosignetPlugin
from cosignet.temporal.contract import TASK_QUEUE
from cosignet.temporal.testing import FakeApprovals
from tests.library.agents import ACTIVITIES, Agent, Careless, Plan, Thinker
from tests.library.services import ScriptedService, refuse

QUEUE = "agents"


class Stage:
    """The agent's worker with the plugin, beside whatever answers as the service."""

    def __init__(self, client, approvals=None, *, service=None):
        self.client = client
        self.approvals = approvals or FakeApprovals()
        trust = self.approvals._approver.trust
        self.plugin = CosignetPlugin(trust=trust, service=service) if service else self.approvals.plugin

    def worker(self, **changes):
        options = {
            "task_queue": QUEUE,
            "workflows": [Agent, Thinker, Careless],
            "activities": ACTIVITIES,
            "plugins": [self.plugin],
            "activity_executor": ThreadPoolExecutor(2),
            **changes,
        }
        return Worker(self.client, **options)

    def fake_service(self):
        return self.approvals.worker(self.client)

    def scripted_service(self):
        return Worker(self.client, task_queue=TASK_QUEUE, workflows=[ScriptedService], activities=[refuse])

    @asynccontextmanager
    async def up(self, *more, **changes):
        async with AsyncExitStack() as stack:
            for worker in (*more, self.worker(**changes)):
                await stack.enter_async_context(worker)
            yield self

    async def start(self, workflow, argument=None):
        arguments = [] if argument is None else [argument]
        return await self.client.start_workflow(
            workflow, args=arguments, id=f"agent-{uuid.uuid4()}", task_queue=QUEUE, task_timeout=timedelta(seconds=2)
        )

    async def run(self, plan):
        return await (await self.start(Agent.run, plan)).result()


async def failure(running):
    """The failure that ended a workflow: its own, or that of its activity."""
    with pytest.raises(WorkflowFailureError) as caught:
        await running
    cause = caught.value.cause
    return cause.cause if isinstance(cause, ActivityError) else cause


async def not_approved(running):
    """`(status, reasons)` of the `NotApproved` that ended a workflow."""
    error = await failure(running)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == (f"cosignet.{error.details[0]}", True)
    return tuple(error.details)


def plan(*transfers, **changes):
    """Ask about each, then run each."""
    fields = {"ask": list(transfers), "run": [("wire", transfer) for transfer in transfers]}
    return Plan(**{**fields, **changes})
