"""The page of a request on which this person can decide nothing, and why."""

import pytest
from playwright.async_api import expect

from tests.browser.tab import new_tab


async def require_no_buttons(tab, ceremonies=0):
    for button in ("approve", "reject"):
        await expect(tab.hook(button)).to_be_hidden()
    assert await tab.ceremonies() == ceremonies


async def test_somebody_else_has_decided(site, browser, tab, anna):
    ben = await site.signer("Ben")
    asked = await site.ask(anna, ben)
    async with new_tab(browser) as other:
        await other.give(ben)
        await other.open(await site.link(asked, ben))
        await other.decide()
        await other.reaches("recorded")
    await tab.open(await site.link(asked, anna), "decided")
    await expect(tab.hook("outcome")).to_contain_text("approved")
    await require_no_buttons(tab)


async def test_somebody_else_decides_while_the_page_is_open(site, browser, tab, anna):
    ben = await site.signer("Ben")
    asked = await site.ask(anna, ben)
    await tab.open(await site.link(asked, anna))
    async with new_tab(browser) as other:
        await other.give(ben)
        await other.open(await site.link(asked, ben))
        await other.decide()
        await other.reaches("recorded")
    await tab.decide("reject")
    await tab.reaches("decided")
    await expect(tab.hook("outcome")).to_contain_text("approved")
    await require_no_buttons(tab)


async def test_cancelled(site, tab, anna):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    await site.agent.cancel(asked.id)
    await tab.open(link, "cancelled")
    await require_no_buttons(tab)


async def test_expired(site, tab, anna):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    async with site.later(seconds=901):
        await tab.open(link, "expired")
    await require_no_buttons(tab)


async def test_the_time_runs_out_while_somebody_reads(site, tab, anna):
    await tab.page.clock.install()
    await tab.open(await site.link(await site.ask(anna), anna))
    async with site.later(seconds=901):
        await tab.page.clock.fast_forward("15:01")
        await tab.reaches("expired")
    await require_no_buttons(tab)


async def test_a_device_whose_clock_is_ahead_leaves_it_to_the_service(site, tab, anna):
    await tab.page.clock.install()
    asked = await site.ask(anna)
    await tab.open(await site.link(asked, anna))
    await tab.page.clock.fast_forward("15:01")
    await expect(tab.page.locator("#time-left")).to_contain_text("over")
    await tab.decide()
    await expect(tab.hook("outcome")).to_contain_text("approved")
    assert (await site.agent.get(asked.id)).approved


async def test_expired_while_the_page_was_open(site, tab, anna):
    asked = await site.ask(anna)
    await tab.open(await site.link(asked, anna))
    async with site.later(seconds=901):
        await tab.decide()
        await tab.reaches("expired")
    await require_no_buttons(tab)


async def test_somebody_whom_nobody_asked(site, tab, anna):
    asked = await site.ask(await site.signer("Ben"))
    await tab.open(await site.passed_on(asked, anna), "not-approver")
    await expect(tab.page.locator("#why-not")).to_contain_text("policy")
    await require_no_buttons(tab)


@pytest.mark.parametrize("opened_before", [False, True])
async def test_a_revoked_passkey(site, tab, anna, opened_before):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    if opened_before:
        await tab.open(link)
    await site.revoke_passkey(anna)
    if opened_before:
        await tab.decide()
        await tab.reaches("not-approver")
    else:
        await tab.open(link, "not-approver")
    await expect(tab.page.locator("#why-not")).to_contain_text("no passkey")
    await require_no_buttons(tab)


async def test_a_revoked_person(site, tab, anna):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    await site.revoke(anna)
    await tab.open(link, "invalid-link")
    await require_no_buttons(tab)
    await expect(tab.page.locator("main")).not_to_contain_text("250.00")


async def test_links_that_are_not_valid(site, tab, anna):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    broken = (
        link[:-1],
        f"{site.url}/approve/{asked.id}#{'A' * 43}",
        f"{site.url}/approve/{asked.id}#<script>alert(1)</script>",
        link.replace(asked.id, "0" * 32),
        link.replace(asked.id, (await site.ask(anna)).id),
    )
    for address in broken:
        await tab.open(address, "invalid-link")
        await require_no_buttons(tab)


async def test_a_browser_without_passkeys(site, tab, anna):
    asked = await site.ask(anna)
    await tab.page.add_init_script("delete window.PublicKeyCredential")
    for link in (await site.link(asked, anna), await site.invite(anna)):
        await tab.open(link, "no-webauthn")
        await expect(tab.page.get_by_role("button", name="Copy")).to_be_visible()


async def test_opening_a_link_changes_nothing(site, tab, anna):
    asked = await site.ask(anna)
    link = await site.link(asked, anna)
    for _ in range(3):
        await tab.open(link)
    found = await site.agent.get(asked.id)
    assert (found.status, found.votes) == ("pending", ())


# A link that was passed on without its secret


async def test_whoever_has_no_secret_signs_in_first(site, tab, anna):
    asked = await site.ask(anna)
    await tab.open(asked.url, "sign-in")
    await expect(tab.page.locator("main")).not_to_contain_text("250.00")
    await tab.hook("sign-in").click()
    await tab.reaches("ready")
    await tab.decide()
    await expect(tab.hook("outcome")).to_contain_text("approved")
    assert (await site.agent.get(asked.id)).approved


async def test_signing_in_shows_nothing_to_somebody_whom_nobody_asked(site, tab, anna):
    asked = await site.ask(await site.signer("Ben"))
    await tab.open(asked.url, "sign-in")
    await tab.hook("sign-in").click()
    await tab.reaches("not-approver")
    await expect(tab.page.locator("main")).not_to_contain_text("250.00")
    await require_no_buttons(tab, ceremonies=1)


async def test_whoever_is_not_recognised_can_sign_in_again(site, tab, anna):
    asked = await site.ask(anna)
    await tab.open(asked.url, "sign-in")
    await tab.verify_user(False)
    await tab.hook("sign-in").click()
    await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
    await tab.reaches("sign-in")
    await tab.verify_user(True)
    await tab.hook("sign-in").click()
    await tab.reaches("ready")
