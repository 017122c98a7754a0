"""Every way to end without approval: silence, cancellation, termination; and that the row's word stands."""

import asyncio
import secrets
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.closing import close_confirmation, read_standing
from activities.voting import record_vote
from cosignet.temporal.contract import SYNC_SIGNAL


@pytest.fixture
def no_grace(monkeypatch):
    """Housekeeping looks at brand new rows too."""
    monkeypatch.setattr("activities.sweeping.GRACE", timedelta(0))


async def sweep_until_seen(service, confirmation):
    """Sweep once Temporal's visibility store, which lags, has noticed that the workflow is gone."""
    async with asyncio.timeout(30):
        while confirmation in await service.workflows.running():
            await asyncio.sleep(0.1)
    assert (await service.sweep()).closed == 1


async def test_a_row_that_was_closed_elsewhere_ends_the_wait(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await close_confirmation(service.acme.deployment, confirmation, "expired")
        await handle.signal(SYNC_SIGNAL)
        assert (await handle.result()).status == "expired"
    assert await service.events_of(confirmation) == ["requested", "expired"]


async def test_cancelling_the_workflow_cancels_the_confirmation(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"
    assert await service.events_of(confirmation) == ["requested", "cancelled"]


async def test_a_vote_that_was_counted_wins_over_a_cancellation(service):
    async with service.worker():
        confirmation, handle = await service.start()
        _, vote = await service.acme.sign(confirmation, "anna")
        recorded = await record_vote(service.acme.deployment, confirmation, vote)
        assert recorded.answer.status == "approved"
        await handle.cancel()
        assert (await handle.result()).status == "approved"
    assert await service.events_of(confirmation) == ["requested", "voted", "approved"]


async def test_a_decided_confirmation_answers_a_new_run_at_once(service):
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    _, vote = await service.acme.sign(confirmation, "anna", "reject")
    await record_vote(service.acme.deployment, confirmation, vote)
    async with service.worker():
        assert (await (await service.run(confirmation)).result()).status == "rejected"
    assert service.inbox.messages == []


async def test_termination_is_recorded_as_cancelled_within_one_sweep(service, no_grace):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await handle.terminate("by hand")
        await sweep_until_seen(service, confirmation)
    assert (await read_standing(service.acme.deployment, confirmation)).row.status == "cancelled"


async def test_a_workflow_that_was_never_started_is_started_by_the_sweep(service, no_grace, monkeypatch):
    monkeypatch.setattr("activities.approvals.TASK_QUEUE", service.task_queue)
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    async with service.worker():
        assert (await service.sweep()).started == 1
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"


async def test_a_workflow_whose_row_is_final_is_told_by_the_sweep(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await close_confirmation(service.acme.deployment, confirmation, "cancelled")
        async with asyncio.timeout(30):
            while (await handle.describe()).status == WorkflowExecutionStatus.RUNNING:
                await service.sweep()
                await asyncio.sleep(0.5)
        assert (await handle.result()).status == "cancelled"
