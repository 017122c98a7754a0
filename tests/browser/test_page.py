"""What holds for the pages themselves: who may frame them, what they weigh, what they load."""

from functools import partial

import pytest
from playwright.async_api import Route, expect

BUDGET = 60_000
PAGES = ("/", "/security")
HOSTILE = "http://127.0.0.1:9/"


async def test_a_page_of_another_site_cannot_frame_it(site, tab, anna):
    link = await site.link(await site.ask(anna), anna)
    for address in (link, await site.invite(anna)):
        frame = f"<iframe src='{address}' allow='publickey-credentials-get *'></iframe>"
        await tab.page.route(HOSTILE, partial(Route.fulfill, content_type="text/html", body=frame))
        await tab.page.goto(HOSTILE)
        inside = tab.page.frames[1]
        assert inside.url.startswith("chrome-error:")
        assert await inside.locator("main[data-state]").count() == 0


async def test_the_page_is_light(site, tab, anna):
    weights = []
    await tab.cdp.send("Network.enable")
    tab.cdp.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    await tab.open(await site.link(await site.ask(anna), anna))
    await tab.page.wait_for_load_state("networkidle")
    assert len(weights) > 5
    assert sum(weights) < BUDGET


async def test_nothing_is_loaded_from_elsewhere_and_no_secret_is_sent_in_an_address(site, tab, anna):
    addresses = []
    tab.page.on("request", lambda request: addresses.append(request.url))
    link = await site.link(await site.ask(anna), anna)
    token = link.split("#")[1]
    await tab.open(link)
    await tab.decide()
    await tab.reaches("recorded")
    sent = [address.split("#")[0] for address in addresses if address != "about:blank"]
    assert all(address.startswith(f"{site.url}/") for address in sent)
    assert not any(token in address for address in sent)


async def test_every_script_is_pinned_by_its_hash(site, tab, anna):
    await tab.open(await site.link(await site.ask(anna), anna))
    loaded = await tab.page.evaluate("performance.getEntriesByType('resource').map((it) => it.name)")
    pinned = await tab.page.evaluate(
        "[...document.querySelectorAll('[integrity]')].map((it) => it.src || it.href)",
    )
    scripts = {address for address in loaded if address.endswith((".js", ".css"))}
    assert scripts
    assert scripts <= set(pinned)


@pytest.mark.parametrize("path", PAGES)
async def test_pages_for_everybody(site, tab, path):
    await tab.page.goto(site.url + path)
    await expect(tab.page.locator("main h1")).to_be_visible()
