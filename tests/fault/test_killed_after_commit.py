"""Worker and Temporal server die between the commit of a vote and the workflow's knowledge of it."""

import asyncio
import contextlib
import secrets
import sys
from datetime import timedelta
from functools import partial

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.approvals import ApprovalWorkflows, workflow_id
from activities.closing import read_standing
from activities.sweeping import HousekeepingSteps
from activities.voting import find_vote
from cosignet.core.encoding import from_b64u
from cosignet.errors import Unavailable
from cosignet.temporal.contract import Outcome
from stack import Service, Stack, answers
from tests.acme import ORIGIN, found_acme


@pytest.fixture
def database_kind():
    return "postgresql"


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path / "data")
    yield stack
    for service in reversed(stack.services):
        service.stop()


async def start(stack, name, command, environment, ready=lambda: True):
    service = Service(name, command, environment, stack.data / f"{name}.log")
    stack.services.append(service)
    await asyncio.to_thread(stack.start, service, ready)
    return service


async def start_temporal(stack):
    listening = partial(answers, "127.0.0.1", stack.temporal_port)
    return await start(stack, "temporal", stack.temporal_command(), {}, listening)


async def connect(stack):
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RuntimeError):
                return await Client.connect(stack.environment["TEMPORAL_ADDRESS"])
            await asyncio.sleep(0.2)


async def test_the_row_decides_and_the_workflow_learns_it(stack, database, monkeypatch):
    monkeypatch.setattr("activities.sweeping.GRACE", timedelta(0))
    monkeypatch.setattr("activities.approvals.RPC_TIMEOUT", timedelta(seconds=4))
    acme = await found_acme(database)
    environment = {**stack.environment, "COSIGNET_DATABASE_URL": database.url, "COSIGNET_PUBLIC_URL": ORIGIN}
    server = await start_temporal(stack)
    worker = [sys.executable, "-m", "tests.fault.fatal_worker", str(server.process.pid)]
    fatal = await start(stack, "fatal-worker", worker, environment)
    confirmation = secrets.token_hex(16)
    row = await acme.ask(confirmation)
    workflows = ApprovalWorkflows(await connect(stack), search_attributes=False)
    await workflows.start(row)
    nonce, vote = await acme.sign(confirmation, "anna")

    async def find():
        return await find_vote(acme.deployment, confirmation, from_b64u(nonce))

    with contextlib.suppress(Unavailable):
        assert (await workflows.vote(confirmation, nonce, vote, find)).status == "approved"
    await asyncio.to_thread(server.process.wait, 20)
    await asyncio.to_thread(fatal.process.wait, 20)
    assert (await read_standing(acme.deployment, confirmation)).row.status == "approved"

    await start_temporal(stack)
    await start(stack, "worker", [sys.executable, "worker.py"], environment)
    client = await connect(stack)
    sweeping = HousekeepingSteps(acme.deployment, ApprovalWorkflows(client, search_attributes=False))
    handle = client.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
    result = asyncio.create_task(handle.result())
    async with asyncio.timeout(60):
        while not result.done():
            await ActivityEnvironment().run(sweeping.sweep)
            await asyncio.sleep(1)
    assert result.result().status == "approved"
