"""Long deadlines, on a server that skips time."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from stack import find_temporal

DAYS = 3 * 24 * 3600


@pytest.fixture(scope="module")
async def temporal_env() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=find_temporal(),
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
    ) as environment:
        yield environment


@pytest.fixture
def database_kind():
    return "sqlite"


async def test_three_days_of_silence_expire(service, temporal_env):
    async with service.worker():
        _, handle = await service.start(expires_in=DAYS)
        await service.inbox.told("anna@example.com")
        await temporal_env.fast_forward(handle, timedelta(seconds=DAYS + 60))
        assert (await handle.result()).status == "expired"


async def test_two_days_later_a_vote_still_counts(service, temporal_env):
    async with service.worker():
        confirmation, handle = await service.start(expires_in=DAYS)
        await service.inbox.told("anna@example.com")
        await temporal_env.fast_forward(handle, timedelta(days=2))
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"
