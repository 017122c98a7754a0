"""The browser's verifier and the library say the same of forgeries: its WebCrypto is not Node's."""

import base64
import random

import pytest

from api.pages import WEB
from api.verify_page import VERIFIER, verify_page
from tests.browser.test_verify import JUDGE_ALL
from tests.soak import TIMEOUT
from tests.verifiers.forging import forge
from tests.verifiers.test_agreement import by_the_library, coarse

AT_ONCE = 100


@pytest.mark.soak
@pytest.mark.timeout(TIMEOUT)
async def test_the_page_agrees_on_forgeries(tab, soak, tmp_path):
    page = tmp_path / "cosignet-verify.html"
    page.write_bytes(verify_page(WEB).html)
    await tab.page.goto(page.as_uri())
    count = soak.amount(part=200, full=20_000)
    dice = random.Random(soak.amount(part=2, full=7))  # noqa: S311
    for done in range(0, count, AT_ONCE):
        forgeries = [forge(dice) for _ in range(AT_ONCE)]
        found = await tab.page.evaluate(JUDGE_ALL, [VERIFIER.read_text("utf-8"), [_encoded(it) for it in forgeries]])
        for forgery, (status, check) in zip(forgeries, found, strict=True):
            assert coarse((status, check)) == coarse(by_the_library(forgery))
        soak.progress(done + AT_ONCE, count)
    soak.figure("bundles", count)


def _encoded(forgery):
    trust = None if forgery.trust is None else base64.b64encode(forgery.trust).decode()
    evidence = base64.b64encode(forgery.evidence).decode()
    return {
        "evidence": evidence,
        "trust": trust,
        "payload": forgery.payload,
        "now": forgery.now,
        "email": forgery.email,
    }
