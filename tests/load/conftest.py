"""A running approval service for every test in this folder."""

import pytest
from temporalio.testing import WorkflowEnvironment

from store.database import Database
from tests.workflow.service import Service


@pytest.fixture
async def service(temporal_env: WorkflowEnvironment, database: Database) -> Service:
    """A service whose worker is not running yet."""
    return await Service.found(temporal_env.client, database)
