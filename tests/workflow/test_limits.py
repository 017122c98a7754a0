"""What a stranger may make a workflow do is counted: Temporal gives every workflow so much and no more."""

import secrets
from dataclasses import replace

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.closing import read_standing
from cosignet.core.encoding import b64u
from cosignet.temporal.contract import APPROVAL_SIGNAL, REFRESH_KEYS_UPDATE


async def refusal(handle):
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(REFRESH_KEYS_UPDATE)
    return caught.value.cause.type


async def test_keys_are_refreshed_so_many_times(service, monkeypatch):
    monkeypatch.setattr("workflows.approval.MAX_REFRESHES", 2)
    async with service.worker():
        confirmation, handle = await service.start()
        for _ in range(2):
            await handle.execute_update(REFRESH_KEYS_UPDATE)
        assert await refusal(handle) == "refresh.refused"
        assert (await service.vote(confirmation, *(await service.acme.sign(confirmation, "anna")))).status == "approved"


async def test_signals_before_the_confirmation_is_open_are_kept_so_many_times(service, monkeypatch):
    monkeypatch.setattr("workflows.approval.MAX_EARLY_SIGNALS", 2)
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    nonce, vote = await service.acme.sign(confirmation, "anna")
    handle = await service.run(confirmation)
    for _ in range(2):
        await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(secrets.token_bytes(70))))
    await handle.signal(APPROVAL_SIGNAL, vote)
    async with service.worker():
        # Answered only after whatever had been kept was counted.
        await handle.execute_update(REFRESH_KEYS_UPDATE)
        assert (await read_standing(service.acme.deployment, confirmation)).row.status == "pending"
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"


async def counted(handle):
    """How many times the workflow had a vote counted: local activities leave a marker."""
    history = await handle.fetch_history()
    details = [event.marker_recorded_event_attributes.details for event in history.events]
    data = [payload.data for detail in details for payloads in detail.values() for payload in payloads.payloads]
    return sum(b"cosignet.record_vote" in item for item in data)


async def test_a_signal_that_carries_no_valid_vote_runs_nothing(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        for _ in range(5):
            await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(secrets.token_bytes(70))))
        await handle.execute_update(REFRESH_KEYS_UPDATE)
        assert await counted(handle) == 0
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        await handle.result()
        assert await counted(handle) == 1
