"""The worker as it runs in production, and its schedule."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import ScheduleActionExecutionStartWorkflow

from activities.closing import close_confirmation, read_standing
from activities.sweeping import Sweep
from cosignet.temporal.contract import TASK_QUEUE
from settings import Settings
from worker import build_worker
from workflows.housekeeping import INTERVAL, SCHEDULE_ID, schedule_housekeeping


@pytest.fixture
def database_kind():
    return "sqlite"


async def run_schedule(client):
    """Trigger the schedule as its timer would; what the sweep mended."""
    handle = client.get_schedule_handle(SCHEDULE_ID)
    before = (await handle.describe()).info.num_actions
    await handle.trigger()
    async with asyncio.timeout(30):
        while (info := (await handle.describe()).info).num_actions == before:
            await asyncio.sleep(0.1)
    action = info.recent_actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    run = client.get_workflow_handle(action.workflow_id, run_id=action.first_execution_run_id, result_type=Sweep)
    return await run.result()


async def test_the_schedule_is_created_once_and_sweeps(service, monkeypatch, tmp_path):
    monkeypatch.setattr("activities.sweeping.GRACE", timedelta(0))
    service.task_queue = TASK_QUEUE
    settings = Settings(data_dir=tmp_path)
    await schedule_housekeeping(service.client)
    await schedule_housekeeping(service.client)
    described = await service.client.get_schedule_handle(SCHEDULE_ID).describe()
    assert described.schedule.spec.intervals[0].every == INTERVAL
    try:
        async with await build_worker(service.client, settings, service.acme.deployment):
            lost, _ = "0" * 32, await service.acme.ask("0" * 32)
            ended, handle = await service.start()
            await handle.terminate()
            async with asyncio.timeout(30):
                while ended in await service.workflows.running():
                    await asyncio.sleep(0.1)
            swept = await run_schedule(service.client)
            assert (swept.started, swept.closed) == (1, 1)
            assert (await read_standing(service.acme.deployment, ended)).row.status == "cancelled"
            nonce, vote = await service.acme.sign(lost, "anna")
            assert (await service.vote(lost, nonce, vote)).status == "approved"
            assert (await close_confirmation(service.acme.deployment, lost, "cancelled")).status == "approved"
    finally:
        await service.client.get_schedule_handle(SCHEDULE_ID).delete()
