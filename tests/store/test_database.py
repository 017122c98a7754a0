import asyncio
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from cosignet.errors import Unavailable
from store.confirmations import Filter, get_confirmation, insert_confirmation, list_confirmations
from store.database import CONNECTIONS, Database
from store.events import add_event, list_events
from store.organisations import create_organisation, find_organisation, list_organisations
from store.schema import Moment, organisations
from tests.store.builders import NOW, a_confirmation, found_tenant, record


async def test_a_block_that_raises_leaves_nothing(database):
    tenant = await found_tenant(database)
    row = a_confirmation(tenant.id)

    async def fail():
        async with database.write() as tx:
            await record_all(tx, tenant, row)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.read() as tx:
        assert await get_confirmation(tx, row.id) is None
        assert await list_events(tx, tenant.id) == []


async def test_a_block_that_is_cancelled_leaves_nothing(database):
    tenant = await found_tenant(database)
    row = a_confirmation(tenant.id)
    written = asyncio.Event()

    async def hang():
        async with database.write() as tx:
            await record_all(tx, tenant, row)
            written.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await written.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.write() as tx:
        assert await get_confirmation(tx, row.id) is None
        assert await list_events(tx, tenant.id) == []


async def record_all(tx, tenant, row):
    await insert_confirmation(tx, row)
    await add_event(tx, tenant.id, "admin.changed", {}, at=NOW)


async def test_a_reader_sees_one_moment(database):
    tenant = await found_tenant(database)
    async with database.read() as tx:
        assert await list_confirmations(tx, tenant.id, None, Filter(), limit=9) == []
        await record(database, a_confirmation(tenant.id))
        assert await list_confirmations(tx, tenant.id, None, Filter(), limit=9) == []
    async with database.read() as tx:
        assert len(await list_confirmations(tx, tenant.id, None, Filter(), limit=9)) == 1


async def test_a_reader_cannot_write(database):
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as tx:
            await create_organisation(tx, "by a reader", at=NOW)
    async with database.write() as tx:
        await create_organisation(tx, "by a writer", at=NOW)
        assert "by a reader" not in {organisation.name for organisation in await list_organisations(tx)}


async def test_what_is_referred_to_must_exist(database):
    with pytest.raises(IntegrityError):
        await record(database, a_confirmation("nobody"))


async def test_the_clock_is_the_databases_in_whole_seconds(database):
    async with database.write() as tx:
        first = await database.clock(tx)
        await asyncio.sleep(1.1)
        second = await database.clock(tx)
    assert first.tzinfo is UTC
    assert first.microsecond == 0
    assert abs(first - datetime.now(UTC)) < timedelta(seconds=5)
    # Also within one transaction, where Postgres's now() would stand still.
    assert first < second


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        datetime.fromtimestamp(0, UTC),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
async def test_a_moment_comes_back(database, moment):
    async with database.write() as tx:
        stored = await create_organisation(tx, "moment", at=moment)
        found = await find_organisation(tx, stored.id)
    assert found.created_at == moment
    assert found.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("micros", "seconds"), [(0, 0), (1, 0), (999_999, 0), (1_000_000, 1), (-1, -1), (-1_000_000, -1)]
)
def test_a_moment_is_rounded_down(micros, seconds):
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    assert Moment().process_bind_param(moment, None) == seconds


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(TypeError):
        Moment().process_bind_param(datetime(2026, 1, 1), None)  # noqa: DTZ001


async def test_moments_compare_in_the_database(database):
    async with database.write() as tx:
        row = await create_organisation(tx, "compare", at=NOW)
        mine = organisations.c.id == row.id
        same = mine & (organisations.c.created_at == NOW.astimezone(timezone(timedelta(hours=-9))))
        assert (await tx.execute(select(organisations).where(same))).first()
        assert not (await tx.execute(select(organisations).where(mine, organisations.c.created_at > NOW))).first()


async def test_sqlite_writers_of_two_processes_take_turns(tmp_path):
    # Two `Database` objects share no lock, like two processes.
    one, two = (Database(f"sqlite:///{tmp_path}/cosignet.db") for _ in range(2))
    await one.migrate()

    async def write(database, number):
        async with database.write() as tx:
            # Reading first is what makes a transaction that did not begin as a writer fail.
            await list_organisations(tx)
            await create_organisation(tx, f"organisation {number}", at=NOW)

    await asyncio.gather(*(write((one, two)[n % 2], n) for n in range(60)))
    async with one.read() as tx:
        assert len(await list_organisations(tx)) == 60
    for database in (one, two):
        await database.close()


async def test_a_writer_waits_for_another_process_with_the_event_loop_free(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    with closing(sqlite3.connect(tmp_path / "cosignet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(found_tenant(database))
        longest = 0.0
        for _ in range(50):
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before)
        assert not waiting.done()
        other.execute("COMMIT")
    assert longest < 0.2
    tenant = await waiting
    async with database.read() as tx:
        assert [found.id for found in await list_organisations(tx)] == [tenant.id]
    await database.close()


async def test_a_writer_that_is_cancelled_while_it_waits_holds_up_nobody(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    with closing(sqlite3.connect(tmp_path / "cosignet.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await found_tenant(database)
    async with database.read() as tx:
        # Nor does it leave a connection behind that gives up at once.
        assert (await tx.execute(text("PRAGMA busy_timeout"))).scalar_one() == 1_000
    await found_tenant(database)
    async with database.read() as tx:
        assert len(await list_organisations(tx)) == 1
    await database.close()


async def test_sqlite_survives_what_it_promises_to_survive(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    async with database.read() as tx:
        pragmas = {
            name: (await tx.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    await database.close()


@asynccontextmanager
async def outage(server, mode):
    await asyncio.to_thread(server.stop, mode)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_postgres_that_stops_is_unavailable_and_one_that_returns_is_used(postgres_to_stop, mode):
    database = Database(postgres_to_stop.create_database())
    await database.migrate()
    tenant = await found_tenant(database)
    async with outage(postgres_to_stop, mode):
        for attempt in (database.read, database.write):
            with pytest.raises(Unavailable) as caught:
                async with attempt() as tx:
                    await find_organisation(tx, tenant.id)
            assert caught.value.code == "database.unavailable"
        with pytest.raises(Unavailable):
            await database.migrate()
        with pytest.raises(Unavailable):
            await database.is_migrated()
    async with database.write() as tx:
        assert (await find_organisation(tx, tenant.id)).id == tenant.id
    await database.close()


async def test_a_restart_of_postgres_between_two_requests_goes_unnoticed(postgres_to_stop):
    database = Database(postgres_to_stop.create_database())
    await database.migrate()
    tenant = await found_tenant(database)
    async with outage(postgres_to_stop, "fast"):
        pass
    async with database.read() as tx:
        assert (await find_organisation(tx, tenant.id)).id == tenant.id
    await database.close()


async def test_a_postgres_that_stops_in_the_middle_leaves_nothing(postgres_to_stop):
    database = Database(postgres_to_stop.create_database())
    await database.migrate()

    async def write():
        async with database.write() as tx:
            await tx.execute(insert(organisations).values(id="o", name="o", sequence=0, created_at=NOW))
            async with outage(postgres_to_stop, "immediate"):
                await find_organisation(tx, "o")

    with pytest.raises(Unavailable):
        await write()
    async with database.read() as tx:
        assert await list_organisations(tx) == []
    await database.close()


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/none", "sqlite:////nowhere/at/all.db"])
async def test_nothing_there_is_unavailable_within_seconds(url):
    database = Database(url)
    started = time.monotonic()
    for attempt in (database.read, database.write):
        with pytest.raises(Unavailable):
            async with attempt() as tx:
                await list_organisations(tx)
    with pytest.raises(Unavailable):
        await database.migrate()
    assert time.monotonic() - started < 10
    await database.close()


async def test_a_burst_is_served_by_the_connections_that_there_are(database):
    async def raw_connection(everybody: asyncio.Barrier) -> int:
        async with database.read() as tx:
            await tx.execute(text("SELECT 1"))
            await everybody.wait()
            return id((await tx.get_raw_connection()).driver_connection)

    async def burst():
        everybody = asyncio.Barrier(CONNECTIONS)
        return set(await asyncio.gather(*(raw_connection(everybody) for _ in range(CONNECTIONS))))

    assert await burst() == await burst()
