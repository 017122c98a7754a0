"""Bodies, read once and strictly: bounded in size, parsed under the core's JSON profile, no unknown fields.

A dependency, so that a route reads its body only after its caller is known. docs/protocol.md §1.
"""

from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.problems import TooLarge, Unreadable, WrongMediaType, malformed
from cosignet.core.canonical import MAX_DEPTH, parse
from cosignet.errors import Malformed

MAX_BODY = 256 * 1024
# A payload may use all of its own depth, and stands one level below the body.
BODY_DEPTH = MAX_DEPTH + 1

M = TypeVar("M", bound=BaseModel)


class JsonBody(Generic[M]):
    """`Depends(JsonBody(Model))`: the request's body as a `Model`.

    Raises `Unreadable`, `TooLarge`, `WrongMediaType`, and `Malformed` with `payload.…` or `request.<field>`.
    """

    def __init__(self, model: type[M]) -> None:
        self.model = model

    async def __call__(self, request: Request) -> M:
        """Read the body of this request."""
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise WrongMediaType("request.media_type", "expected a body of type application/json")
        value = _parse(await _read(request))
        try:
            return self.model.model_validate(value)
        except ValidationError as error:
            raise malformed(error.errors(include_url=False, include_context=False, include_input=False)) from error


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge("request.too_large", f"a body has at most {MAX_BODY} bytes")
    return bytes(body)


def _parse(body: bytes) -> Any:
    try:
        return parse(body, max_depth=BODY_DEPTH)
    except Malformed as error:
        if error.code == "payload.not_json":
            raise Unreadable(error.code, error.detail) from error
        raise
