"""Two workers are replaced, one after the other, while votes arrive: approvers see nothing but "send it again"."""

import asyncio

import pytest

from tests.fault.checker import Findings, check
from tests.fault.collecting import collect_all

pytestmark = pytest.mark.timeout(300)

WORKERS = ("worker", "second-worker")
RETRIABLE = {"temporal.unavailable", "vote.unanswered"}


@pytest.fixture(scope="module")
def database_kind():
    return "sqlite"


async def vote_together(clients, confirmation):
    await asyncio.gather(clients.vote(confirmation, "anna"), clients.vote(confirmation, "ben"))


async def vote_on_all(clients, confirmations):
    for confirmation in confirmations:
        await vote_together(clients, confirmation)
        await asyncio.sleep(0.1)


@pytest.mark.soak
async def test_approvers_do_not_notice_that_the_workers_are_replaced(clients, installation, soak):
    installation.add_worker("second-worker")
    await installation.start(WORKERS)
    replacements = soak.amount(part=1, full=5)
    for done in range(replacements):
        confirmations = [await clients.ask("anna", "ben", threshold=2) for _ in range(soak.amount(part=8, full=60))]
        voting = asyncio.create_task(vote_on_all(clients, confirmations))
        for name in WORKERS:
            assert await asyncio.to_thread(installation.parts[name].stop) == 0
            await installation.start([name])
        await voting
        assert {await clients.end(confirmation) for confirmation in confirmations} == {"approved"}
        soak.progress(done + 1, replacements)
    answers = {answer for what, answer in clients.history.answers if what == "vote"}
    assert answers - RETRIABLE == {"200"}
    found = await collect_all(clients)
    assert check(clients.history, found) == Findings()
    soak.figure("workers replaced", replacements * len(WORKERS))
    soak.figure("votes", len(clients.history.voted))
    soak.figure("sent again", sum(clients.history.answers["vote", code] for code in RETRIABLE))
