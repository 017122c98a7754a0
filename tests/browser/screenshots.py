"""Pictures of every state of the pages: `python -m tests.browser.screenshots [folder]`, by default /tmp/shots."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from playwright.async_api import Browser, Error, Route
from temporalio.testing import WorkflowEnvironment

from stack import find_temporal
from tests.browser.site import Signer, Site, running_site
from tests.browser.tab import Tab, chromium, new_tab

BUNDLES = Path(__file__).parents[1] / "vectors" / "evidence"
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
RISKY = {
    "payload": {
        "amount": "48200.00",
        "currency": "EUR",
        "beneficiary": {"name": "Nordwind Logistik GmbH", "iban": "DE89 3704 0044 0532 0130 00"},
        "invoices": ["2026-1187", "2026-1203"],
        "urgent": False,
    },
    "action": "Wire 48,200 EUR to Nordwind Logistik GmbH",
    "note": "Two invoices of October; the second one is due tomorrow.",
    "claim": "accounts payable agent, run 4711",
}
DECEIVING = {"payload": {"to": "p\u0430ypal.com", "iban": "DE89\u202e0001"}, "action": "Pay the invoice\u200b"}


class Camera:
    """Takes one picture after the other of one size and scheme."""

    def __init__(self, site: Site, browser: Browser, folder: Path, look: str, **options: object) -> None:
        self.site, self.browser, self.folder, self.look, self.options = site, browser, folder, look, options

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[tuple[Tab, Signer]]:
        async with new_tab(self.browser, **self.options) as tab:
            signer = await self.site.signer()
            await tab.give(signer)
            yield tab, signer

    async def take(self, tab: Tab, name: str) -> None:
        for what, full in (("", True), ("-screen", False)):
            await tab.page.screenshot(path=self.folder / f"{name}-{self.look}{what}.png", full_page=full)

    async def enrolment(self) -> None:
        async with self.tab() as (tab, _):
            newcomer = await self.site.newcomer("Dora Petit")
            await tab.open(await self.site.invite(newcomer))
            await self.take(tab, "register-ready")
            await tab.verify_user(False)
            await tab.hook("register").click()
            await tab.page.locator("#message:not(:empty)").wait_for()
            await self.take(tab, "register-not-recognised")
            await tab.verify_user(True)
            await tab.hook("register").click()
            await tab.reaches("recorded")
            await self.take(tab, "register-recorded")
            await tab.open(f"{self.site.url}/register", "invalid-link")
            await self.take(tab, "register-invalid-link")
            for path in ("", "security"):
                await tab.page.goto(f"{self.site.url}/{path}")
                await self.take(tab, path or "home")

    async def deciding(self) -> None:
        async with self.tab() as (tab, signer):
            asked = await self.site.ask(signer, **RISKY)
            await tab.open(await self.site.link(asked, signer))
            await self.take(tab, "ready")
            for number in range(await tab.page.locator("details").count()):
                await tab.page.locator("summary").nth(number).click()
            await self.take(tab, "ready-details-open")
            await tab.verify_user(False)
            await tab.decide("approve", "as agreed on the phone")
            await tab.page.locator("#message:not(:empty)").wait_for()
            await self.take(tab, "ready-not-recognised")
            await tab.hook("elsewhere").click()
            await self.take(tab, "elsewhere")
            await tab.hook("back").click()
            await tab.touches(False)
            await tab.hook("approve").click()
            await tab.reaches("signing")
            await self.take(tab, "signing")
        async with self.tab() as (tab, signer):
            asked = await self.site.ask(signer, **RISKY)
            await tab.page.route("**/votes", lambda route: route.abort(), times=1)
            await tab.open(await self.site.link(asked, signer))
            await tab.decide("approve")
            await tab.reaches("retry")
            await self.take(tab, "retry")
            await tab.hook("again").click()
            await tab.reaches("recorded")
            await self.take(tab, "recorded")

    async def publishing(self) -> None:
        async with self.tab() as (tab, signer):
            asked = await self.site.ask(signer, public_reveal=True, **RISKY)
            await tab.open(asked.url, "sign-in")
            await tab.hook("sign-in").click()
            await tab.reaches("not-approver")
            await self.take(tab, "public-unverified")
            await tab.open(await self.site.link(asked, signer))
            await self.take(tab, "public-ready")
            await tab.read_to_the_end()
            await self.take(tab, "public-read")
            await tab.hook("approve").click()
            await tab.reaches("recorded")
            await self.take(tab, "public-recorded")

    async def not_deciding(self) -> None:
        async with self.tab() as (tab, signer):
            ben = await self.site.signer("Ben Okafor")
            for name, changes in (("deceiving", DECEIVING), ("long", {"payload": {f"line {n}": n for n in range(99)}})):
                asked = await self.site.ask(signer, **changes)
                await tab.open(await self.site.link(asked, signer))
                await self.take(tab, f"ready-{name}")
            asked = await self.site.ask(signer, ben, threshold=2, **RISKY)
            link = await self.site.link(asked, signer)
            await tab.open(link)
            await tab.decide("approve")
            await tab.reaches("recorded")
            await self.take(tab, "recorded-waits-for-others")
            asked = await self.site.ask(ben, **RISKY)
            await tab.open(await self.site.passed_on(asked, signer), "not-approver")
            await self.take(tab, "not-approver")
            asked = await self.site.ask(signer, **RISKY)
            link = await self.site.link(asked, signer)
            await tab.open(asked.url, "sign-in")
            await self.take(tab, "sign-in")
            await tab.open(f"{asked.url}#x", "invalid-link")
            await self.take(tab, "invalid-link")
            async with self.site.later(seconds=901):
                await tab.open(link, "expired")
                await self.take(tab, "expired")
            await self.site.agent.cancel(asked.id)
            await tab.open(link, "cancelled")
            await self.take(tab, "cancelled")

    async def broken(self) -> None:
        async with self.tab() as (tab, signer):
            link = await self.site.link(await self.site.ask(signer, **RISKY), signer)
            for state, answer in (("error", {"status": 503, "body": "{}"}), ("mismatch", {"body": "{}"})):
                await tab.page.route("**/view", partial(Route.fulfill, **answer), times=1)
                await tab.open(link, state)
                await self.take(tab, state)
            await tab.page.add_init_script("delete window.PublicKeyCredential")
            await tab.open(link, "no-webauthn")
            await self.take(tab, "no-webauthn")

    async def decided(self) -> None:
        async with self.tab() as (tab, signer), self.tab() as (other, ben):
            asked = await self.site.ask(signer, ben, **RISKY)
            for decision in ("reject", "approve"):
                mine = asked if decision == "approve" else await self.site.ask(ben, **RISKY)
                await other.open(await self.site.link(mine, ben))
                await other.decide(decision, "the second invoice is paid already")
                await other.reaches("recorded")
                await self.take(other, f"recorded-{decision}")
            await tab.open(await self.site.link(asked, signer), "decided")
            await self.take(tab, "decided")

    async def verifying(self) -> None:
        async with self.tab() as (tab, _):
            for name, case in (("authentic", "revealed"), ("false", "payload_another_fail_payload.hash")):
                await tab.page.goto(f"{self.site.url}/verify")
                if name == "authentic":
                    await self.take(tab, "verify")
                for part in ("trust", "evidence"):
                    await tab.page.set_input_files(f"#{part}", BUNDLES / case / f"{part}.json")
                await tab.page.locator("main[data-exit]").wait_for()
                await self.take(tab, f"verify-{name}")
                if name == "authentic":
                    await tab.page.get_by_test_id("email").fill("alice@example.com")
                    await tab.page.get_by_test_id("check-email").click()
                    await tab.page.get_by_test_id("guessed").and_(tab.page.locator("[data-is]")).wait_for()
                    await self.take(tab, "verify-guessed")

    async def everything(self) -> None:
        """Each scene by itself: one that fails does not hide the others."""
        for scene in (
            self.enrolment,
            self.deciding,
            self.publishing,
            self.not_deciding,
            self.broken,
            self.decided,
            self.verifying,
        ):
            try:
                await scene()
            except (AssertionError, Error) as error:
                sys.stderr.write(f"{self.look} {scene.__name__}: {error}\n")


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as data:
        async with (
            await WorkflowEnvironment.start_local(dev_server_existing_path=find_temporal()) as temporal,
            running_site(temporal.client, Path(data)) as site,
            chromium() as browser,
        ):
            for scheme in ("light", "dark"):
                for size, viewport in SIZES.items():
                    look = {"color_scheme": scheme, "viewport": viewport}
                    await Camera(site, browser, folder, f"{size}-{scheme}", **look).everything()


if __name__ == "__main__":
    shots = Path(sys.argv[1] if len(sys.argv) > 1 else "/tmp/shots")  # noqa: S108
    shots.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(shots))
