"""A founded log of either kind of database, and the publisher that signs it when a test says so."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert

from activities.appending import Appender
from activities.publishing import Publisher
from store.database import Database
from store.events import new_event_id
from store.heads import newest_head
from store.log import get_tree
from store.log_schema import outbox
from store.rows import SignedHead, Tree
from tests.databases import KINDS, new_url
from tests.log.leaves import leaf_of
from tests.publishing import publisher_of


@dataclass
class Log:
    """A log, and the folder with its key and its mark."""

    database: Database
    folder: Path
    publisher: Publisher
    appender: Appender

    async def record(self, number: int = 1) -> list[str]:
        """As many events as that, whose leaves wait; their ids."""
        ids = [new_event_id() for _ in range(number)]
        rows = [{"event_id": event, "leaf": leaf_of(event)} for event in ids]
        async with self.database.write() as tx:
            await tx.execute(insert(outbox), rows)
        return ids

    async def grow(self, number: int = 1) -> list[str]:
        """As many more leaves in the tree; the ids of their events."""
        ids = await self.record(number)
        await self.appender.append_to_log()
        return ids

    async def tree(self) -> Tree:
        async with self.database.read() as tx:
            return await get_tree(tx)

    async def head(self) -> SignedHead | None:
        async with self.database.read() as tx:
            return await newest_head(tx)

    def publisher_of(self, database: Database) -> Publisher:
        """Another publisher with the same key and mark."""
        return publisher_of(database, self.folder, interval=self.publisher._interval.total_seconds())


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own."""
    return await new_url(request.param, request, tmp_path)


@pytest.fixture
async def log(url: str, tmp_path: Path) -> AsyncIterator[Log]:
    """Founded, with nothing appended and nothing signed."""
    database = Database(url)
    await database.migrate()
    publisher = publisher_of(database, tmp_path)
    await publisher.begin()
    yield Log(database, tmp_path, publisher, Appender(database))
    await database.close()
