import pytest

from cosignet.client import CosignetClient
from tests.library.desk import Desk
from tests.library.http_double import KEY, running_double


@pytest.fixture(scope="session")
async def served():
    """One socket for the whole run."""
    async with running_double() as double:
        yield double


@pytest.fixture
def double(served):
    """An approval service on a real socket, new for each test."""
    served.reset()
    return served


@pytest.fixture
async def client(double):
    async with CosignetClient(double.url, KEY, timeout=2) as client:
        yield client


@pytest.fixture
def desk():
    """An approved call of `wire`, not yet run."""
    return Desk()
