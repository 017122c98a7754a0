"""One HTTP exchange with the service, repeated where that is safe, and its answer turned into data or an error."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

try:
    import httpx2
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("cosignet.client needs httpx2: pip install cosignet[client]", name=error.name) from error

from cosignet.confirmation import unexpected
from cosignet.errors import (
    Conflict,
    CosignetError,
    Forbidden,
    Malformed,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)

MAX_ANSWER = 16 * 1024 * 1024
_PAUSES = (0.2, 0.8)
_LONGEST_PAUSE = 5


class NotReady(Unavailable):
    """The service cannot answer now; ask again after `retry_after` seconds."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Call:
    """One call below /v1/confirmations; `repeatable` when the service gives a second one the first one's answer."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    idempotency_key: str = ""
    wait: float = 0
    expect: tuple[int, ...] = (200,)
    repeatable: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this call alone."""
        kind = {"Content-Type": "application/json"} if self.body is not None else {}
        return {**kind, **({"Idempotency-Key": self.idempotency_key} if self.idempotency_key else {})}

    @property
    def content(self) -> bytes | None:
        """The body's JSON."""
        return None if self.body is None else json.dumps(self.body, allow_nan=False).encode()


@dataclass(frozen=True)
class Answer:
    """Status, the `Retry-After` header and the body of one answer."""

    status: int
    retry_after_text: str
    body: bytes

    @property
    def retry_after(self) -> int:
        """Seconds; 1 when the service does not say."""
        return int(self.retry_after_text) if re.fullmatch(r"[0-9]{1,6}", self.retry_after_text) else 1


class Transport:
    """Connections to `base`, opened when they are needed. `timeout` is in seconds and for one whole exchange."""

    def __init__(self, base: str, headers: Mapping[str, str], timeout: float) -> None:
        self._base = base
        self._headers = headers
        self._timeout = timeout
        self._http: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    async def send(self, call: Call) -> Answer:
        """Make the call, twice more after a broken connection, 429 or 503 if it is `repeatable`.

        Raises the error of `cosignet.errors` that fits the status; `Unavailable` for what is not understood.
        """
        pauses = iter(_PAUSES if call.repeatable else ())
        while True:
            try:
                return _understood(await self._exchange(call), call)
            except (NotReady, TooMany) as error:
                pause = next(pauses, None)
                if pause is None or error.retry_after > _LONGEST_PAUSE:
                    raise
                await asyncio.sleep(max(pause, error.retry_after))

    async def _exchange(self, call: Call) -> Answer:
        if self._http is None:
            # The deadline below covers the whole exchange; httpx2's own would start anew with every chunk.
            self._http = httpx2.AsyncClient(headers=self._headers, timeout=None, follow_redirects=False)
        request = self._http.build_request(
            call.method, self._base + call.path, params=call.params, content=call.content, headers=call.headers
        )
        try:
            async with asyncio.timeout(self._timeout + call.wait):
                response = await self._http.send(request, stream=True)
                try:
                    return Answer(response.status_code, response.headers.get("Retry-After", ""), await _read(response))
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, TimeoutError) as error:
            raise NotReady("service.unreachable", f"no answer: {type(error).__name__}", 0) from error


_ERRORS: dict[int, type[CosignetError]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Malformed,
    415: Malformed,
    422: Malformed,
}


def _understood(answer: Answer, call: Call) -> Answer:
    """The answer, when it is one that was expected; else raise what it means."""
    if answer.status in call.expect:
        return answer
    code, detail = _problem(answer)
    if answer.status == 503:
        raise NotReady(code or "service.unavailable", detail, answer.retry_after)
    if answer.status == 429:
        raise TooMany(code or "rate.limited", detail, answer.retry_after)
    # A refusal is final for its caller: it must be the service's own, not that of something in between.
    if answer.status not in _ERRORS or not code:
        raise Unavailable(code or "answer.unexpected", f"HTTP {answer.status}: {detail}")
    raise _ERRORS[answer.status](code, detail)


def _problem(answer: Answer) -> tuple[str, str]:
    """Code and detail of an RFC 9457 problem; no code when it is none."""
    try:
        value = json.loads(answer.body)
        code, detail = value["code"], str(value.get("detail") or value.get("title"))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return "", "not a problem of this service"
    return (code if isinstance(code, str) and re.fullmatch(r"[a-z0-9_.]{1,100}", code) else ""), detail[:1000]


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise unexpected("too long")
    return bytes(body)
