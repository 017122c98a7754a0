"""Payloads that an agent, or whoever talked it into them, made to deceive or to harm: shown as text, whole."""

import pytest
from playwright.async_api import expect

MARKUP = "</dd><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>{{7*7}}<!--"


def nested(depth):
    value = "the bottom"
    for _ in range(depth):
        value = {"in": value}
    return value


async def opened(site, tab, anna, **changes):
    asked = await site.ask(anna, **changes)
    await tab.open(await site.link(asked, anna))
    await expect(tab.hook("display-verified")).to_be_visible()
    return asked


async def approves(site, tab, asked):
    await tab.decide()
    await expect(tab.hook("outcome")).to_contain_text("approved")
    assert (await site.agent.get(asked.id)).approved


async def test_markup_is_text(site, tab, anna):
    payload = {MARKUP: MARKUP, "javascript:alert(1)": ["javascript:alert(1)", {"__proto__": {"x": MARKUP}}]}
    asked = await opened(site, tab, anna, payload=payload, action=MARKUP, note=MARKUP, claim=MARKUP)
    assert (await tab.page.locator("main").inner_text()).count(MARKUP) >= 5
    assert await tab.page.locator("main :is(script, img, style)").count() == 0
    await expect(tab.hook("payload")).to_contain_text("__proto__")
    await approves(site, tab, asked)


async def test_characters_that_deceive_are_written_out(site, tab, anna):
    hidden = "\u202e\u2066\u200b\u200d\ufeff\u001b\u00ad\U000e0041\ue000\ufe0f"
    texts = [f"DE{character}89" for character in hidden]
    payload = {"zero": "a\0b", **{text: text for text in texts}}
    everything = " ".join(texts)
    await opened(site, tab, anna, payload=payload, action=everything, note=everything, claim=everything)
    shown = await tab.page.locator("main").inner_text()
    assert not set(hidden) & set(shown)
    for character in hidden:
        assert shown.count(f"DE\\u{{{ord(character):x}}}89") >= 5
    assert "a\\u{0}b" in shown
    assert await tab.page.locator("mark").count() > 50
    await expect(tab.page.locator("#deceiving")).to_be_visible()


async def test_letters_of_two_alphabets_are_marked(site, tab, anna):
    word = "p\N{CYRILLIC SMALL LETTER A}ypal"
    await opened(site, tab, anna, payload={"to": f"{word}.com"})
    await expect(tab.hook("payload").locator("mark")).to_have_text(r"\u{430}")
    await expect(tab.hook("payload")).to_contain_text(r"p\u{430}ypal.com")
    await expect(tab.page.locator("#deceiving")).to_be_visible()


async def test_ordinary_text_is_not_marked(site, tab, anna):
    text = "Überweisung an Ångström & Söhne, 漢字, Ελλάδα, Россия, עברית, 5 % – “quoted” 👍\n\tsecond line"
    await opened(site, tab, anna, payload={"text": text})
    await expect(tab.page.locator("#deceiving")).to_be_hidden()
    assert text in await tab.hook("payload").evaluate("it => it.textContent")


async def test_values_say_what_they_are(site, tab, anna):
    payload = {"a": None, "b": True, "c": "true", "d": 1.5, "e": "1.5", "f": "", "g": [], "h": {}, "i": [[1], 2]}
    await opened(site, tab, anna, payload=payload)
    shown = await tab.hook("payload").locator("dd").all_inner_texts()
    assert len(shown) == 10
    assert len({text for text, name in zip(shown, "abcdefgh", strict=False) if name}) == 8


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "x" * (64 * 1024 - len('{"text":""}'))},
        nested(32),
        {f"field {number:04}": f"value {number:04}" for number in range(2_000)},
        {"": {"": [{"": ""}]}},
    ],
    ids=["64 KiB", "depth 32", "2,000 fields", "empty names"],
)
async def test_the_largest_payloads_are_shown_whole_and_signed(site, tab, anna, payload):
    asked = await opened(site, tab, anna, payload=payload)
    shown = await tab.hook("payload").evaluate("it => it.textContent")
    for key, value in payload.items():
        assert key in shown
        assert not isinstance(value, str) or value in shown
    await approves(site, tab, asked)


async def test_nothing_is_wider_than_a_phone(site, tab, anna):
    await tab.page.set_viewport_size({"width": 320, "height": 700})
    long = "W" * 200
    await opened(site, tab, anna, payload={long: long, "deep": nested(30)}, action=long, note=long, claim=long)
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= 320
