"""The pages, and the files that they load. No page holds anything of a confirmation: scripts fetch that, as JSON."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api.assets import Assets
from api.verify_page import verify_page
from cosignet import __version__
from cosignet.core.encoding import b64u, sha256

WEB = Path(__file__).parents[1] / "web"

HTML = "text/html; charset=utf-8"
# Kept, and asked about each time: what people sign on is never older than what the service serves.
CACHING = "no-cache"

_PATHS = {"/": "home", "/approve/{confirmation}": "approve", "/register": "register", "/security": "security"}


def pages_of(web: Path, public_url: str) -> APIRouter:
    """The routes of the pages in `web/templates` and the files in `web/static`, all of them read now.

    What cannot be rendered raises here (`LookupError`, `jinja2.TemplateError`), not when somebody comes to approve.
    """
    assets = Assets(web / "static")
    router = APIRouter(include_in_schema=False)
    for path, content in _render(web / "templates", assets, public_url).items():
        router.add_api_route(path, _Kept(content, HTML), methods=["GET", "HEAD"])

    verifying = verify_page(web)
    router.add_api_route("/verify", _Kept(verifying.html, HTML, verifying.headers), methods=["GET", "HEAD"])

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def static(request: Request, name: str) -> Response:
        asset = assets.find(name)
        if asset is None:
            raise HTTPException(404)
        return _answer(request, asset.content, asset.media_type)

    return router


def _render(templates: Path, assets: Assets, public_url: str) -> Mapping[str, bytes]:
    """The pages by path. They are the same for everybody: nothing in them depends on a request."""
    environment = Environment(loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined)
    context = {
        "asset": lambda name: f"/static/{assets[name].name}",
        "integrity": lambda name: assets[name].integrity,
        "modules": assets.modules,
        "scripts": assets.scripts(),
        "public_url": public_url,
        "version": __version__,
    }
    return {path: environment.get_template(f"{name}.html").render(context).encode() for path, name in _PATHS.items()}


class _Kept:
    """A route that answers the same to everybody."""

    def __init__(self, content: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._content = content
        self._media_type = media_type
        self._headers = headers or {}

    async def __call__(self, request: Request) -> Response:
        """The content, unless the caller has it."""
        answer = _answer(request, self._content, self._media_type)
        answer.headers.update(self._headers)
        return answer


def _answer(request: Request, content: bytes, media_type: str) -> Response:
    tag = f'"{b64u(sha256(content))}"'
    headers = {"ETag": tag, "Cache-Control": CACHING}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _has(request: Request, tag: str) -> bool:
    # RFC 9110 §13.1.2: a list, compared weakly, which is how a proxy that compresses names what it keeps.
    given = [item.strip() for value in request.headers.getlist("if-none-match") for item in value.split(",")]
    return "*" in given or tag in (item.removeprefix("W/") for item in given)
