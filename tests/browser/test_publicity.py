"""What an approver is told before they make something public, for ever."""

from playwright.async_api import expect

from tests.browser.test_lies import altered, answer_with, require_mismatch, require_pending

MINUTE = 60


async def test_whoever_approves_is_told_before_they_sign(site, tab, anna):
    asked = await site.ask(anna, public_reveal=True)
    await tab.open(await site.link(asked, anna))
    for said in ("becomes public, for ever", "Nobody can take it back", "hash of their e-mail address"):
        await expect(tab.hook("public")).to_contain_text(said)
    await expect(tab.hook("approve")).to_have_text("Approve and publish")
    await tab.decide("approve", "for everybody to see")
    await tab.reaches("recorded")
    await expect(tab.hook("public")).to_be_visible()
    assert (await site.agent.wait(asked.id, MINUTE)).approved
    shown = await tab.page.request.get(f"{site.url}/public/log/entries/{asked.id}/verification")
    assert "for everybody to see" in await shown.text()


async def test_the_buttons_stay_locked_until_it_was_on_the_screen(site, tab, anna):
    asked = await site.ask(anna, public_reveal=True, payload={"lines": [f"line {number}" for number in range(200)]})
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("approve")).to_be_disabled()
    await tab.hook("payload").hover(position={"x": 5, "y": 5}, force=True)
    await tab.page.mouse.wheel(0, 1_000)
    await tab.is_scrolled(900)
    await expect(tab.hook("public")).not_to_be_in_viewport()
    await expect(tab.hook("approve")).to_be_disabled()
    await tab.read_to_the_end()


async def test_a_rejection_makes_nothing_public(site, tab, anna):
    asked = await site.ask(anna, public_reveal=True)
    await tab.open(await site.link(asked, anna))
    await tab.decide("reject")
    await tab.reaches("recorded")
    await expect(tab.hook("public")).to_be_hidden()


async def test_what_stays_private_says_nothing_of_it(site, tab, anna):
    asked = await site.ask(anna)
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("public")).to_be_hidden()
    await expect(tab.hook("approve")).to_have_text("Approve")


async def test_a_service_cannot_hide_it(site, tab, anna):
    """The page reads it from the bytes that are signed; other bytes are not those that would be."""
    asked = await site.ask(anna, public_reveal=True)
    link = await site.link(asked, anna)
    await answer_with(tab, "**/view", lambda view: view | {"public_reveal": False})
    await tab.open(link)
    await expect(tab.hook("public")).to_be_visible()
    await answer_with(tab, "**/view", lambda view: view | {"terms": altered(view["terms"], reveal="no")})
    await tab.open(link)
    await tab.decide()
    await require_mismatch(tab, "terms that are said to stay private")
    await require_pending(site, asked)


async def test_whoever_was_passed_the_link_on_is_told_to_open_their_own(site, tab, anna):
    asked = await site.ask(anna, public_reveal=True)
    await tab.open(asked.url, "sign-in")
    await tab.hook("sign-in").click()
    await tab.reaches("not-approver")
    await expect(tab.page.locator("#why-not")).to_contain_text("open the link in the message")
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    await tab.reaches("recorded")
