"""Enrolling a passkey by the link of an invite, and signing with it."""

from playwright.async_api import expect

MINUTE = 60


async def enrol(site, tab, newcomer):
    invite = await site.invite(newcomer)
    await tab.open(invite)
    await tab.hook("register").click()
    await tab.reaches("recorded")
    return invite


async def test_from_the_invite_to_an_approval(site, tab):
    """Two touches for each: open the link, touch the button."""
    newcomer = await site.newcomer("Dora <b>Petit</b>")
    await tab.open(await site.invite(newcomer))
    await expect(tab.page.locator("main")).to_contain_text(f"Acme invites Dora <b>Petit</b> <{newcomer.person.email}>")
    await tab.hook("register").click()
    await tab.reaches("recorded")
    await expect(tab.hook("outcome")).to_contain_text("enrolled")

    asked = await site.ask(newcomer)
    await tab.open(await site.link(asked, newcomer))
    await tab.decide()
    await expect(tab.hook("outcome")).to_contain_text("approved")
    decided = await site.agent.wait(asked.id, MINUTE)
    assert (decided.approved, decided.usable) == (True, True)


async def test_an_invite_is_used_once(site, tab):
    invite = await enrol(site, tab, await site.newcomer())
    await tab.open(invite, "invalid-link")
    await expect(tab.hook("register")).to_be_hidden()


async def test_links_without_a_valid_invite(site, tab):
    for fragment in ("", "#", f"#{'A' * 43}", "#%00", "#<script>alert(1)</script>"):
        await tab.open(f"{site.url}/register{fragment}", "invalid-link")


async def test_somebody_who_is_not_recognised_can_try_again(site, tab):
    await tab.open(await site.invite(await site.newcomer()))
    await tab.verify_user(False)
    await tab.hook("register").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("No passkey was made")
    await tab.reaches("ready")
    await tab.verify_user(True)
    await tab.hook("register").click()
    await tab.reaches("recorded")


async def test_a_device_that_holds_the_persons_passkey_makes_no_second_one(site, tab):
    newcomer = await site.newcomer()
    await enrol(site, tab, newcomer)
    await tab.open(await site.invite(newcomer))
    await tab.hook("register").click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("this device may hold one for you already")
    await tab.reaches("ready")


async def test_a_synced_passkey_is_called_synced(site, tab):
    await tab.plug_in(defaultBackupEligibility=True, defaultBackupState=True)
    await enrol(site, tab, await site.newcomer())
    await expect(tab.page.locator("main")).to_contain_text("It is synced")
