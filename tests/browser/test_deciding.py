"""What an approver does on the page, and what the agent gets to know of it."""

import asyncio
import json
import re

import pytest
from playwright.async_api import expect

MINUTE = 60
LONG = {"lines": [f"line {number}: transfer of {number} EUR" for number in range(200)]}


async def test_approving_is_opening_the_link_and_touching_the_button(site, tab, anna):
    asked = await site.ask(anna, note="for the rent")
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("display-verified")).to_be_visible()
    for shown in ("250.00", "EUR", "ACME Ltd", "for the rent", asked.action):
        await expect(tab.page.locator("main")).to_contain_text(shown)
    await tab.decide()
    await tab.reaches("recorded")
    await expect(tab.hook("outcome")).to_contain_text("approved")
    await expect(tab.hook("outcome")).to_be_in_viewport()
    decided = await site.agent.wait(asked.id, MINUTE)
    assert (decided.approved, decided.usable) == (True, True)


async def test_a_rejection_reaches_the_agent_with_its_reason(site, tab, anna):
    reason = "wrong account: <b>\u202eDE89</b> – ask Ben\nfirst 😀"
    asked = await site.ask(anna)
    await tab.open(await site.link(asked, anna))
    await tab.decide("reject", reason)
    await expect(tab.hook("outcome")).to_contain_text("rejected")
    decided = await site.agent.wait(asked.id, MINUTE)
    assert (decided.status, [vote.reason for vote in decided.votes]) == ("rejected", [reason])


async def test_one_of_two_waits_for_the_other(site, tab, anna):
    ben = await site.signer("Ben")
    asked = await site.ask(anna, ben, threshold=2)
    await tab.open(await site.link(asked, anna))
    await tab.decide("approve", "fine")
    await expect(tab.hook("outcome")).to_contain_text("waits for the others")
    assert (await site.agent.get(asked.id)).status == "pending"
    # Who comes back sees what they did, and nothing to press.
    await tab.open(await site.link(asked, anna), "recorded")
    await expect(tab.hook("approve")).to_be_hidden()


async def test_the_buttons_are_locked_until_the_payload_was_read_to_its_end(site, tab, anna):
    asked = await site.ask(anna, payload=LONG)
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("payload")).to_contain_text("line 199")
    for button in ("approve", "reject"):
        await expect(tab.hook(button)).to_be_disabled()
    await tab.page.mouse.move(200, 300)
    await tab.page.mouse.wheel(0, 600)
    await tab.is_scrolled(500)
    await expect(tab.hook("approve")).to_be_disabled()
    await tab.decide()
    await tab.reaches("recorded")


async def test_a_locked_button_does_nothing_even_when_a_script_presses_it(site, tab, anna):
    asked, sent = await site.ask(anna, payload=LONG), []
    await tab.open(await site.link(asked, anna))
    tab.page.on("request", lambda request: sent.append(request.url))
    state = await tab.page.evaluate("""() => {
        const button = document.querySelector('[data-testid="approve"]');
        button.disabled = false;
        button.click();
        return document.querySelector("main").dataset.state;
    }""")
    assert (state, sent, await tab.ceremonies()) == ("ready", [], 0)


async def test_only_a_keyboard(site, tab, anna):
    asked = await site.ask(anna, payload=LONG)
    await tab.open(await site.link(asked, anna))
    async with asyncio.timeout(15):
        # A busy browser may lay out the page's end after the key was pressed.
        while await tab.hook("approve").is_disabled():
            await tab.page.keyboard.press("End")
    for _ in range(30):
        await tab.page.keyboard.press("Tab")
        if await tab.hook("reason").evaluate("it => it === document.activeElement"):
            break
    await tab.page.keyboard.type("typed")
    await tab.page.keyboard.press("Tab")
    await expect(tab.hook("reject")).to_be_focused()
    await tab.page.keyboard.press("Tab")
    await expect(tab.hook("approve")).to_be_focused()
    await tab.page.keyboard.press("Enter")
    await tab.reaches("recorded")
    assert [vote.reason for vote in (await site.agent.get(asked.id)).votes] == ["typed"]


# What goes wrong


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_somebody_who_is_not_recognised_can_try_again(site, tab, anna, decision):
    asked = await site.ask(anna)
    await tab.open(await site.link(asked, anna))
    await tab.verify_user(False)
    await tab.decide(decision, "typed before")
    await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
    await tab.reaches("ready")
    await expect(tab.hook("reason")).to_have_value("typed before")
    assert (await site.agent.get(asked.id)).status == "pending"
    await tab.verify_user(True)
    await tab.decide(decision)
    await tab.reaches("recorded")


async def test_a_ceremony_that_was_cancelled_can_be_begun_again(site, tab, anna):
    asked = await site.ask(anna)
    await tab.page.add_init_script("""
        if ("CredentialsContainer" in window) {
            const original = CredentialsContainer.prototype.get;
        CredentialsContainer.prototype.get = function (given) {
            CredentialsContainer.prototype.get = original;
            return original.call(this, {...given, signal: AbortSignal.timeout(200)});
        };
        }
    """)
    await tab.open(await site.link(asked, anna))
    await tab.touches(False)
    await tab.decide()
    await tab.reaches("signing")
    await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
    await expect(tab.page.locator("#step")).to_have_text("Waiting for your passkey …")
    await tab.reaches("ready")
    await tab.touches(True)
    await tab.decide()
    await tab.reaches("recorded")


async def test_whatever_takes_its_time_is_named(site, tab, anna):
    asked, step = await site.ask(anna), tab.hook("step")
    held = {name: asyncio.Event() for name in ("ceremonies", "votes")}

    async def hold(route):
        await held[route.request.url.rpartition("/")[2]].wait()
        await route.continue_()

    await tab.page.route(re.compile("/(ceremonies|votes)$"), hold)
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    await expect(step).to_have_text("Preparing what you will sign …")
    held["ceremonies"].set()
    await expect(step).to_have_text("Recording your signature …")
    held["votes"].set()
    await tab.reaches("recorded")
    await expect(step).to_be_hidden()


@pytest.mark.parametrize("times", [1, 3])
async def test_a_lost_answer_is_asked_for_again_and_the_vote_counts_once(site, tab, anna, times):
    asked, sent, statuses = await site.ask(anna), [], []

    async def lose(route):
        sent.append(route.request.post_data)
        answer = await route.fetch()
        statuses.append(answer.status)
        await (route.abort() if len(sent) <= times else route.fulfill(response=answer))

    await tab.page.route("**/votes", lose)
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    for _ in range(times):
        await tab.reaches("retry")
        await expect(tab.hook("approve")).to_be_hidden()
        await tab.hook("again").click()
    await tab.reaches("recorded")
    await expect(tab.hook("outcome")).to_contain_text("approved")
    assert (len(sent), len(set(sent)), set(statuses)) == (times + 1, 1, {200})
    assert len((await site.agent.get(asked.id)).votes) == 1
    assert await tab.ceremonies() == 1


async def test_a_vote_that_never_arrived_is_sent_again(site, tab, anna):
    asked = await site.ask(anna)
    await tab.page.route("**/votes", lambda route: route.abort(), times=1)
    await tab.open(await site.link(asked, anna))
    await tab.decide("reject", "no")
    await tab.reaches("retry")
    assert (await site.agent.get(asked.id)).status == "pending"
    await tab.hook("again").click()
    await expect(tab.hook("outcome")).to_contain_text("rejected")


def unavailable(route):
    return route.fulfill(status=503, body=json.dumps({"code": "temporal.unavailable", "detail": "down", "status": 503}))


async def test_a_service_that_cannot_say_what_is_asked(site, tab, anna):
    asked = await site.ask(anna)
    await tab.page.route("**/view", unavailable, times=1)
    await tab.open(await site.link(asked, anna), "error")
    await expect(tab.hook("payload")).to_be_hidden()
    await tab.hook("reload").click()
    await tab.reaches("ready")


async def test_a_service_that_cannot_issue_a_ceremony(site, tab, anna):
    """Nothing is signed, and what was typed is still there."""
    asked = await site.ask(anna)
    await tab.page.route("**/ceremonies", unavailable, times=1)
    await tab.open(await site.link(asked, anna))
    await tab.decide("reject", "not this month")
    await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
    assert await tab.ceremonies() == 0
    await expect(tab.hook("reason")).to_have_value("not this month")
    await tab.hook("reject").click()
    await tab.reaches("recorded")
    assert (await site.agent.get(asked.id)).votes[0].reason == "not this month"


async def test_a_passkey_on_another_device(site, tab, anna):
    asked = await site.ask(anna)
    await tab.plug_in()
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("elsewhere")).to_be_hidden()
    await tab.decide("approve", "fine")
    await tab.hook("elsewhere").click()
    await tab.reaches("elsewhere")
    await expect(tab.hook("back")).to_be_focused()
    await expect(tab.page.get_by_role("button", name="Copy")).to_be_visible()
    await expect(tab.hook("approve")).to_be_hidden()
    await tab.hook("back").click()
    await tab.give(anna)
    await tab.hook("approve").click()
    await tab.reaches("recorded")
    assert (await site.agent.get(asked.id)).votes[0].reason == "fine"
