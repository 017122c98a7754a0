"""One database of each kind for the whole folder: tests keep apart by founding a tenant each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.database import Database
from tests.databases import KINDS, new_url
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
async def database(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    """Shared by all tests of this folder."""
    database = Database(await new_url(kind, request, tmp_path_factory.mktemp("store")))
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
async def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, without any table."""
    return await new_url(kind, request, tmp_path)


@pytest.fixture
async def fresh(empty_url: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own."""
    database = Database(empty_url)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture(scope="session")
def postgres_to_stop() -> Iterator[PostgresServer]:
    """A PostgreSQL server that a test may stop, and starts again."""
    with PostgresServer() as server:
        yield server
