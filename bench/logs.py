"""Logs of their own, beside the site's, for what is measured without anybody else at work."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.log_steps import PAUSE
from activities.publishing import Publisher
from bench.site import Site
from cosignet.core.leaf import Leaf, commitment
from store.database import Database
from store.events import new_event_id
from store.log_schema import outbox
from tests.publishing import publisher_of
from tests.store.builders import NOW

# What one transaction puts into the outbox at most.
ROWS = 2_000


@asynccontextmanager
async def fresh_log(site: Site) -> AsyncIterator[tuple[Database, Publisher]]:
    """A founded log in a database of the site's kind, whose publisher does nothing by itself."""
    folder = site.stack.data / f"log-{secrets.token_hex(4)}"
    folder.mkdir()
    database = Database(fresh_url(site, folder))
    await database.migrate()
    publisher = publisher_of(database, folder)
    await publisher.begin()
    await publisher.step()
    try:
        yield database, publisher
    finally:
        await database.close()


def fresh_url(site: Site, folder: Path) -> str:
    """Of an empty database of the site's kind."""
    return site.postgres.create_database() if site.postgres else f"sqlite:///{folder}/cosignet.db"


def a_leaf(event: str) -> bytes:
    """About as long as a vote's."""
    request = "00000000-0000-7000-8000-000000000000"
    salted = commitment(bytes(32), event.encode())
    return Leaf("confirmation.voted", event, NOW, salted, {"request": request}).to_bytes()


async def put(database: Database, count: int) -> int:
    """Let so many leaves wait; their bytes."""
    total = 0
    while count:
        events = [new_event_id() for _ in range(min(count, ROWS))]
        rows = [{"event_id": event, "leaf": a_leaf(event)} for event in events]
        async with database.write() as tx:
            await tx.execute(insert(outbox), rows)
        total += sum(len(a_leaf(event)) for event in events)
        count -= len(events)
    return total


async def bytes_of(tx: AsyncConnection) -> int:
    """What the log's entries and tiles occupy, indexes included."""
    if tx.dialect.name == "postgresql":
        query = "SELECT pg_total_relation_size('log_entries') + pg_total_relation_size('log_tiles')"
    else:
        query = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%log_entries%' OR name LIKE '%log_tiles%'"
    return int((await tx.execute(text(query))).scalar_one())


@asynccontextmanager
async def signing(publisher: Publisher) -> AsyncIterator[None]:
    """Heads are signed meanwhile, as often as the worker does it."""

    async def sign() -> None:
        while True:
            await publisher.step()
            await asyncio.sleep(PAUSE)

    task = asyncio.create_task(sign())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
