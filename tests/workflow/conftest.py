"""A running approval service for every test in this folder."""

import pytest
from temporalio.testing import WorkflowEnvironment

from store.database import Database
from tests.workflow.service import Service


@pytest.fixture
async def service(temporal_env: WorkflowEnvironment, database: Database, database_kind: str) -> Service:
    """A service whose worker is not running yet. On PostgreSQL it keeps no workflow in memory: every step replays."""
    service = await Service.found(temporal_env.client, database)
    service.max_cached_workflows = 0 if database_kind == "postgresql" else 1_000
    return service
