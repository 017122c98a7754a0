"""A running approval service for every test in this folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from temporalio.testing import WorkflowEnvironment

from api.limits import Buckets, Limits
from api.main import create_app
from store.database import Database
from tests.api.live import serving
from tests.api.world import World
from tests.workflow.service import Service

WIDE = 10**9
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Much happens in each of these tests."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
async def service(temporal_env: WorkflowEnvironment, database: Database) -> Service:
    """A service whose worker is not running yet, with production's patience: much happens in one workflow task."""
    service = await Service.found(temporal_env.client, database)
    service.task_timeout = None
    return service


@pytest.fixture
async def world(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Its API on a socket, with a worker, and no limit in the way."""
    monkeypatch.setattr("activities.approvals.TASK_QUEUE", service.task_queue)
    limits = Limits(Buckets(WIDE), Buckets(WIDE))
    app = create_app(service.acme.deployment, service.workflows, limits=limits)
    async with service.worker(), serving(app) as url, httpx2.AsyncClient(base_url=url, timeout=60) as http:
        world = World(service.acme, app, None, http, key="")
        world.key = await world.new_key()
        yield world
