"""The folder of pages and files is read when the app is made: what cannot be served then does not start."""

import re
import shutil

import httpx2
import jinja2
import pytest

from api.main import create_app
from api.pages import WEB
from cosignet import __version__
from tests.acme import ORIGIN, RP, Deployment
from tests.api.markup import SCRIPTS, STATIC, Tags, sri
from tests.api.world import StandIn, code_of

TEMPLATES = ("home", "approve", "register", "security")

SHOWN = """<p>{{ version }} {{ public_url }} {{ "<b>" }}</p>
{% for name in modules("approve") %}<link href="{{ asset(name) }}" integrity="{{ integrity(name) }}">{% endfor %}"""


def a_web(folder, **files):
    """A folder of pages: every template, and the given files beside them."""
    (folder / "templates").mkdir()
    (folder / "static").mkdir()
    shutil.copytree(WEB / "verify", folder / "verify")
    (folder / "static" / "style.css").write_text("")
    for name in TEMPLATES:
        (folder / "templates" / f"{name}.html").write_text(SHOWN)
    for name, text in {"approve.js": "", **files}.items():
        (folder / "static" / name).write_text(text)
    return folder


def app_of(acme, web):
    return create_app(acme.deployment, StandIn(acme), web=web)


def visit(app):
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN)


async def test_only_plain_files_of_known_kinds_are_served(acme, tmp_path):
    web = a_web(tmp_path, **{"a.js": "a", "b.html": "b", "c.js~": "c", "D.js": "d", ".e.js": "e", "f": "f"})
    (web / "static" / "g.js").symlink_to("/etc/passwd")
    (web / "static" / "h.js").mkdir()
    (web / "static" / "h.js" / "i.js").write_text("i")
    (web / "secret.js").write_text("s")
    async with visit(app_of(acme, web)) as http:
        assert (await http.get("/static/a.js")).text == "a"
        for name in ("b.html", "c.js~", "D.js", ".e.js", "f", "g.js", "h.js", "h.js/i.js", "secret.js", "../secret.js"):
            assert code_of(await http.get(f"/static/{name}")) == (404, "request.unknown_path"), name


async def test_templates_escape_and_know_the_files(acme, tmp_path):
    files = {
        "approve.js": 'import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\nimport "./d.js";',
        "a.js": '/** @typedef {import("./never.js").T} T */\n// import "./never.js";\nexport * from "./e.js";',
        "b.js": 'import { a } from "./a.js";\nconst from = "./never.js";',
        "d.js": "",
        "e.js": "import './approve.js';",
        "never.js": "",
    }
    async with visit(app_of(acme, a_web(tmp_path, **files))) as http:
        text = (await http.get("/register")).text
    assert text.startswith(f"<p>{__version__} {ORIGIN} &lt;b&gt;</p>")
    links = [attributes for tag, attributes in Tags(text).found if tag == "link"]
    assert [link["href"] for link in links] == [f"/static/{name}.js" for name in "abde"]
    assert links[0]["integrity"] == sri(files["a.js"].encode())


@pytest.mark.parametrize(
    "template",
    [
        "{{ asset('nothing.js') }}",
        "{{ integrity('nothing.js') }}",
        "{{ modules('nothing') }}",
        "{{ asset('../secret.js') }}",
        "{{ confirmation }}",
        "{{ request }}",
        "{% include 'nothing.html' %}",
        "{% if %}",
    ],
)
async def test_a_page_that_cannot_be_rendered_does_not_start(acme, tmp_path, template):
    web = a_web(tmp_path)
    (web / "templates" / "security.html").write_text(template)
    with pytest.raises((LookupError, jinja2.TemplateError)):
        app_of(acme, web)


@pytest.mark.parametrize(
    "source",
    [
        'import "./nothing.js";',
        'import { a } from "https://evil.example/a.js";',
        'import "//approve.js";',
        'import a from "a";',
        'import "../templates/approve.js";',
        'export { a } from "/static/approve.js";',
    ],
)
async def test_a_module_from_anywhere_else_does_not_start(acme, tmp_path, source):
    with pytest.raises(LookupError):
        app_of(acme, a_web(tmp_path, **{"approve.js": source}))


async def test_what_is_read_at_the_start_is_what_is_served(acme, tmp_path):
    web = a_web(tmp_path, **{"approve.js": 'import "./a.js";', "a.js": "first"})
    app = app_of(acme, web)
    (web / "static" / "a.js").write_text("second")
    async with visit(app) as http:
        assert (await http.get("/static/a.js")).text == "first"
        assert sri(b"first") in (await http.get("/")).text


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_ours_loads_nothing_that_no_page_pins(name):
    source = re.sub(r"/\*.*?\*/|//[^\n]*", "", (STATIC / name).read_text(), flags=re.DOTALL)
    assert not re.search(r"\bimport\s*\(|\bimport\.meta|\beval\b|\bnew\s+(Worker|Function)\b", source)


async def test_a_missing_folder_does_not_start(acme, tmp_path):
    with pytest.raises((OSError, jinja2.TemplateError)):
        app_of(acme, tmp_path / "nothing")
    assert create_app(Deployment(acme.database, RP, ORIGIN), StandIn(acme))
