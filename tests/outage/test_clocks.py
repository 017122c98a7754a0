"""Worker and API whose clocks are ten minutes wrong, fast and slow.

Deadlines are read on the clock that all processes share, the database's, and by the workflow on Temporal's. With
PostgreSQL a wrong clock of worker or API therefore changes nothing: honest votes count until the deadline, none counts
after it. SQLite has no clock but its process's: a fast one refuses honest votes early, as a slow one does for requests
that it takes for not made yet; a vote after the deadline is refused by the workflow, as long as Temporal's clock is
right, so that a wrong clock of worker or API never approves late.
"""

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from activities.closing import read_standing
from cosignet.core.encoding import b64u
from store.database import Database, database_clock
from tests.acme import CEREMONY
from tests.api.world import code_of
from tests.databases import new_url
from tests.outage.installation import installed

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
# The dangerous one first.
SKEWS = ("-10m", "+10m")
APPROVED = (200, "approved")
# The last one where Temporal's clock has ended the workflow while a slow clock still says that there is time.
TOO_LATE = {(403, "time.deadline"), (409, "decision.final"), (503, "vote.no_workflow")}
HONEST = {
    ("postgresql", "+10m"): APPROVED,
    ("postgresql", "-10m"): APPROVED,
    ("sqlite", "+10m"): (403, "time.deadline"),
    ("sqlite", "-10m"): APPROVED,
}

# Three processes start, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)


def wrong_by(skew):
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


async def ask(installation, world, *, seconds_left):
    """A request of a while ago, whose deadline is soon by the right clock."""
    database, confirmation = world.acme.database, secrets.token_hex(16)

    async def earlier(tx):
        return await database_clock(tx) - timedelta(seconds=900 - seconds_left)

    database.clock = earlier
    row = await world.acme.ask(confirmation, expires_in=900)
    database.clock = database_clock
    await (await installation.workflows()).start(row)
    return row


async def sign(world, confirmation):
    approver = await world.approver(confirmation)
    issued = await world.acme.ceremony(confirmation, "anna")
    assertion = approver.passkey.answer(issued.challenge, CEREMONY)
    return approver, {"nonce": b64u(issued.nonce), "credential": assertion}


async def now(world):
    async with world.acme.database.read() as tx:
        return await database_clock(tx)


@pytest.mark.soak
async def test_no_vote_counts_after_the_deadline_whatever_worker_and_api_think_the_time_is(
    request, database_kind, tmp_path, soak
):
    skews = SKEWS[: soak.amount(part=1, full=len(SKEWS))]
    for done, skew in enumerate(skews, 1):
        folder = tmp_path / skew
        folder.mkdir()
        database = Database(await new_url(database_kind, request, folder))
        await database.migrate()
        try:
            await vote_early_and_late(folder, database, skew, HONEST[database_kind, skew])
        finally:
            await database.close()
        soak.progress(done, len(skews))
    soak.figure("clocks", " ".join(skews))


async def vote_early_and_late(folder, database, skew, expected):
    async with installed(folder, database, **wrong_by(skew)) as (installation, world):
        late = await ask(installation, world, seconds_left=4)
        approver, vote = await sign(world, late.id)
        in_time = await ask(installation, world, seconds_left=300)
        honest, honest_vote = await sign(world, in_time.id)
        async with asyncio.timeout(90):
            # As the page does, while nobody has time to count it.
            while (answer := await honest.send(honest_vote)).status_code == 503:
                await asyncio.sleep(0.5)
        assert (answer.status_code, answer.json().get("code", answer.json()["status"])) == expected
        async with asyncio.timeout(30):
            while await now(world) < late.deadline:
                await asyncio.sleep(0.2)
        assert code_of(await approver.send(vote)) in TOO_LATE
        async with asyncio.timeout(90):
            while (await read_standing(world.acme.deployment, late.id)).row.status == "pending":
                await asyncio.sleep(0.2)
        assert (await read_standing(world.acme.deployment, late.id)).row.status == "expired"
