"""A service that lies: the page notices before the passkey is asked, and signs nothing."""

import json

import pytest
from playwright.async_api import expect

from cosignet.core.canonical import canonicalise, parse
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.terms import challenge_of, hash_text, nonce_of


def altered(text, **changes):
    """Canonical bytes in base64url, with some members replaced."""
    return b64u(canonicalise({**parse(from_b64u(text)), **changes}))


def re_signed(ceremony, payload, **changes):
    """A ceremony over another context, consistent in itself: nonce and challenge fit it."""
    context = altered(ceremony["context"], **changes)
    nonce = nonce_of(from_b64u(context))
    challenge = b64u(challenge_of(nonce, payload))
    return {
        **ceremony,
        "context": context,
        "nonce": b64u(nonce),
        "options": {**ceremony["options"], "challenge": challenge},
    }


def payload_of(view):
    return sha256(from_b64u(view["payload_bytes"]))


OTHER = b64u(b'{"amount":"999.00"}')

VIEWS = {
    "another payload": lambda view: view | {"payload_bytes": OTHER},
    "a payload with one more space": lambda view: (
        view | {"payload_bytes": b64u(from_b64u(view["payload_bytes"]).replace(b":", b": ", 1))}
    ),
    "another payload, terms to match, of another confirmation": lambda view: (
        view
        | {
            "payload_bytes": OTHER,
            "terms": altered(view["terms"], payload=b64u(sha256(from_b64u(OTHER))), confirmation="0" * 32),
        }
    ),
    "another policy": lambda view: view | {"policy": altered(view["policy"], threshold=2)},
    "another note": lambda view: view | {"note": "for something else"},
    "terms with one more member": lambda view: view | {"terms": altered(view["terms"], extra="x")},
    "terms of another version": lambda view: view | {"terms": altered(view["terms"], v="cosignet/terms/v2")},
    "a number among the terms": lambda view: view | {"terms": altered(view["terms"], deadline=1)},
    "terms not in canonical form": lambda view: (
        view | {"terms": b64u(from_b64u(view["terms"]).replace(b'":"', b'": "', 1))}
    ),
    "terms that are no text": lambda view: view | {"terms": b64u(b"\xff\xfe")},
    "base64url with a bit too many": lambda view: view | {"payload_bytes": view["payload_bytes"] + "="},
    "nothing at all": lambda view: {},
    "a list": lambda view: [],
}

CEREMONIES = {
    "the opposite decision": lambda view, it: re_signed(it, payload_of(view), decision="reject"),
    "another approver": lambda view, it: re_signed(it, payload_of(view), approver="0" * 32),
    "other terms": lambda view, it: re_signed(it, payload_of(view), terms=b64u(bytes(32))),
    "a reason nobody gave": lambda view, it: re_signed(it, payload_of(view), reason=b64u(hash_text("yes"))),
    "somebody else's seat": lambda view, it: re_signed(it, payload_of(view), **{"for": "0" * 32}),
    "one more member": lambda view, it: re_signed(it, payload_of(view), extra="x"),
    "another version": lambda view, it: re_signed(it, payload_of(view), v="cosignet/context/v2"),
    "another payload's challenge": lambda view, it: re_signed(it, bytes(32)),
    "a challenge of another context": lambda view, it: it | {"context": altered(it["context"], random=b64u(bytes(32)))},
    "another challenge": lambda view, it: it | {"options": it["options"] | {"challenge": b64u(bytes(64))}},
    "a shorter challenge": lambda view, it: it | {"options": it["options"] | {"challenge": it["nonce"]}},
    "another nonce": lambda view, it: it | {"nonce": b64u(bytes(32))},
    "another site's passkey": lambda view, it: it | {"options": it["options"] | {"rpId": "example.com"}},
    "nothing at all": lambda view, it: {},
}


async def answer_with(tab, pattern, change):
    async def lie(route):
        answer = await route.fetch()
        assert answer.status == 200
        await route.fulfill(response=answer, body=json.dumps(change(await answer.json())))

    await tab.page.unroute(pattern)
    await tab.page.route(pattern, lie)


async def require_mismatch(tab, lie):
    await expect(tab.page.locator("main"), lie).to_have_attribute("data-state", "mismatch")
    await expect(tab.page.get_by_role("alert").filter(visible=True), lie).to_contain_text("Do not approve this")
    for button in ("approve", "reject"):
        await expect(tab.hook(button), lie).to_be_hidden()
    assert await tab.ceremonies() == 0, lie


async def require_pending(site, asked):
    found = await site.agent.get(asked.id)
    assert (found.status, found.votes) == ("pending", ())


async def test_a_view_whose_parts_do_not_belong_together(site, tab, anna):
    asked = await site.ask(anna, note="for the rent")
    link = await site.link(asked, anna)
    for lie, change in VIEWS.items():
        await answer_with(tab, "**/view", change)
        await tab.load(link)
        await require_mismatch(tab, lie)
        await expect(tab.page.locator("main"), lie).not_to_contain_text("999.00")
    await require_pending(site, asked)


@pytest.mark.parametrize("lies", [list(CEREMONIES)[:7], list(CEREMONIES)[7:]], ids=["context", "challenge"])
async def test_a_ceremony_for_something_else_than_was_touched(site, tab, anna, lies):
    asked, seen = await site.ask(anna), {}
    link = await site.link(asked, anna)
    await answer_with(tab, "**/view", lambda view: seen.setdefault("view", view))
    for lie in lies:
        await answer_with(tab, "**/ceremonies", lambda issued, lie=lie: CEREMONIES[lie](seen["view"], issued))
        await tab.open(link)
        await tab.decide()
        await require_mismatch(tab, lie)
    await require_pending(site, asked)


async def test_a_view_in_the_name_of_somebody_else(site, tab, anna):
    ben = await site.signer("Ben")
    asked = await site.ask(anna, ben)
    you = {"id": ben.person.id, "name": "Ben", "email": ben.person.email}
    await answer_with(tab, "**/view", lambda view: view | {"you": you})
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    await require_mismatch(tab, "another person")
    await require_pending(site, asked)


async def test_what_is_shown_comes_from_the_bytes_that_are_signed(site, tab, anna):
    """Copies of it beside those bytes are for other programs; the page does not look at them."""
    asked = await site.ask(anna)
    false = {"payload": {"amount": "1.00"}, "action": "Nothing much", "requester": "your own bank", "deadline": "never"}
    await answer_with(tab, "**/view", lambda view: view | false)
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("payload")).to_contain_text("250.00")
    for lie in ("1.00", "Nothing much", "your own bank", "never"):
        assert lie not in (await tab.page.locator("main").inner_text()).replace("250.00", "")


async def test_a_request_for_a_signature_without_user_verification_is_not_passed_on(site, tab, anna):
    asked = await site.ask(anna)
    discouraged = {"userVerification": "discouraged"}
    await answer_with(tab, "**/ceremonies", lambda it: it | {"options": it["options"] | discouraged})
    await tab.verify_user(False)
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    await expect(tab.page.locator("#message")).to_contain_text("Nothing was signed")
    assert (await site.agent.get(asked.id)).votes == ()
