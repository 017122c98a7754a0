"""What holds for the pages themselves: who may frame them, what they weigh, whether everybody can use them."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.tab import new_tab

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
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


# Whether everybody can use it


async def violations(tab):
    await tab.page.evaluate(AXE.read_text())
    found = await tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(it["id"], node["html"], node["failureSummary"]) for it in found["violations"] for node in it["nodes"]]


@pytest.mark.parametrize("size", [{"width": 390, "height": 844}, {"width": 1280, "height": 900}], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_barriers(site, browser, scheme, size):
    async with new_tab(browser, bypass_csp=True, color_scheme=scheme, viewport=size) as tab:
        signer = await site.signer()
        await tab.give(signer)
        asked = await site.ask(signer, payload={"to": "p\u0430ypal", "list": [1, {"a": None}]}, note="n", claim="c")
        link = await site.link(asked, signer)
        found = {}
        for path in PAGES:
            await tab.page.goto(site.url + path)
            found[path] = await violations(tab)
        for name, address, state in (
            ("sign in", asked.url, "sign-in"),
            ("invalid", f"{asked.url}#x", "invalid-link"),
            ("invite", await site.invite(signer), "ready"),
            ("approve", link, "ready"),
        ):
            await tab.open(address, state)
            found[name] = await violations(tab)
        await tab.verify_user(False)
        await tab.decide()
        await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
        found["not signed"] = await violations(tab)
        await tab.verify_user(True)
        await tab.decide()
        await tab.reaches("recorded")
        found["recorded"] = await violations(tab)
        assert {name: barriers for name, barriers in found.items() if barriers} == {}
