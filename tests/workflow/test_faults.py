"""Each activity fails, or works and its answer is lost: never a false approval, nothing lost, nothing doubled."""

import asyncio
import secrets
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import FailureError
from temporalio.worker import Worker

from activities.closing import close_confirmation, read_standing
from activities.sweeping import HousekeepingSteps
from cosignet.temporal.contract import REFRESH_KEYS_UPDATE, SYNC_SIGNAL
from store.events import list_events
from tests.workflow.faults import Faults
from workflows.housekeeping import Housekeeping

LOCAL_ATTEMPTS = 3
SWEEP_ATTEMPTS = 3
STEPS = ["cosignet.open", "cosignet.record_vote", "cosignet.notify"]


@pytest.fixture
def database_kind():
    return "postgresql"


async def events_of(service):
    async with service.acme.database.read() as tx:
        events = await list_events(tx, service.acme.organisation.id)
    return [event.type.removeprefix("confirmation.") for event in events if event.confirmation_id]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, LOCAL_ATTEMPTS + 1])
@pytest.mark.parametrize("name", STEPS)
async def test_an_approval_survives_a_fault_of_any_step(service, name, when, times):
    faults = Faults(name, times=times, when=when)
    async with service.worker(interceptors=[faults]):
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"
    assert await events_of(service) == ["requested", "voted", "approved"]
    if name != "cosignet.notify":
        assert faults.runs[name] > times


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, LOCAL_ATTEMPTS + 1])
async def test_a_cancellation_survives_a_fault_of_closing(service, when, times):
    async with service.worker(interceptors=[Faults("cosignet.close", times=times, when=when)]):
        _, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"
    assert await events_of(service) == ["requested", "cancelled"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, LOCAL_ATTEMPTS + 1])
async def test_an_ending_elsewhere_is_read_in_spite_of_faults(service, when, times):
    faults = Faults("cosignet.read_outcome", times=times, when=when)
    async with service.worker(interceptors=[faults]):
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await close_confirmation(service.acme.deployment, confirmation, "expired")
        await handle.signal(SYNC_SIGNAL)
        assert (await handle.result()).status == "expired"
    assert faults.runs["cosignet.read_outcome"] > times
    assert await events_of(service) == ["requested", "expired"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, LOCAL_ATTEMPTS + 1])
async def test_a_passkey_enrolled_later_is_read_in_spite_of_faults(service, when, times):
    faults = Faults("cosignet.read_voters", times=times, when=when)
    async with service.worker(interceptors=[faults]):
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await service.acme.enrol("anna")
        await handle.execute_update(REFRESH_KEYS_UPDATE)
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"
    assert faults.runs["cosignet.read_voters"] > times


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, SWEEP_ATTEMPTS + 1])
async def test_a_sweep_that_fails_is_made_up_for_by_its_retries_or_the_next_one(service, monkeypatch, when, times):
    monkeypatch.setattr("activities.sweeping.GRACE", timedelta(0))
    faults, queue = Faults("cosignet.sweep", times=times, when=when), f"sweeps-{secrets.token_hex(4)}"
    steps = HousekeepingSteps(service.acme.deployment, service.workflows)
    parts = {"workflows": [Housekeeping], "activities": [steps.sweep]}
    async with service.worker(), Worker(service.client, task_queue=queue, interceptors=[faults], **parts):
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await handle.terminate()
        async with asyncio.timeout(30):
            while confirmation in await service.workflows.running():
                await asyncio.sleep(0.1)
        if times > SWEEP_ATTEMPTS:
            with pytest.raises(WorkflowFailureError):
                await service.client.execute_workflow(Housekeeping.run, id=queue, task_queue=queue)
        await service.client.execute_workflow(Housekeeping.run, id=queue, task_queue=queue)
    assert (await read_standing(service.acme.deployment, confirmation)).row.status == "cancelled"
    assert await events_of(service) == ["requested", "cancelled"]


@pytest.mark.parametrize("name", ["cosignet.open", "cosignet.record_vote"])
async def test_a_step_that_dies_with_its_worker_fails_no_confirmation(service, name):
    """The SDK fails what a broken worker had taken on with an error of no kind, which is no refusal."""
    async with service.worker(interceptors=[Faults(name, times=LOCAL_ATTEMPTS + 1, kind=FailureError)]):
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"
    assert await events_of(service) == ["requested", "voted", "approved"]


async def test_a_notification_that_always_fails_neither_blocks_nor_approves(service):
    async with service.worker(interceptors=[Faults("cosignet.notify", times=10**6)]):
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna", "reject")
        assert (await service.vote(confirmation, nonce, vote)).status == "rejected"
        assert (await handle.result()).status == "rejected"


async def test_a_cancellation_while_a_vote_is_counted_for_longer_than_a_heartbeat(service):
    service.max_cached_workflows = 10
    slow = Faults("cosignet.record_vote", times=10**6, when="slow", seconds=9)
    async with service.worker(interceptors=[slow]):
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        voting = asyncio.create_task(service.vote(confirmation, nonce, vote))
        await asyncio.sleep(1)
        await handle.cancel()
        assert (await voting).accepted
        # The vote was counted before the cancellation came: the row decides.
        assert (await handle.result()).status == "approved"
    assert await events_of(service) == ["requested", "voted", "approved"]


async def test_a_cancellation_while_closing_takes_longer_than_a_heartbeat(service):
    service.max_cached_workflows = 10
    slow = Faults("cosignet.close", times=10**6, when="slow", seconds=9)
    async with service.worker(interceptors=[slow]):
        _, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await handle.cancel()
        await asyncio.sleep(1)
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"
    assert await events_of(service) == ["requested", "cancelled"]
