"""Thousands of bad votes straight at the workflow, past the API: no history, and an honest vote beside them counts."""

import secrets

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from cosignet.temporal.contract import VOTE_UPDATE, VoteAnswer
from tests.load.bad_votes import bad_votes
from tests.load.flood import Flood

EVERYBODY = ["anna@example.com", "ben@example.com", "cem@example.com"]
# Temporal lets ten Updates of a workflow be under way; one more makes it abort those ten.
WITHIN_LIMIT = 8
TURNED_AWAY = {RPCStatusCode.RESOURCE_EXHAUSTED: "turned away", RPCStatusCode.UNAVAILABLE: "aborted"}


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
async def attacker(service):
    """A client of Temporal that never tries again."""
    address = service.client.service_client.config.target_host
    return await Client.connect(address, retry_config=RetryConfig(max_retries=0, max_elapsed_time_millis=1))


def attack(attacker, handle, bad):
    """Send bad votes, each under an id of its own: those that share one share its answer."""
    target = attacker.get_workflow_handle(handle.id)

    async def attempt(number):
        make, code = bad[number % len(bad)]
        try:
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await target.execute_update(VOTE_UPDATE, make(), id=secrets.token_hex(16), result_type=VoteAnswer)
        except RPCError as error:
            return TURNED_AWAY[error.status]
        assert caught.value.cause.type == code
        return code

    return attempt


async def history_of(handle):
    return [event async for event in handle.fetch_history_events()]


def votes_in(history):
    """How many votes a history tells of, as an accepted Update or as a signal."""
    kinds = ("workflow_execution_update_accepted_event_attributes", "workflow_execution_signaled_event_attributes")
    return sum(event.WhichOneof("attributes") in kinds for event in history)


async def cast(service, confirmation, name):
    return await service.vote(confirmation, *(await service.acme.sign(confirmation, name)))


@pytest.mark.soak
async def test_bad_updates_leave_no_history(service, attacker, soak):
    total = soak.amount(part=60, full=3_000)
    async with service.worker():
        confirmation, handle = await service.start(approvers=EVERYBODY, threshold=2)
        await service.inbox.told("cem@example.com")
        nonce, counted = await service.acme.sign(confirmation, "cem")
        assert (await service.vote(confirmation, nonce, counted)).accepted
        bad = [*await bad_votes(service, confirmation), (lambda: counted, "vote.nonce")]
        before, flood = await history_of(handle), Flood(soak, total)
        await flood.run(attack(attacker, handle, bad), at_once=WITHIN_LIMIT)
        assert len(await history_of(handle)) == len(before)
        assert flood.refused == {code: total / len(bad) for _, code in bad}
        assert (await cast(service, confirmation, "anna")).status == "approved"
        assert len((await handle.result()).votes) == 2
    soak.figure("refused", total)
    soak.figure("events", 0)


@pytest.mark.soak(alone=True)
async def test_an_honest_vote_is_counted_beside_more_bad_updates_than_temporal_takes(service, attacker, soak):
    total = soak.amount(part=60, full=3_000)
    async with service.worker():
        confirmation, handle = await service.start(approvers=EVERYBODY, threshold=3)
        await service.inbox.told("cem@example.com")
        nonce, counted = await service.acme.sign(confirmation, "cem")
        assert (await service.vote(confirmation, nonce, counted)).accepted
        bens = await service.acme.sign(confirmation, "ben")
        bad = [*await bad_votes(service, confirmation), (lambda: counted, "vote.nonce")]
        before, flood = await history_of(handle), Flood(soak, total)

        async def honest():
            assert (await service.vote(confirmation, *bens)).accepted

        seconds = await flood.run_beside(attack(attacker, handle, bad), honest)
        assert votes_in((await history_of(handle))[len(before) :]) <= 3
        assert (await cast(service, confirmation, "anna")).status == "approved"
        assert len((await handle.result()).votes) == 3
    soak.figure("bad", total)
    soak.figure("aborted or turned away", flood.refused["aborted"] + flood.refused["turned away"])
    soak.figure("seconds of the honest vote", seconds)
