"""What holds for every request and every answer, whoever made it: cross-site requests, security headers.

Sources: W3C Fetch Metadata, RFC 6454 (Origin), RFC 6797 (HSTS), CSP Level 3, Trusted Types.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from cosignet.errors import Forbidden

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# The public log is for everybody's pages too.
PUBLIC = "/public/"
PUBLIC_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
# What one page, which is a whole in itself, says of itself.
OWN = frozenset({"Content-Security-Policy"})
# Where a route does not say otherwise of an answer that is the same for everybody.
CACHING = "no-store"
# Without includeSubDomains: other hosts below this one are not ours to decide about.
HSTS = "max-age=63072000"

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Middleware: the headers above on every answer, kept nowhere by default.

    HSTS only where people reach this installation by https.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = {**SECURITY_HEADERS, **({"Strict-Transport-Security": HSTS} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the headers on the way back."""

        async def secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = {name: headers[name] for name in OWN if name in headers}
                headers.update({**self._headers, **own})
                if scope["path"].startswith(PUBLIC):
                    headers.update(PUBLIC_HEADERS)
                headers.setdefault("Cache-Control", CACHING)
            await send(message)

        await self._app(scope, receive, secure)


class SameSite:
    """Middleware: what a page of another site sends is refused, unless it only reads.

    Programs that are no browser send neither header, and pass: they hold no ambient authority to abuse.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with `request.cross_site`."""
        if scope["type"] != "http" or self._allows(scope["method"], Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            refusal = Forbidden("request.cross_site", "a page of another site may not do this")
            await problem(refusal)(scope, receive, send)

    def _allows(self, method: str, headers: Headers) -> bool:
        if method in _SAFE:
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        return origin is None or origin in self._origins
