"""A large log by the real path: recorded as events, appended in batches, signed, served over HTTP, derived again."""

import time

import pytest

from cosignet.cli import FINE
from cosignet.errors import Unavailable
from store.events import add_events
from store.organisations import create_organisation
from tests.log.test_appending import require_whole
from tests.log.test_recovering import mirrored, served
from tests.store.builders import NOW

EVENTS = 100


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_a_large_log_is_what_it_says(log, soak, tmp_path):
    wanted = soak.amount(part=2_000, full=100_000)
    async with log.database.write() as tx:
        organisation = (await create_organisation(tx, "busy", at=NOW)).id
    began = time.monotonic()
    for done in range(0, wanted, EVENTS):
        async with log.database.write() as tx:
            await add_events(tx, organisation, [("admin.changed", {"change": "none"})] * EVENTS, at=NOW)
        if done % 2_000 == 0:
            await log.publisher.step()
            soak.progress(done, wanted)
    await log.publisher.step()
    recorded = time.monotonic() - began
    async with served(log) as url:
        await log.publisher.step()
        began = time.monotonic()
        assert await mirrored(log, url, tmp_path / "mirror") == FINE
    tree = await log.tree()
    # Beside the genesis leaf and the organisation's own: what serving it has for an approver's passkeys.
    assert tree.size == wanted + 5
    soak.progress(wanted, wanted)
    for name, value in (("leaves", tree.size), ("appended in s", recorded), ("checked in s", time.monotonic() - began)):
        soak.figure(name, value)
    soak.figure("findings", 0)


async def test_a_disk_that_is_full_loses_nothing_that_was_told(log, monkeypatch):
    """SQLite says so by itself, when it may not grow; on PostgreSQL and for the mark the system's error is injected."""
    await log.publisher.step()
    told = await log.grow(20)
    before = await log.tree()

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("activities.durable.os.fsync", full)
        await log.record(3)
        await require_unavailable(log.publisher.step())
    assert (await log.head()).size == 2
    await log.publisher.step()
    if log.database._engine.dialect.name == "sqlite":
        async with log.database.write() as tx:
            pages = (await tx.exec_driver_sql("PRAGMA page_count")).scalar_one()
            await tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        await require_unavailable(fill(log))
        async with log.database.write() as tx:
            await tx.exec_driver_sql("PRAGMA max_page_count=1073741823")
    await log.grow(3)
    await log.publisher.step()
    found = await log.tree()
    assert found.size > before.size + 3
    assert set(told) <= {event for _, event, _ in await require_whole(log)}


async def fill(log):
    while True:
        await log.grow(500)


async def require_unavailable(step):
    with pytest.raises(Unavailable):
        await step
