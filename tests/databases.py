"""Databases for a folder of tests to share: a migrated one costs a third of a second and some megabytes."""

import asyncio
from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer

KINDS = ("sqlite", "postgresql")


async def new_url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty database of this kind."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/cosignet.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return await asyncio.to_thread(server.create_database)
