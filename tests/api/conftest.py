"""The API over a database of either kind, spoken to as over HTTP, every answer checked against its contract."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from activities.approvals import ApprovalWorkflows
from activities.steps import ApprovalSteps
from api.main import create_app
from cosignet.client import CosignetClient
from store.database import Database, database_clock
from tests.acme import ORIGIN, RP, Acme, Deployment, Inbox, found_acme
from tests.api.contract import Contract
from tests.api.live import Stage, serving
from tests.api.world import StandIn, World
from tests.databases import KINDS, new_url
from tests.postgres_server import PostgresServer
from tests.publishing import published

Stop = Callable[[], Awaitable[None]]


@pytest.fixture(scope="session", params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """One database of each kind for all tests here: each has an organisation of its own in it."""
    folder: Path = tmp_path_factory.mktemp("api")
    async with published(await new_url(request.param, request, folder), folder) as database:
        await Deployment(database, RP, ORIGIN).prepare()
        yield database


@pytest.fixture
async def acme(database: Database) -> Acme:
    database.clock = database_clock
    return await found_acme(database)


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract(create_app(Deployment(Database("sqlite://"), RP, ORIGIN), None).openapi())


@pytest.fixture
async def world(acme: Acme, contract: Contract) -> AsyncIterator[World]:
    workflows = StandIn(acme)
    app = create_app(acme.deployment, workflows)
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=ORIGIN, event_hooks={"response": [contract.check]}) as http,
    ):
        world = World(acme, app, workflows, http, key="")
        world.key = await world.new_key()
        yield world


@pytest.fixture
async def stage(temporal_env, acme, contract):
    client, inbox = temporal_env.client, Inbox()
    steps = ApprovalSteps(
        acme.deployment,
        inbox,
        namespace=client.namespace,
        organisation=acme.organisation.id,
        search_attributes=False,
    )
    app = create_app(acme.deployment, ApprovalWorkflows(client, search_attributes=False))
    async with (
        serving(app) as url,
        httpx2.AsyncClient(base_url=url, event_hooks={"response": [contract.check]}, timeout=60) as http,
    ):
        world = World(acme, app, None, http, key="")
        world.key = await world.new_key()
        async with CosignetClient(url, world.key, timeout=30) as agent:
            yield Stage(client, acme, inbox, agent, world, steps)


@pytest.fixture(params=["sqlite", "postgresql"])
async def gone(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Database, Stop]]:
    """A database of its own, and how to take it away."""
    server = None
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    else:
        server = await asyncio.to_thread(PostgresServer().__enter__)
        database = Database(server.url)
    await database.migrate()

    async def stop() -> None:
        if server:
            await asyncio.to_thread(server.stop, "immediate")
            return
        await database.close()
        await asyncio.to_thread(_replace_by_folder, tmp_path / "cosignet.db")

    yield database, stop
    await database.close()
    if server:
        await asyncio.to_thread(shutil.rmtree, server._home)


def _replace_by_folder(file: Path) -> None:
    # Where a folder is, no database can be created again.
    file.unlink()
    file.mkdir()
