"""kill -9, at random and at every boundary, while people work: nothing false, nothing lost, nothing doubled."""

import asyncio
import time
from itertools import cycle, repeat

import pytest

from tests.fault.checker import Findings, check
from tests.fault.collecting import collect_all
from tests.fault.measures import quantile
from tests.fault.nemesis import WORST, Nemesis, Strike, plan

AT_ONCE = 6
# With each kind of database, in `make soak`; a machine that is too slow for it kills less.
KILLS, SECONDS = 100, 450

pytestmark = pytest.mark.timeout(400)

PART = {
    "sqlite": [Strike(("worker", "temporal"), WORST)],
    "postgresql": [Strike(("worker", "postgres"), WORST), Strike(("api",), "before the answer to votes")],
}


async def work(stories, over):
    while not over.is_set():
        await next(stories)()


@pytest.mark.soak
async def test_nothing_told_is_lost_and_nothing_is_approved_that_nobody_signed(
    clients, installation, database_kind, soak
):
    strikes = plan(list(installation.parts), KILLS) if soak.full else [*PART[database_kind]]
    nemesis, over = Nemesis(installation, clients.approve), asyncio.Event()
    stories = [
        clients.approve,
        clients.approve_with_new_passkey,
        clients.approve_together,
        clients.cancel,
        clients.cancel_while_approving,
        clients.cancel_as_operator,
        clients.reject,
    ]
    busy, silent = cycle(stories), repeat(clients.stay_silent)
    async with asyncio.TaskGroup() as group:
        for told in [busy] * AT_ONCE + [silent] * soak.amount(part=0, full=2):
            group.create_task(work(told, over))
        end = time.monotonic() + SECONDS
        while strikes and time.monotonic() < end:
            await nemesis.strike(strikes.pop())
            soak.progress(nemesis.kills.total(), KILLS)
        over.set()
    await require_consistent(clients, nemesis, soak)


@pytest.mark.soak
async def test_everything_goes_off_at_once_and_comes_back(clients, installation, soak):
    nemesis, times = Nemesis(installation, clients.approve), soak.amount(part=1, full=10)
    for number in range(times):
        pending = [await clients.ask("ben") for _ in range(AT_ONCE)]
        async with asyncio.TaskGroup() as group:
            for story in (clients.approve, clients.approve_together, clients.cancel):
                group.create_task(story())
            await nemesis.strike(Strike(tuple(installation.parts)))
        await asyncio.gather(*(clients.vote(confirmation, "ben") for confirmation in pending))
        assert {await clients.end(confirmation) for confirmation in pending} == {"approved"}
        soak.progress(number + 1, times)
    await require_consistent(clients, nemesis, soak)


async def require_consistent(clients, nemesis, soak):
    found = await collect_all(clients)
    findings = check(clients.history, found)
    for name, kills in sorted(nemesis.kills.items()):
        soak.figure(f"kills of {name}", kills)
    soak.figure("boundaries", len(nemesis.points))
    soak.figure("confirmations", len(found.rows))
    soak.figure("acknowledged", clients.history.acknowledged)
    for kind, items in vars(findings).items():
        soak.figure(kind.replace("_", " "), len(items))
    for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1)):
        soak.figure(f"resumed {name} s", quantile(nemesis.resumed, share))
    assert findings == Findings()
    assert "internal.error" not in {answer for _, answer in clients.history.answers}
