"""More Updates than Temporal lets be under way: an honest vote goes by the signal, and the row tells its caller."""

import asyncio
import contextlib
import secrets
from dataclasses import replace

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.closing import read_standing
from cosignet.core.encoding import b64u
from cosignet.errors import Unavailable
from cosignet.temporal.contract import APPROVAL_SIGNAL, REFRESH_KEYS_UPDATE, VOTE_UPDATE, VoteAnswer

LIMIT = 10


async def signals_of(handle):
    events = (await handle.fetch_history()).events
    signals = [e.workflow_execution_signaled_event_attributes for e in events]
    return [signal.signal_name for signal in signals if signal.signal_name]


@pytest.fixture
async def crowd(service):
    """Takes every place that Temporal has for Updates of a workflow, as long as no worker answers."""
    waiting = []

    async def crowd(handle, vote):
        bad = replace(vote, signature=b64u(secrets.token_bytes(70)))
        for _ in range(LIMIT):
            update = handle.execute_update(VOTE_UPDATE, bad, id=secrets.token_hex(16), result_type=VoteAnswer)
            waiting.append(asyncio.create_task(update))
        await asyncio.sleep(0.5)

    yield crowd
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, WorkflowUpdateFailedError | RPCError) for error in refused)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_vote_that_is_crowded_out_goes_by_the_signal(service, crowd, decision):
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna", decision)
    await crowd(handle, vote)
    voting = asyncio.create_task(service.vote(confirmation, nonce, vote))
    async with asyncio.timeout(20):
        while APPROVAL_SIGNAL not in await signals_of(handle):
            await asyncio.sleep(0.1)
    async with service.worker():
        assert (await voting).accepted
        assert (await handle.result()).status == {"approve": "approved", "reject": "rejected"}[decision]
    assert len((await handle.result()).votes) == 1
    assert (await signals_of(handle)).count(APPROVAL_SIGNAL) == 1


async def test_a_bad_vote_that_is_crowded_out_is_refused_all_the_same(service, crowd):
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna")
    await crowd(handle, vote)
    forged = replace(vote, signature=b64u(secrets.token_bytes(70)))
    voting = asyncio.create_task(service.vote(confirmation, nonce, forged))
    await asyncio.sleep(1)
    async with service.worker():
        answer = await voting
        assert (answer.accepted, answer.code) == (False, "assertion.signature")
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"


async def test_a_vote_for_a_workflow_that_is_gone_is_not_kept(service):
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna")
    await handle.terminate()
    with pytest.raises(Unavailable) as caught:
        await service.vote(confirmation, nonce, vote)
    assert caught.value.code == "vote.no_workflow"


async def test_a_vote_that_nobody_answers_is_unanswered_and_counted_later(service, monkeypatch):
    monkeypatch.setattr("activities.approvals.VOTE_SECONDS", 1.0)
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna")
    with pytest.raises(Unavailable) as caught:
        await service.vote(confirmation, nonce, vote)
    assert caught.value.code == "vote.unanswered"
    async with service.worker():
        assert (await handle.result()).status == "approved"
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"


async def test_a_vote_whose_workflow_ends_meanwhile_does_not_wait_for_it(service, monkeypatch):
    monkeypatch.setattr("activities.approvals.VOTE_SECONDS", 600.0)
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna")
    voting = asyncio.create_task(service.vote(confirmation, nonce, vote))
    async with asyncio.timeout(20):
        while APPROVAL_SIGNAL not in await signals_of(handle):
            await asyncio.sleep(0.1)
    await handle.terminate()
    with pytest.raises(Unavailable) as caught:
        await voting
    assert caught.value.code == "vote.no_workflow"


@pytest.mark.parametrize(("bad", "status"), [(1, "approved"), (2, "pending")])
async def test_of_signals_that_come_at_once_so_many_are_looked_at_and_updates_count_after_all(
    service, monkeypatch, bad, status
):
    monkeypatch.setattr("workflows.approval.MAX_CHECKS_AT_ONCE", 2)
    confirmation, handle = await service.start()
    nonce, vote = await service.acme.sign(confirmation, "anna")
    for _ in range(bad):
        await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(secrets.token_bytes(70))))
    await handle.signal(APPROVAL_SIGNAL, vote)
    async with service.worker():
        # Answered only after every one of them was looked at, or dropped.
        with contextlib.suppress(RPCError, WorkflowUpdateFailedError):
            await handle.execute_update(REFRESH_KEYS_UPDATE)
        async with asyncio.timeout(20):
            while (await read_standing(service.acme.deployment, confirmation)).row.status != status:
                await asyncio.sleep(0.1)
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"
