"""The whole service on sockets: a real Temporal, a worker, the API, and an agent with the client library."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from temporalio.client import Client
from temporalio.service import RetryConfig
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.approvals import workflow_id
from activities.steps import ApprovalSteps
from cosignet.client import CosignetClient
from cosignet.temporal.contract import TASK_QUEUE, Outcome
from stack import find_temporal
from tests.acme import Acme, Inbox
from tests.api.world import Approver, World
from workflows.approval import Approval


@dataclass
class Stage:
    """A running service, an agent with a key, and the messages that approvers got."""

    temporal: Client
    acme: Acme
    inbox: Inbox
    agent: CosignetClient
    world: World
    steps: ApprovalSteps

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        steps = self.steps
        activities = [steps.open, steps.read_voters, steps.notify, steps.record_vote, steps.close, steps.read_outcome]
        async with Worker(
            self.temporal,
            task_queue=TASK_QUEUE,
            workflows=[Approval],
            activities=activities,
        ):
            yield

    async def approver(self, confirmation: str, name: str = "anna") -> Approver:
        """Whoever follows the link in the message they got."""
        async with asyncio.timeout(10):
            while True:
                for message in self.inbox.messages:
                    page, token = message.link.split("#")
                    if message.to == f"{name}@example.com" and page.endswith(confirmation):
                        headers = {"Authorization": f"Link {token}"}
                        return Approver(self.world, confirmation, self.acme.passkeys[name], headers)
                await asyncio.sleep(0.02)

    async def outcome(self, confirmation: str) -> Outcome:
        handle = self.temporal.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
        return await asyncio.wait_for(handle.result(), 10)


@asynccontextmanager
async def serving(app) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, server_header=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        app.state.service.poller.stop()
        server.should_exit = True
        await task


async def another_temporal() -> tuple[WorkflowEnvironment, Client]:
    """A server that a test can shut down, and a client that does not wait long for it then."""
    server = await WorkflowEnvironment.start_local(dev_server_existing_path=find_temporal())
    address = server.client.service_client.config.target_host
    return server, await Client.connect(address, retry_config=RetryConfig(max_elapsed_time_millis=500))
