"""Each activity fails, or works and its answer is lost: never a false approval, nothing lost, nothing doubled."""

import asyncio

import pytest

from store.outbox import list_events
from tests.workflow.faults import Faults

LOCAL_ATTEMPTS = 3
STEPS = ["cosignet.open", "cosignet.record_vote", "cosignet.notify"]


@pytest.fixture
def database_kind():
    return "postgresql"


async def events_of(service):
    async with service.acme.database.read() as tx:
        events = await list_events(tx, service.acme.organisation.id)
    return [event.type.removeprefix("confirmation.") for event in events]


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
