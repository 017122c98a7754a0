"""The approver's page in a real browser: from following the link to buttons that can be touched."""

import httpx2
from playwright.async_api import Browser

from bench.figures import Section, latencies
from bench.kinds import told
from bench.scale import Scale
from bench.site import Site
from tests.api.world import ASK
from tests.browser.tab import chromium

COLUMNS = ["database", "in an open tab p50 / p95 / p99 ms", "in a new tab p50 / p95 / p99 ms"]
VIEWPORT = {"width": 390, "height": 844}
# When the page first says that somebody can decide, counted from the navigation's start.
WATCH = """new MutationObserver(() => {
  if (!window.usable && document.querySelector("main")?.dataset.state === "ready") window.usable = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });"""


async def measure(site: Site, scale: Scale) -> Section:
    """A phone's viewport, the API on this machine, each time in a fresh profile that has none of the scripts yet."""
    url, key = await site.api()
    async with httpx2.AsyncClient(base_url=url) as http:
        headers = {"Authorization": f"Bearer {key}"}
        asked = (await http.post("/v1/confirmations", json=ASK, headers=headers)).raise_for_status().json()
    link = f"{url}/approve/{asked['id']}#{await told(site, asked['id'])}"
    count, open_tab, new_tab = scale.amount(quick=3, full=30), [], []
    async with chromium() as browser:
        for done in range(count):
            scale.progress(f"page, {site.kind}", done + 1, count)
            open_tab.append(await _visit(browser, link, f"{url}/"))
            new_tab.append(await _visit(browser, link))
    await site.stop("api")
    row = [site.kind, latencies(open_tab), latencies(new_tab)]
    raw = {site.kind: {"open tab": open_tab, "new tab": new_tab}}
    return Section("The page, until it can be used", COLUMNS, [row], raw)


async def _visit(browser: Browser, link: str, *before: str) -> float:
    """Seconds until the page can be used; after a visit to `before` no process has to start for it."""
    context = await browser.new_context(viewport=VIEWPORT)
    await context.add_init_script(WATCH)
    page = await context.new_page()
    for address in (*before, link):
        await page.goto(address)
    await page.locator("main[data-state=ready]").wait_for()
    milliseconds: float = await page.evaluate("window.usable")
    await context.close()
    return milliseconds / 1e3
