"""Processes are killed, all at once too, and replaced, while people work: it takes longer, and that is all."""

import asyncio
import time
from collections import Counter
from itertools import cycle, repeat

import pytest

from tests.fault.checker import Findings, check
from tests.fault.collecting import collect_all
from tests.fault.measures import quantile
from tests.fault.nemesis import WORST, Nemesis, Strike, plan

AT_ONCE = 6
# In `make soak`, with each kind of database; a machine that is too slow for it kills less.
KILLS, OFF, SECONDS = 125, 10, 600

PART = {
    # Nobody is left who could tell the workflow of the vote, but housekeeping.
    "sqlite": [Strike(("worker", "temporal", "api"), WORST)],
    "postgresql": [
        Strike(("api",), "before the answer to votes"),
        Strike(("postgres", "temporal", "worker", "api")),
    ],
}
WORKERS = ("worker", "second-worker")
RETRIABLE = {"temporal.unavailable", "vote.unanswered"}

pytestmark = pytest.mark.timeout(400)


@pytest.mark.soak
async def test_nothing_told_is_lost_and_nothing_is_approved_that_nobody_signed(
    clients, installation, database_kind, soak
):
    strikes = plan(list(installation.parts), off=OFF, kills=KILLS) if soak.full else [*PART[database_kind]]
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
    report(nemesis, soak)
    await require_consistent(clients, soak)


@pytest.mark.soak
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_approvers_do_not_notice_that_the_workers_are_replaced(clients, installation, soak):
    installation.add_worker("second-worker")
    await installation.start(WORKERS)
    before, replacements = Counter(clients.history.answers), soak.amount(part=1, full=5)
    for done in range(replacements):
        confirmations = [await clients.ask("anna", "ben", threshold=2) for _ in range(soak.amount(part=8, full=60))]
        voting = asyncio.create_task(vote_on_all(clients, confirmations))
        for name in WORKERS:
            assert await asyncio.to_thread(installation.parts[name].stop) == 0
            await installation.start([name])
        await voting
        assert {await clients.end(confirmation) for confirmation in confirmations} == {"approved"}
        soak.progress(done + 1, replacements)
    installation.kill(["second-worker"])
    soak.figure("workers replaced", replacements * len(WORKERS))
    assert {answer for what, answer in clients.history.answers - before if what == "vote"} <= {"200", *RETRIABLE}
    await require_consistent(clients, soak)


async def work(stories, over):
    while not over.is_set():
        await next(stories)()


async def vote_on_all(clients, confirmations):
    """One after the other, so that there are votes at every moment."""
    for confirmation in confirmations:
        await asyncio.gather(clients.vote(confirmation, "anna"), clients.vote(confirmation, "ben"))
        await asyncio.sleep(0.1)


def report(nemesis, soak):
    for name, kills in sorted(nemesis.kills.items()):
        soak.figure(f"kills of {name}", kills)
    soak.figure("at boundaries", len(nemesis.points))
    soak.figure("everything off", nemesis.off)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1)):
        soak.figure(f"resumed {name} s", quantile(nemesis.resumed, share))


async def require_consistent(clients, soak):
    found = await collect_all(clients)
    findings = check(clients.history, found)
    soak.figure("confirmations", len(found.rows))
    soak.figure("acknowledged", clients.history.acknowledged)
    for kind, items in vars(findings).items():
        soak.figure(kind.replace("_", " "), len(items))
    assert findings == Findings()
    assert "internal.error" not in {answer for _, answer in clients.history.answers}
