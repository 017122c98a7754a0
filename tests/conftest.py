"""Real parts for every test: a Temporal server, a PostgreSQL server, databases of either kind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from stack import find_temporal
from store.database import Database
from tests.postgres_server import PostgresServer
from tests.publishing import published

# Temporal deletes a run once it has noted that the run's end was worked off, which it otherwise does twice a minute.
QUICK_TO_DELETE = [
    argument
    for queue in ("transfer", "visibility")
    for argument in ("--dynamic-config-value", f'history.{queue}ProcessorUpdateAckInterval="1s"')
]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole run."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    """One Temporal development server for the whole run."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal(), dev_server_extra_args=QUICK_TO_DELETE
    ) as environment:
        yield environment


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """A module whose subject is not the database may override this with one kind."""
    kind: str = request.param
    return kind


@pytest.fixture
async def database(request: pytest.FixtureRequest, database_kind: str, tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh, migrated database, whose log is being signed."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path}/cosignet.db"
    else:
        url = await asyncio.to_thread(request.getfixturevalue("postgres").create_database)
    async with published(url, tmp_path) as database:
        yield database
