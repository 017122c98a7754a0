"""A real installation, whose processes a test may kill; one for each module."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from store.database import Database
from tests.acme import found_acme
from tests.api.world import World
from tests.fault.clients import Clients
from tests.fault.installation import Installation
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def own_postgres(database_kind: str) -> Iterator[PostgresServer | None]:
    """A server that nobody else needs, where the database is of that kind."""
    if database_kind == "sqlite":
        yield None
        return
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
async def installation(
    own_postgres: PostgresServer | None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """Nothing of it runs yet, but PostgreSQL."""
    installation = await asyncio.to_thread(Installation, tmp_path_factory.mktemp("installation"), own_postgres)
    yield installation
    installation.kill(installation.parts.keys() - {"postgres"})
    # Its fixture stops it, and takes for granted that it runs.
    await installation.start(installation.parts.keys() & {"postgres"})


@pytest.fixture(scope="module")
async def clients(installation: Installation) -> AsyncIterator[Clients]:
    """Acme's agents and approvers; everything runs."""
    database = Database(installation.database_url)
    await database.migrate()
    acme = await found_acme(database)
    await acme.deployment.prepare()
    await installation.start(installation.parts)
    async with httpx2.AsyncClient(base_url=installation.url, timeout=60) as http:
        world = World(acme, None, None, http, key="")
        world.key = await world.new_key()
        yield Clients(world, await installation.connect(), installation.stack.data / "outbox")
    await database.close()
