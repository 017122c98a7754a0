"""Errors become HTTP here and nowhere else: `application/problem+json`, RFC 9457, with a stable `code`."""

import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cosignet.errors import (
    Conflict,
    CosignetError,
    Forbidden,
    Malformed,
    NotFound,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1

# Fields of the design that nothing answers for yet; silently ignoring one would promise something.
_UNSUPPORTED = frozenset({"callback_url"})


class Unreadable(Malformed):
    """The body is not JSON at all."""


class TooLarge(Malformed):
    """The body is longer than any request of this API."""


class WrongMediaType(Malformed):
    """The body says that it is something else than JSON."""


class BadQuery(Malformed):
    """A number in the query is none, or names what is not there."""


_STATUS: dict[type[BaseException], HTTPStatus] = {
    Unreadable: HTTPStatus.BAD_REQUEST,
    BadQuery: HTTPStatus.BAD_REQUEST,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    WrongMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Malformed: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Refused: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    CosignetError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_CHALLENGES = {"key": "Bearer", "link": "Link", "invite": "Invite"}


def problem(error: CosignetError) -> Response:
    """The answer that an error is, by its class."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _CHALLENGES[error.code.split(".")[0]]
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(RETRY_AFTER)
        logger.warning("Not available: %s", error.code)
    return _answer(status, error.code, error.detail, headers)


def malformed(errors: list[Any]) -> Malformed:
    """What pydantic found, as `request.<field>` of its first finding. The input itself is not repeated."""
    first = errors[0]
    field = next((part for part in first["loc"] if isinstance(part, str)), "body")
    if first["type"] == "extra_forbidden":
        if field in _UNSUPPORTED:
            return Malformed("request.unsupported", f"this service does not do {field} yet")
        return Malformed("request.unknown_field", f"no such field: {str(first['loc'][-1])[:100]}")
    return Malformed(f"request.{field.lower().replace('-', '_')}", f"{field}: {first['msg']}")


def handle_problems(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        CosignetError: _on_cosignet_error,
        RequestValidationError: _on_validation_error,
        HTTPException: _on_http_exception,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


class LastResort:
    """Middleware: an error that nobody foresaw is answered 500 and logged without its message, which may hold data."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer what escapes."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            where = (f"  {f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__))
            logger.error("Unexpected %s\n%s", type(error).__name__, "\n".join(where))
            answer = _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal.error", "an error of this service", {})
            await answer(scope, receive, send)


async def _on_cosignet_error(request: Request, error: CosignetError) -> Response:
    return problem(error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    # The first part of a location says where the field was looked for: query, header.
    return problem(malformed([{**found, "loc": found["loc"][1:]} for found in error.errors()]))


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return _answer(status, _HTTP_CODES.get(status, "request.refused"), str(error.detail), headers)


_HTTP_CODES = {HTTPStatus.NOT_FOUND: "request.unknown_path", HTTPStatus.METHOD_NOT_ALLOWED: "request.method"}


def _methods(request: Request) -> set[str]:
    # The router stops at the first route that has the path; RFC 9110 §15.5.6 wants the methods of all of them.
    routes = iter_route_contexts(request.app.routes)
    same = (route for route in routes if route.path_regex.match(request.url.path))
    return {method for route in same for method in route.methods or ()}


def _answer(status: HTTPStatus, code: str, detail: str, headers: dict[str, str]) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, "code": code}
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, status.value, headers, media_type=MEDIA_TYPE)
