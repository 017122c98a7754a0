"""One database of each kind for the whole folder: tests keep apart by their own organisation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from tests.acme import Acme, found_acme
from tests.admin.commands import PUBLIC_URL, Admin
from tests.databases import KINDS, new_url
from tests.publishing import published


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
async def url(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return await new_url(kind, request, tmp_path_factory.mktemp("admin"))


@pytest.fixture(scope="session")
async def database(url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """Shared by all tests of this folder."""
    async with published(url, tmp_path_factory.mktemp("log")) as database:
        yield database


@pytest.fixture
def admin(url: str) -> Admin:
    """The admin commands on the shared database."""
    return _admin(url)


@pytest.fixture
async def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, without any table."""
    return await new_url(kind, request, tmp_path)


@pytest.fixture
def fresh_admin(empty_url: str) -> Admin:
    """The admin commands on an empty database of the test's own."""
    return _admin(empty_url)


@pytest.fixture
async def acme(database: Database) -> Acme:
    """An organisation with Anna, Ben and Cem, each with a passkey."""
    return await found_acme(database)


def _admin(url: str) -> Admin:
    nothing_listens = "127.0.0.1:1"
    return Admin({"COSIGNET_DATABASE_URL": url, "COSIGNET_PUBLIC_URL": PUBLIC_URL, "TEMPORAL_ADDRESS": nothing_listens})
