"""The page reads base64url as the service does: one text for one value."""

import pytest

from cosignet.core.encoding import from_b64u
from cosignet.errors import Malformed

READ = ["", "AA", "AAA", "AAAA", "_-8"]
REFUSED = ["AB", "AAB", "A", "AA==", "AA=", "A+8", "A/8", " AA", "AA\n", "AA AA", "ÄA", "AAAA===="]


async def test_what_the_service_would_not_write_is_not_read(site, tab):
    await tab.page.goto(f"{site.url}/register")
    script = """async (texts) => {
      const it = await import("/static/encoding.js");
      const reads = (text) => { try { it.fromBase64url(text); return true; } catch { return false; } };
      return texts.filter(reads);
    }"""
    assert await tab.page.evaluate(script, [*READ, *REFUSED]) == READ


@pytest.mark.parametrize("text", REFUSED)
def test_the_service_refuses_the_same(text):
    with pytest.raises(Malformed):
        from_b64u(text)


@pytest.mark.parametrize("text", READ)
def test_the_service_reads_the_same(text):
    from_b64u(text)
