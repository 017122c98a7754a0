"""One browser tab with an authenticator of its own, and what its pages did that they should not."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, CDPSession, Locator, Page, async_playwright, expect

from tests.browser.site import Signer

expect.set_options(timeout=15_000)

PLATFORM = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# Counts ceremonies, and keeps what the content security policy had to block.
WATCH = """
window.ceremonies = 0;
window.blocked = [];
// There is no CredentialsContainer on about:blank.
for (const name of "CredentialsContainer" in window ? ["get", "create"] : []) {
  const original = CredentialsContainer.prototype[name];
  CredentialsContainer.prototype[name] = function (...given) {
    window.ceremonies += 1;
    return original.apply(this, given);
  };
}
addEventListener("securitypolicyviolation", (event) => window.blocked.push(event.violatedDirective));
"""


@dataclass
class Tab:
    """A page, its authenticator, and complaints: dialogs, script errors, blocked loads."""

    page: Page
    cdp: CDPSession
    authenticator: str
    complaints: list[str] = field(default_factory=list)

    async def give(self, signer: Signer) -> None:
        """Put the person's passkey into this browser's authenticator."""
        given = {"authenticatorId": self.authenticator, "credential": signer.virtual_credential()}
        await self.cdp.send("WebAuthn.addCredential", given)

    async def plug_in(self, **properties: Any) -> None:
        """Another authenticator takes the place of this one."""
        await self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.authenticator})
        made = await self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**PLATFORM, **properties}})
        self.authenticator = made["authenticatorId"]

    async def verify_user(self, verified: bool) -> None:
        """From now on whoever touches the authenticator is recognised, or is not."""
        given = {"authenticatorId": self.authenticator, "isUserVerified": verified}
        await self.cdp.send("WebAuthn.setUserVerified", given)

    async def touches(self, enabled: bool) -> None:
        """From now on somebody touches the authenticator, or nobody does."""
        given = {"authenticatorId": self.authenticator, "enabled": enabled}
        await self.cdp.send("WebAuthn.setAutomaticPresenceSimulation", given)

    async def open(self, link: str, state: str = "ready") -> None:
        await self.load(link)
        await self.reaches(state)

    async def load(self, link: str) -> None:
        # A page that differs in its fragment alone would not load anew.
        await self.page.goto("about:blank")
        await self.page.goto(link)

    async def reaches(self, state: str) -> None:
        await expect(self.page.locator("main")).to_have_attribute("data-state", state)

    def hook(self, name: str) -> Locator:
        """What is visible of the elements that are called so."""
        return self.page.get_by_test_id(name).filter(visible=True)

    async def decide(self, decision: str = "approve", reason: str = "") -> None:
        """Read to the end, say why, touch the button."""
        await self.read_to_the_end()
        if reason:
            await self.hook("reason").fill(reason)
        await self.hook(decision).click()

    async def read_to_the_end(self) -> None:
        """Turn the wheel until nothing moves any more."""
        await self.hook("payload").hover(position={"x": 5, "y": 5}, force=True)
        await self.page.mouse.wheel(0, 1_000_000)
        await expect(self.hook("approve")).to_be_enabled()

    async def is_scrolled(self, pixels: int) -> None:
        """Wait for it. The page's policy lets nobody evaluate texts, as `wait_for_function` does at its second look."""
        async with asyncio.timeout(15):
            while await self.page.evaluate("scrollY") < pixels:
                await asyncio.sleep(0.02)

    async def ceremonies(self) -> int:
        return await self.page.evaluate("window.ceremonies")

    async def require_quiet(self) -> None:
        """Nothing ran, opened or was loaded that should not have been."""
        blocked = [] if self.page.url.startswith("chrome-error") else await self.page.evaluate("window.blocked ?? []")
        assert [*self.complaints, *blocked] == []


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's own browser; nothing is ever downloaded."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def new_tab(browser: Browser, **options: Any) -> AsyncIterator[Tab]:
    """A tab in a fresh profile."""
    context = await browser.new_context(**options)
    try:
        await context.add_init_script(WATCH)
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        await cdp.send("WebAuthn.enable", {"enableUI": False})
        made = await cdp.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM})
        tab = Tab(page, cdp, made["authenticatorId"])

        async def dismiss(dialog) -> None:
            tab.complaints.append(f"dialog: {dialog.message}")
            await dialog.dismiss()

        page.on("dialog", dismiss)
        page.on("pageerror", lambda error: tab.complaints.append(f"script error: {error}"))
        yield tab
    finally:
        await context.close()
