"""Two megabytes where some hundred bytes are expected: refused by whoever meets them first, and honest votes go on.

Temporal takes payloads below 2 MiB. Signals that large stay in the history, which it ends at 50 MB; an Update above the
limit keeps its workflow from any progress until Temporal forgets it. Whoever may write to the namespace can end or
stop an approval so, as by terminating it, and never as approved: once its deadline is over, housekeeping ends it.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from activities.closing import read_standing
from cosignet.temporal.contract import APPROVAL_SIGNAL, VOTE_UPDATE, VoteAnswer
from tests.api.world import code_of

BELOW_LIMIT, ABOVE_LIMIT = 1_900_000, 2_200_000
UPDATE_ERRORS = (WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, RuntimeError)


@pytest.fixture
def database_kind():
    return "sqlite"


async def approves_after_all(service, confirmation, handle, nonce, vote):
    """Whether the honest vote is counted, alone and as what it is."""
    assert (await service.vote(confirmation, nonce, vote)).status == "approved"
    assert [vote.decision for vote in (await handle.result()).votes] == ["approve"]


async def test_an_update_below_the_limit_is_refused_by_the_workflow(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        large = replace(vote, client_data="A" * BELOW_LIMIT)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update(VOTE_UPDATE, large, id="large", result_type=VoteAnswer)
        assert caught.value.cause.type == "vote.size"
        await approves_after_all(service, confirmation, handle, nonce, vote)


async def test_an_update_above_the_limit_is_never_accepted_and_its_confirmation_expires(service, monkeypatch):
    async with service.worker():
        confirmation, handle = await service.start()
        _, vote = await service.acme.sign(confirmation, "anna")
        large = replace(vote, client_data="A" * ABOVE_LIMIT)
        with pytest.raises(UPDATE_ERRORS):
            await handle.execute_update(
                VOTE_UPDATE, large, id="large", result_type=VoteAnswer, rpc_timeout=timedelta(seconds=2)
            )
        deadline = (await read_standing(service.acme.deployment, confirmation)).row.deadline
        monkeypatch.setattr(service.acme.database, "clock", lambda _: at(deadline + timedelta(minutes=3)))
        assert (await service.sweep()).closed == 1
        assert await service.events_of(confirmation) == ["requested", "expired"]


async def at(moment):
    return moment


async def test_signals_below_the_limit_are_dropped(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        for _ in range(3):
            await handle.signal(APPROVAL_SIGNAL, replace(vote, client_data="A" * BELOW_LIMIT))
        await approves_after_all(service, confirmation, handle, nonce, vote)


async def test_a_signal_above_the_limit_is_refused_by_temporal(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        with pytest.raises((RPCError, RuntimeError)):
            await handle.signal(APPROVAL_SIGNAL, replace(vote, client_data="A" * ABOVE_LIMIT))
        await approves_after_all(service, confirmation, handle, nonce, vote)


async def test_a_body_of_two_megabytes_is_refused_by_the_api(service, world):
    confirmation = (await world.asked())["id"]
    anna = await world.approver(confirmation)
    vote = anna.sign(await anna.begin())
    refused = await asyncio.gather(*(anna.send({**vote, "nonce": "A" * 2_000_000}) for _ in range(5)))
    assert {code_of(answer) for answer in refused} == {(413, "request.too_large")}
    assert (await anna.send(vote)).json() == {"status": "approved", "accepted": True}
