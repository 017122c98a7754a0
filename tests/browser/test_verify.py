"""The page /verify: what it says of evidence, online and saved, and that it asks nobody."""

import base64
import json
from pathlib import Path

import pytest
from playwright.async_api import Error, expect

from api.pages import WEB
from api.verify_page import VERIFIER, verify_page

FOLDER = Path(__file__).parents[1] / "vectors" / "evidence"
CASES = sorted(folder.name for folder in FOLDER.iterdir())
APPROVED = FOLDER / "approved_two_of_three"
PUBLIC = FOLDER / "revealed"
FALSE = FOLDER / "payload_another_fail_payload.hash"

JUDGE_ALL = """async ([source, cases]) => {
  const { judge } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const judged = [];
  for (const { evidence, trust, payload, now, email } of cases) {
    const expectedPayload = payload === null ? null : new TextEncoder().encode(payload);
    const trusted = trust === null ? null : bytes(trust);
    const { exit, check } = await judge(bytes(evidence), trusted, { expectedPayload, now, email });
    judged.push([exit, check]);
  }
  return judged;
}"""


async def give(tab, *files):
    for file in files:
        await tab.page.set_input_files("#trust" if file.name.endswith("trust.json") else "#evidence", file)


async def judged(tab, status):
    await expect(tab.page.locator(f'main[data-exit="{status}"]')).to_be_visible()
    return await tab.page.get_by_test_id("verdict").text_content()


async def test_a_genuine_approval_is_explained(site, tab):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, APPROVED / "trust.json", APPROVED / "evidence.json")
    assert await judged(tab, 0) == "Authentic: approved"
    text = await tab.page.inner_text("main")
    for said in ("Alice", "Matches the order", "Pay an invoice", "Proven", "Not proven", "Every check:", "root"):
        assert said in text
    states = await tab.page.locator("[data-check]").evaluate_all("items => items.map((item) => item.dataset.is)")
    assert "passed" in states
    assert not {"failed", "not reached"} & set(states)
    entry = json.loads((APPROVED / "evidence.json").read_bytes())["outcome"]
    assert await tab.page.locator("#path-steps li").count() == len(entry["proof"]) + 2


async def test_a_false_one_names_its_check_and_shows_what_was_not_reached(site, tab):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, FALSE / "trust.json", FALSE / "evidence.json")
    assert await judged(tab, 1) == "False"
    await expect(tab.page.locator('[data-check="payload.hash"][data-is="failed"]').first).to_be_visible()
    assert await tab.page.locator('[data-is="not reached"]').count() > 10
    assert await tab.page.locator("#what").is_hidden()


async def test_without_trust_it_is_consistent_at_most(site, tab):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, APPROVED / "evidence.json")
    assert await judged(tab, 3) == "Consistent, not authenticated: approved"
    await give(tab, APPROVED / "trust.json")
    assert await judged(tab, 0) == "Authentic: approved"


async def test_whoever_knows_an_address_sees_whether_it_is_an_approvers(site, tab):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, PUBLIC / "trust.json", PUBLIC / "evidence.json")
    assert await judged(tab, 0) == "Authentic: approved"
    states = '[data-check="email.expected"]'
    await expect(tab.page.locator(states)).to_have_attribute("data-is", "not checked")
    for email, answer, state in (("Alice@example.com", "Yes. ", "passed"), ("eve@example.com", "No. ", "failed")):
        await tab.page.get_by_test_id("email").fill(email)
        await tab.page.get_by_test_id("check-email").click()
        await expect(tab.page.get_by_test_id("guessed")).to_contain_text(answer)
        await expect(tab.page.get_by_test_id("guessed")).to_contain_text(email)
        await expect(tab.page.locator(states)).to_have_attribute("data-is", state)
        # It is no less authentic for being somebody else's.
        assert await judged(tab, 0) == "Authentic: approved"


async def test_an_answer_about_another_file_is_not_shown(site, tab):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, PUBLIC / "evidence.json")
    assert await judged(tab, 3) == "Consistent, not authenticated: approved"
    await tab.page.get_by_test_id("email").fill("alice@example.com")
    await tab.page.evaluate("document.getElementById('guess-form').requestSubmit()")
    await expect(tab.page.get_by_test_id("guessed")).to_have_text("Checking …")
    await give(tab, PUBLIC / "trust.json")
    assert await judged(tab, 0) == "Authentic: approved"
    await expect(tab.page.get_by_test_id("check-email")).to_be_enabled()
    await expect(tab.page.get_by_test_id("guessed")).to_have_text("")


@pytest.mark.parametrize(
    ("evidence", "trust", "status"),
    [
        ("approved_two_of_three", "approved_two_of_three", 0),
        ("address_hashed_once_fail_leaf.record", "revealed", 1),
        ("revealed", "trusted_another_organisation_fail_trust.audience", 3),
    ],
)
async def test_nobody_is_asked_for_an_address_where_no_answer_means_anything(site, tab, evidence, trust, status):
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, FOLDER / trust / "trust.json", FOLDER / evidence / "evidence.json")
    await judged(tab, status)
    await expect(tab.page.get_by_test_id("email")).to_be_hidden()


async def test_what_is_no_evidence_is_said_to_be_none(site, tab, tmp_path):
    await tab.page.goto(f"{site.url}/verify")
    (tmp_path / "evidence.json").write_bytes(b"\xff\x00")
    await give(tab, tmp_path / "evidence.json")
    assert await judged(tab, 2) == "Cannot be read"
    (tmp_path / "larger.json").write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    await give(tab, tmp_path / "larger.json")
    await expect(tab.page.get_by_role("alert")).to_contain_text("larger than evidence can be")


async def test_what_evidence_says_is_shown_as_text(site, tab):
    odd = FOLDER / "approved_odd_payload"
    await tab.page.goto(f"{site.url}/verify")
    await give(tab, odd / "trust.json", odd / "evidence.json")
    await judged(tab, 0)
    assert "\u202e" not in await tab.page.inner_text("main")


async def test_what_is_public_of_a_confirmation_is_found_by_its_id(site, tab, anna):
    asked = await site.ask(anna)
    await tab.page.goto(f"{site.url}/verify?id={asked.id}")
    await expect(tab.page.get_by_role("alert")).to_contain_text("not decided yet")
    await tab.open(await site.link(asked, anna))
    await tab.decide()
    await tab.reaches("recorded")
    await tab.page.goto(f"{site.url}/verify?id={asked.id}")
    assert await judged(tab, 3) == "Consistent, not authenticated: approved"
    await tab.page.goto(f"{site.url}/verify?id=unknown")
    await expect(tab.page.get_by_role("alert")).to_contain_text("no public evidence")


@pytest.fixture
def saved(tmp_path):
    """The page as a file, as a browser saves it."""
    page = tmp_path / "cosignet-verify.html"
    page.write_bytes(verify_page(WEB).html)
    return page


async def test_a_saved_copy_works_without_a_network(tab, saved):
    await tab.page.context.set_offline(True)
    await tab.page.goto(saved.as_uri())
    await expect(tab.page.locator("#who")).to_contain_text("a file on your device")
    await give(tab, APPROVED / "trust.json", APPROVED / "evidence.json")
    assert await judged(tab, 0) == "Authentic: approved"


async def test_a_browser_judges_every_bundle_as_the_corpus_says(tab, saved):
    await tab.page.goto(saved.as_uri())
    expected = [json.loads((FOLDER / name / "expected.json").read_bytes()) for name in CASES]
    cases = [
        {**_encoded(name), "payload": told["payload"], "now": told["now"], "email": told["email"]}
        for name, told in zip(CASES, expected, strict=True)
    ]
    found = await tab.page.evaluate(JUDGE_ALL, [VERIFIER.read_text("utf-8"), cases])
    wanted = [[told["exit"], told.get("check")] for told in expected]
    assert dict(zip(CASES, found, strict=True)) == dict(zip(CASES, wanted, strict=True))


def _encoded(name):
    return {
        part: base64.b64encode((FOLDER / name / f"{part}.json").read_bytes()).decode() for part in ("evidence", "trust")
    }


async def test_the_page_may_run_its_own_script_and_no_other(site, tab):
    response = await tab.page.goto(f"{site.url}/verify")
    policy = response.headers["content-security-policy"]
    for rule in ("default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self'"):
        assert rule in policy
    for loose in ("unsafe", "*", "http:", "data:", "blob:"):
        assert loose not in policy
    # Trusted Types refuse what the hash would let pass.
    with pytest.raises(Error, match="TrustedScript"):
        await tab.page.evaluate("document.createElement('script').textContent = 'window.ran = true'")
    await tab.page.goto("about:blank")
