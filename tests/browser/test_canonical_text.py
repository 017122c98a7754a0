"""The page and the service write the same bytes, and mark the same characters."""

import json
import random
import string
import sys
import unicodedata

from cosignet.core.canonical import canonicalise
from cosignet.core.deception import is_deceiving

SEED = 8785
PAYLOADS = 10_000
LETTERS = (
    string.ascii_letters + '0123456789 "\\/<>&\b\f\n\r\t\x00\x1f\x7fäß\u2028\u202e\u200b€漢\ufeff\uffff😀𝒳\U0010ffff'
)
NUMBERS = [0, -0.0, 1, -1, 0.1, 1e-7, 1e-6, 123456789.125, 5e-324, 2**53 - 1, 1 - 2**53, 333333333.33333329]


def a_value(rng, depth):
    kind = rng.randrange(6 if depth else 4)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice(
            [*NUMBERS, rng.uniform(-1, 1) * 10 ** rng.randint(-300, 15), rng.randint(-(2**53) + 1, 2**53 - 1)]
        )
    if kind in (2, 3):
        return a_text(rng)
    if kind == 4:
        return [a_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {a_text(rng): a_value(rng, depth - 1) for _ in range(rng.randrange(5))}


def a_text(rng):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(8)))


async def test_ten_thousand_payloads_have_the_same_bytes_in_both_languages(site, tab):
    rng = random.Random(SEED)  # noqa: S311
    values = [{"value": a_value(rng, 4)} for _ in range(PAYLOADS)]
    expected = [canonicalise(value).decode() for value in values]
    given = [json.dumps(value) for value in values]
    await tab.page.goto(f"{site.url}/register")
    written, read = await tab.page.evaluate(
        """async ([given, expected]) => {
          const it = await import("/static/canonical.js");
          const written = given.map((text) => it.canonicalise(JSON.parse(text)));
          return [written, expected.map((text) => it.canonicalise(it.parse(text)))];
        }""",
        [given, expected],
    )
    differences = [found for found in zip(expected, written, read, strict=True) if len(set(found)) > 1]
    assert differences[:5] == []


REFUSED = [
    '{"a":1,"a":2}',
    '{"a": 1}',
    '{"b":1,"a":2}',
    '{"a":9007199254740992}',
    '{"a":9007199254740993}',
    '{"a":1e+21}',
    '{"a":1e400}',
    '{"a":1.0}',
    '{"a":-0}',
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    '{"a":"\\u0061"}',
    '{"a":NaN}',
    "",
]


async def test_what_the_service_would_not_write_is_not_read(site, tab):
    await tab.page.goto(f"{site.url}/register")
    script = """async (texts) => {
      const it = await import("/static/canonical.js");
      const reads = (text) => { try { it.parse(text); return true; } catch { return false; } };
      return texts.filter(reads);
    }"""
    assert await tab.page.evaluate(script, [*REFUSED, "{}"]) == ["{}"]


async def test_the_page_marks_the_characters_that_the_service_warns_of(site, tab):
    """Characters that this Python's Unicode does not know yet are left out: a browser may know them."""
    known = [n for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) not in ("Cn", "Cs")]
    await tab.page.goto(f"{site.url}/register")
    script = """async (points) => {
      const it = await import('/static/deception.js');
      return points.filter((point) => it.show(document.createElement("p"), String.fromCodePoint(point)));
    }"""
    marked, warned_of = set(await tab.page.evaluate(script, known)), {n for n in known if is_deceiving(chr(n))}
    assert sorted(marked ^ warned_of)[:20] == []
