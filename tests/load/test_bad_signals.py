"""Thousands of bad signals, before the confirmation is open and after: nothing runs, and then an honest vote wins."""

import secrets
from collections import Counter
from dataclasses import replace

import pytest

from activities.approvals import workflow_id
from cosignet.temporal.contract import APPROVAL_SIGNAL, REFRESH_KEYS_UPDATE, Outcome
from tests.load.bad_votes import bad_votes, noise
from tests.load.flood import Flood

# What opens the confirmation and tells its approver.
AT_THE_START = Counter({"local": 1, "cosignet.notify": 1})


@pytest.fixture
def database_kind():
    return "sqlite"


async def activities_of(handle):
    """How often which activity was run, as history tells; local ones have no name there."""
    found = Counter()
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            found[event.activity_task_scheduled_event_attributes.activity_type.name] += 1
        elif event.HasField("marker_recorded_event_attributes"):
            found["local"] += 1
    return found


def send(handle, bad):
    async def attempt(number):
        make, code = bad[number % len(bad)]
        await handle.signal(APPROVAL_SIGNAL, make())
        return code

    return attempt


@pytest.mark.soak
async def test_bad_signals_cause_no_activity_and_then_an_honest_vote_wins(service, soak, monkeypatch):
    total = soak.amount(part=60, full=3_000)
    # Started as the API does: thousands of signals in one workflow task need production's patience.
    monkeypatch.setattr("activities.approvals.TASK_QUEUE", service.task_queue)
    confirmation = secrets.token_hex(16)
    async with service.worker():
        await service.workflows.start(await service.acme.ask(confirmation))
        handle = service.client.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
        await service.inbox.told("anna@example.com")
        bad = [kind for kind in await bad_votes(service, confirmation) if kind[1] != "vote.id"]
        await Flood(soak, total).run(send(handle, bad))
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        await handle.result()
        # One more: the honest vote. Should its Update have been late, it went by the signal, and is still one.
        assert await activities_of(handle) == AT_THE_START + Counter(local=1)
    soak.figure("dropped", total)
    soak.figure("activities", 0)


@pytest.mark.soak
async def test_bad_signals_before_the_confirmation_is_open_cause_no_activity_either(service, soak):
    total = soak.amount(part=60, full=3_000)
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    bad = [kind for kind in await bad_votes(service, confirmation) if kind[1] != "vote.id"]
    handle = await service.run(confirmation)
    await Flood(soak, total).run(send(handle, bad))
    nonce, vote = await service.acme.sign(confirmation, "anna")
    async with service.worker():
        await handle.execute_update(REFRESH_KEYS_UPDATE)
        assert await activities_of(handle) <= AT_THE_START + Counter(local=1)
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert [vote.decision for vote in (await handle.result()).votes] == ["approve"]
    soak.figure("dropped", total)
    soak.figure("activities", 0)


@pytest.mark.soak
async def test_the_first_signal_may_be_honest(service, soak):
    total = soak.amount(part=60, full=3_000)
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    _, vote = await service.acme.sign(confirmation, "anna", "reject")
    handle = await service.run(confirmation)
    await handle.signal(APPROVAL_SIGNAL, vote)
    forged = [(lambda: replace(vote, signature=noise(70)), "assertion.signature")]
    await Flood(soak, total).run(send(handle, forged))
    async with service.worker():
        assert (await handle.result()).status == "rejected"
    soak.figure("dropped", total)
