"""What is pending when everything is killed is pending when everything is back, and ends as it should."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from activities.approvals import workflow_id
from cosignet.temporal.contract import Outcome
from store.events import list_events
from tests.fault.crowd import count_pending, count_running, gather_crowd, read_rows
from tests.fault.measures import quantile

pytestmark = pytest.mark.timeout(400)

HOUR = 3600
PATIENCE = 240
SAMPLE = 20


@pytest.fixture(scope="module")
def database_kind():
    return "postgresql"


async def told(clients, number):
    """Wait until every approver has got their letter."""
    async with asyncio.timeout(1200):
        while len(list(clients.outbox.glob("*.json"))) < number:
            await asyncio.sleep(0.2)


async def expired(database, ids):
    """Their rows, as soon as all have ended."""
    async with asyncio.timeout(PATIENCE):
        while True:
            rows = await read_rows(database, ids)
            if "pending" not in {row.status for row in rows}:
                return rows
            await asyncio.sleep(0.5)


async def outcome(clients, confirmation):
    handle = clients.temporal.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
    return (await asyncio.wait_for(handle.result(), PATIENCE)).status


@pytest.mark.soak
async def test_what_is_pending_survives_a_restart_of_everything(clients, installation, soak):
    acme, database = clients.world.acme, clients.world.acme.database
    number, short = soak.amount(part=60, full=10_000), soak.amount(part=10, full=200)
    left = soak.amount(part=4, full=20)

    began = time.monotonic()
    waiting = await gather_crowd(acme, clients.temporal, number - 2 * short, left=HOUR, progress=soak.progress)
    soak.figure("created in s", time.monotonic() - began)
    await told(clients, len(waiting))
    soak.figure("all approvers told in s", time.monotonic() - began)
    assert await count_running(clients.temporal, len(waiting)) == len(waiting)
    # The deadline of some comes while everything is off, that of others about when everything is back.
    silent = await gather_crowd(acme, clients.temporal, short, left=left, progress=soak.progress)
    silent += await gather_crowd(acme, clients.temporal, short, left=2 * left, progress=soak.progress)
    await asyncio.sleep(left / 2)
    soak.figure("pending before", await count_pending(database))

    installation.kill(installation.parts)
    await asyncio.sleep(left / 2)
    restarted = time.monotonic()
    await installation.start(installation.parts)
    back = datetime.now(UTC)
    soak.figure("pending after", await count_pending(database))
    await clients.vote(waiting[0], "anna")
    soak.figure("first answer s after the restart", time.monotonic() - restarted)

    ended = await expired(database, silent)
    assert Counter(row.status for row in ended) == {"expired": len(silent)}
    late = [max(0, (row.decided_at - max(row.deadline, back)).total_seconds()) for row in ended]
    soak.figure("expired late by s p50", quantile(late, 0.5))
    soak.figure("max", max(late))

    await asyncio.gather(*(clients.vote(confirmation, "anna") for confirmation in waiting[1:SAMPLE]))
    assert clients.history.statuses == {confirmation: ["approved"] for confirmation in waiting[:SAMPLE]}
    assert {await outcome(clients, confirmation) for confirmation in waiting[:SAMPLE]} == {"approved"}
    assert {await outcome(clients, confirmation) for confirmation in silent} == {"expired"}
    rest = len(waiting) - SAMPLE
    assert (await count_pending(database), await count_running(clients.temporal, rest)) == (rest, rest)
    async with database.read() as tx:
        events = Counter(e.type for e in await list_events(tx, acme.organisation.id) if e.confirmation_id)
    assert events == {
        "confirmation.requested": number,
        "confirmation.voted": SAMPLE,
        "confirmation.approved": SAMPLE,
        "confirmation.expired": len(silent),
    }
