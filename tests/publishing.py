"""Databases whose log is being signed, as a worker's publisher does it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from activities.deployment import Deployment
from activities.key_file import KeyFile
from activities.mark import MarkFile
from activities.publishing import Publisher
from cosignet.errors import Unavailable
from store.database import Database
from tests.acme import ORIGIN, RP

# Ten times as often as the worker: tests wait for it thousands of times.
PAUSE = 0.01


@asynccontextmanager
async def published(url: str, folder: Path) -> AsyncIterator[Database]:
    """A migrated database; key and mark of its log are in `folder`."""
    database = Database(url)
    await database.migrate()
    async with publishing(url, folder):
        yield database
    await database.close()


@asynccontextmanager
async def publishing(url: str, folder: Path) -> AsyncIterator[Publisher]:
    """Append and sign, on connections of its own and by the real clock, whatever a test does to its database."""
    database = Database(url)
    publisher = publisher_of(database, folder)
    await publisher.begin()
    running = asyncio.create_task(_run(publisher))
    try:
        yield publisher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await database.close()


def publisher_of(database: Database, folder: Path, *, interval: float = 10) -> Publisher:
    """A publisher that does nothing by itself."""
    keys, mark = KeyFile(folder / "log.key"), MarkFile(folder / "log.mark")
    return Publisher(Deployment(database, RP, ORIGIN), keys, mark, interval=timedelta(seconds=interval))


async def _run(publisher: Publisher) -> None:
    while True:
        with suppress(Unavailable):
            await publisher.step()
        await asyncio.sleep(PAUSE)
