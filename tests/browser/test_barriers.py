"""Whether everybody can use the pages: axe finds no violation in any state, on a phone and a desk, light and dark."""

import json
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.browser.tab import new_tab
from tests.browser.test_verify import APPROVED, FALSE, give, judged

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("/", "/security", "/verify")
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
PHONE = {"width": 390, "height": 844}


async def violations(tab):
    await tab.page.evaluate(AXE.read_text())
    found = await tab.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(it["id"], node["html"], node["failureSummary"]) for it in found["violations"] for node in it["nodes"]]


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
@SCHEMES
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
        await tab.hook("elsewhere").click()
        found["elsewhere"] = await violations(tab)
        await tab.hook("back").click()
        await tab.verify_user(True)
        await tab.decide()
        await tab.reaches("recorded")
        found["recorded"] = await violations(tab)
        assert {name: barriers for name, barriers in found.items() if barriers} == {}


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
@SCHEMES
async def test_no_barriers_where_evidence_is_judged(site, browser, scheme, size):
    async with new_tab(browser, bypass_csp=True, color_scheme=scheme, viewport=size) as tab:
        await tab.page.goto(f"{site.url}/verify")
        await give(tab, APPROVED / "trust.json", APPROVED / "evidence.json")
        await judged(tab, 0)
        await tab.page.locator("#checks-summary").click()
        found = {"authentic": await violations(tab)}
        await give(tab, FALSE / "evidence.json")
        await judged(tab, 1)
        found["false"] = await violations(tab)
        assert {name: barriers for name, barriers in found.items() if barriers} == {}


@SCHEMES
async def test_no_barriers_where_nothing_can_be_decided(site, browser, scheme):
    async with new_tab(browser, bypass_csp=True, color_scheme=scheme, viewport=PHONE) as tab:
        signer, ben = await site.signer(), await site.signer("Ben")
        await tab.give(signer)
        asked = await site.ask(signer, note="n", claim="c")
        link, found = await site.link(asked, signer), {}
        for state, body in (("error", None), ("mismatch", {})):
            answer = {"status": 200 if body is not None else 503, "body": json.dumps(body)}
            await tab.page.route("**/view", partial(Route.fulfill, **answer), times=1)
            await tab.open(link, state)
            found[state] = await violations(tab)
        await tab.open(await site.passed_on(await site.ask(ben), signer), "not-approver")
        found["not-approver"] = await violations(tab)
        async with site.later(seconds=901):
            await tab.open(link, "expired")
            found["expired"] = await violations(tab)
        await tab.page.route("**/votes", lambda route: route.abort(), times=1)
        await tab.open(link)
        await tab.decide("reject")
        await tab.reaches("retry")
        found["retry"] = await violations(tab)
        await tab.hook("again").click()
        await tab.reaches("recorded")
        found["rejected"] = await violations(tab)
        await tab.page.add_init_script("delete window.PublicKeyCredential")
        await tab.open(link, "no-webauthn")
        found["no-webauthn"] = await violations(tab)
        assert {name: barriers for name, barriers in found.items() if barriers} == {}
