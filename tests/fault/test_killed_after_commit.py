"""Worker and Temporal server die between the commit of a vote and the workflow's knowledge of it."""

import asyncio

import pytest

from activities.approvals import workflow_id
from activities.closing import read_standing
from cosignet.temporal.contract import Outcome
from tests.fault.fuse import light
from tests.fault.nemesis import WORST

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def database_kind():
    return "postgresql"


async def test_the_row_decides_and_the_workflow_learns_it(clients, installation):
    deployment = clients.world.acme.deployment
    confirmation = await clients.ask("anna")
    light(installation.fuse, WORST, *installation.pids(["temporal"]))
    voting = asyncio.create_task(clients.vote(confirmation, "anna"))
    async with asyncio.timeout(60):
        while installation.pids(["worker", "temporal"]):
            await asyncio.sleep(0.05)
    assert (await read_standing(deployment, confirmation)).row.status == "approved"

    await installation.start(["temporal", "worker"])
    await voting
    assert clients.history.statuses == {confirmation: ["approved"]}
    handle = clients.temporal.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
    assert (await asyncio.wait_for(handle.result(), 120)).status == "approved"
