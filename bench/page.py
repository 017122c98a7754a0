"""The approver's page in a real browser: from following the link to buttons that can be touched."""

import httpx2
from playwright.async_api import Browser

from bench.figures import Section, latencies
from bench.kinds import told
from bench.scale import Scale
from bench.site import Site
from tests.api.world import ASK
from tests.browser.tab import chromium

COLUMNS = ["database", "first visit p50 / p95 / p99 ms", "next visit p50 / p95 / p99 ms"]
VIEWPORT = {"width": 390, "height": 844}
# When the page first says that somebody can decide, counted from the navigation's start.
WATCH = """new MutationObserver(() => {
  if (!window.usable && document.querySelector("main")?.dataset.state === "ready") window.usable = performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });"""


async def measure(site: Site, scale: Scale) -> Section:
    """A phone's viewport, the API on this machine, each time in a fresh profile and then once again in it."""
    url, key = await site.api()
    async with httpx2.AsyncClient(base_url=url) as http:
        headers = {"Authorization": f"Bearer {key}"}
        asked = (await http.post("/v1/confirmations", json=ASK, headers=headers)).raise_for_status().json()
    link = f"{url}/approve/{asked['id']}#{await told(site, asked['id'])}"
    count, first, again = scale.amount(quick=3, full=60), [], []
    async with chromium() as browser:
        for done in range(count):
            scale.progress(f"page, {site.kind}", done + 1, count)
            cold, warm = await _visit(browser, link)
            first.append(cold)
            again.append(warm)
    await site.stop("api")
    row = [site.kind, latencies(first), latencies(again)]
    return Section("The page, until it can be used", COLUMNS, [row], {site.kind: {"first": first, "again": again}})


async def _visit(browser: Browser, link: str) -> list[float]:
    """Seconds until the page can be used, twice."""
    context = await browser.new_context(viewport=VIEWPORT)
    await context.add_init_script(WATCH)
    seconds = []
    for _ in range(2):
        page = await context.new_page()
        await page.goto(link)
        await page.locator("main[data-state=ready]").wait_for()
        seconds.append(await page.evaluate("window.usable") / 1e3)
        await page.close()
    await context.close()
    return seconds
