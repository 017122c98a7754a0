"""A real Chromium with a virtual authenticator, in front of the real service."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.site import Signer, Site, running_site
from tests.browser.tab import Tab, chromium, new_tab


# Of this folder, not of the session: its worker has the task queue that other tests need for theirs.
@pytest.fixture(scope="package")
async def site(temporal_env, tmp_path_factory) -> AsyncIterator[Site]:
    """One service for all tests here: each has people and requests of its own."""
    async with running_site(temporal_env.client, tmp_path_factory.mktemp("browser")) as site:
        yield site


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab whose pages must do nothing that they should not."""
    async with new_tab(browser) as tab:
        yield tab
        await tab.require_quiet()


@pytest.fixture
async def anna(site: Site, tab: Tab) -> Signer:
    """A person whose passkey is in this browser."""
    signer = await site.signer()
    await tab.give(signer)
    return signer
