"""The pages and what they load: the same for everybody, pinned by hash, and nothing of any confirmation in them."""

import re

import httpx2
import pytest

from api.guard import SECURITY_HEADERS
from tests.acme import ORIGIN
from tests.api.markup import SCRIPTS, STATIC, Tags, sri
from tests.api.world import code_of

PAGES = ["/", "/approve/" + "0" * 32, "/register", "/security"]


@pytest.fixture
async def visitor(world):
    """Somebody with a browser. The document does not describe pages, so its contract is not asked."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app), base_url=ORIGIN) as http:
        yield http


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_html_and_guarded(visitor, path):
    response = await visitor.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers.get_list("cache-control") == ["no-cache"]
    assert {name: response.headers.get_list(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_obeys_its_own_policy(visitor, path):
    """No script, style or handler inside it, nothing of other sites, every file pinned by the hash of its bytes."""
    tags = Tags((await visitor.get(path)).text).found
    assert not [tag for tag, _ in tags if tag in ("style", "base", "iframe", "object", "embed")]
    assert not [
        name for _, attributes in tags for name in attributes if name in ("style", "action") or name.startswith("on")
    ]
    for tag, attributes in tags:
        loaded = attributes.get("src") or (tag == "link" and attributes["href"])
        assert loaded or tag not in ("script", "link")
        if loaded:
            response = await visitor.get(loaded)
            assert (response.status_code, loaded.startswith("/static/")) == (200, True)
            if attributes.get("rel") != "icon" and tag != "img":
                assert attributes["integrity"] == sri(response.content), loaded
    assert all(a["type"] == "module" for tag, a in tags if tag == "script")


@pytest.mark.parametrize("page", ["approve", "register"])
async def test_every_module_that_runs_is_pinned_before_it_is_asked_for(visitor, page):
    tags = Tags((await visitor.get(f"/{page}" + "/x" * (page == "approve"))).text).found
    pinned = {a["href"].removeprefix("/static/") for tag, a in tags if a.get("rel") == "modulepreload"}
    reached, unread = set(), [f"{page}.js"]
    while unread:
        source = (STATIC / unread.pop()).read_text()
        unread += (found := set(re.findall(r'from "\./([^"]+)"', source)) - reached)
        reached |= found
    assert pinned == reached != set()
    assert [tag for tag, a in tags if tag == "script" or a.get("rel") == "modulepreload"][-1] == "script"


async def test_the_page_of_a_confirmation_is_the_same_for_every_id(world, visitor):
    asked = await world.asked(note="nobody reads this here")
    anna = await world.link(asked["id"])
    pages = [
        await visitor.get(f"/approve/{name}", headers=headers)
        for name, headers in [(asked["id"], {}), (asked["id"], anna), ("0" * 32, {}), ("x", {}), ("%22%3E%3Cb%3E", {})]
    ]
    assert len({(page.status_code, page.content, *page.headers.raw) for page in pages}) == 1
    assert asked["id"] not in pages[0].text


async def test_every_script_is_listed_with_its_hash(visitor):
    text = (await visitor.get("/security")).text
    for name in SCRIPTS:
        assert f"<b>{name}</b>" in text
        assert sri((STATIC / name).read_bytes()) in text


async def test_what_runs_where_people_sign_can_be_read_in_one_sitting(visitor):
    page = (await visitor.get("/approve/x")).text
    names = set(re.findall(r'/static/([^"]+\.js)"', page))
    lines = sum(len((STATIC / name).read_text().splitlines()) for name in names)
    assert {"approve.js", "terms.js"} < names
    assert lines < 600
    assert f"{lines}\n    lines in all" in (await visitor.get("/security")).text


async def test_pages_only_read(visitor):
    for path in (*PAGES, "/static/approve.js"):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            response = await visitor.request(method, path)
            assert code_of(response) == (405, "request.method")
            assert response.headers["allow"] == "GET, HEAD"
        head, get = await visitor.head(path), await visitor.get(path)
        assert (head.status_code, dict(head.headers)) == (200, dict(get.headers))


@pytest.mark.parametrize("path", ["/approve", "/approve/", "/approve/x/y", "/register/", "/register/x", "/security/"])
async def test_there_are_no_other_pages(visitor, path):
    assert code_of(await visitor.get(path)) == (404, "request.unknown_path")


async def test_the_document_describes_no_pages(visitor):
    paths = (await visitor.get("/openapi.json")).json()["paths"]
    assert all(path.startswith(("/v1/", "/public/log/")) or path in PROBES for path in paths)


PROBES = {"/healthz", "/readyz", "/status", "/metrics"}


# Files


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
async def test_a_file_is_served_as_it_is(visitor, path):
    response = await visitor.get(f"/static/{path.name}")
    assert response.content == path.read_bytes()
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    assert response.headers["content-type"] == kinds[path.suffix]
    assert response.headers.get_list("cache-control") == ["no-cache"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r'"[\w-]{43}"', response.headers["etag"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "%2e%2e",
        "%2e%2e%2ftemplates%2fpage.html",
        "..%2ftemplates%2fpage.html",
        "..%5ctemplates%5cpage.html",
        "%2fetc%2fpasswd",
        "approve.js%00",
        "approve.js%0a",
        "approve.js/",
        "APPROVE.JS",
        "approve.js.map",
        "page.html",
        "%ff",
        "a" * 5000,
    ],
)
async def test_nothing_else_is_served(visitor, path):
    assert code_of(await visitor.get(f"/static/{path}")) == (404, "request.unknown_path")


@pytest.mark.parametrize("path", [*PAGES, "/static/approve.js"])
async def test_what_is_kept_is_asked_about_and_not_sent_again(visitor, path):
    first = await visitor.get(path)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', f'"x",W/{tag}', "*"):
        again = await visitor.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b""), known
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "no-cache"
        assert again.headers["content-security-policy"] == SECURITY_HEADERS["Content-Security-Policy"]
    for other in ('"x"', tag[1:-1], tag.lower() + "x", "", tag.replace('"', "'")):
        again = await visitor.get(path, headers={"If-None-Match": other})
        assert (again.status_code, again.content) == (200, first.content), other
