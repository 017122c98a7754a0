"""A typed client of the HTTP API, for agents in any framework.

    async with CosignetClient("https://approve.example", api_key) as cosignet:
        asked = await cosignet.request(action="Wire 250 EUR", payload=transfer, approvers=["anna@example.com"])
        decided = await cosignet.wait(asked.id, 900)

The service's word is a claim. Whoever acts on an approval verifies its evidence (`cosignet.core.verdict.verify`)
and consumes it first. Secrets travel in headers alone, so that nothing that logs a URL logs a secret.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from cosignet import __version__
from cosignet._http import Call, NotReady, Transport
from cosignet.confirmation import Confirmation, Page, read_confirmation, read_page, unexpected
from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u, instant
from cosignet.errors import Conflict, Malformed

__all__ = ["Confirmation", "CosignetClient", "NotReady", "Page"]

MAX_WAIT = 55
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class CosignetClient:
    """Speaks to one service with one API key. Opens connections when they are needed; close it, or use `async with`.

    `url` is the service's public URL (https, or http on this machine), `timeout` the seconds that one exchange may
    take, a long-poll's waiting aside. Raises `Malformed` with `client.url` or `client.api_key`.

    Every method raises the errors of `cosignet.errors` by the answer's status, and `Unavailable` for whatever is not
    understood. Calls that may safely be repeated are, twice, after a broken connection, 429 or 503.
    """

    def __init__(self, url: str, api_key: str, *, timeout: float = 10.0) -> None:
        base = _checked_url(url) + "/v1/confirmations"
        if not re.fullmatch(r"[!-~]{1,500}", api_key):
            raise Malformed("client.api_key", "an API key has no spaces and only ASCII characters")
        headers = {"Authorization": f"Bearer {api_key}", "User-Agent": f"cosignet-python/{__version__}"}
        self._transport = Transport(base, headers, timeout)

    async def __aenter__(self) -> "CosignetClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The client can be used again; it opens new ones."""
        await self._transport.aclose()

    async def request(
        self,
        *,
        action: str,
        payload: Mapping[str, Any],
        approvers: Sequence[str] = (),
        policy: str = "",
        threshold: int | None = None,
        note: str = "",
        expires_in: int = 900,
        valid_for: int = 3600,
        execution: str = "",
        external_id: str = "",
        claim: str = "",
        public_reveal: bool = False,
        idempotency_key: str | None = None,
    ) -> Confirmation:
        """Ask for approval of exactly `payload`. `approvers` or `policy` say whose; times are seconds.

        `claim` is what the caller says of itself, `external_id` its own name for the request. `public_reveal` makes an
        approval public, for ever: everybody who knows its id may read action, payload, note and reasons.
        `idempotency_key` lets a caller repeat the request after its own crash; without one, each call asks anew.
        Raises `Malformed("payload.…")` before anything is sent, and `Conflict("payload.mismatch")` when the service
        recorded another payload than the one asked about.
        """
        asked = Payload.from_value(dict(payload))
        optional = {
            "approvers": list(approvers),
            "policy": policy,
            "threshold": threshold,
            "note": note,
            "execution": execution,
            "external_id": external_id,
            "claim": claim,
            "public_reveal": public_reveal,
        }
        body = {
            "action": action,
            "payload": asked.value,
            "expires_in": expires_in,
            "valid_for": valid_for,
            **{key: value for key, value in optional.items() if value not in ("", [], None, False)},
        }
        key = _checked_key(uuid.uuid4().hex if idempotency_key is None else idempotency_key)
        answer = await self._transport.send(Call("POST", "", body=body, idempotency_key=key, expect=(200, 201)))
        confirmation = read_confirmation(answer.body)
        if confirmation.payload_hash != b64u(asked.hash):
            raise Conflict("payload.mismatch", "the service recorded another payload than the one asked about")
        return confirmation

    async def get(self, confirmation: str, wait: float = 0) -> Confirmation:
        """Where a confirmation stands, answered as soon as it is decided or after `wait` seconds (at most 55)."""
        seconds = min(max(wait, 0), MAX_WAIT)
        params = {"wait": str(int(seconds))} if seconds >= 1 else {}
        return await self._confirmation(Call("GET", _path(confirmation), params=params, wait=seconds), confirmation)

    async def wait(self, confirmation: str, seconds: float) -> Confirmation:
        """Long-poll until it is decided or `seconds` are over: look at `status`, it may still be `pending`."""
        end = time.monotonic() + seconds
        while True:
            asked_at = time.monotonic()
            found = await self.get(confirmation, wait=min(end - asked_at, 25))
            if found.final or time.monotonic() >= end:
                return found
            # A service that does not wait with us must not be asked in a tight loop.
            await asyncio.sleep(max(0, min(asked_at + 1, end) - time.monotonic()))

    async def list(
        self,
        *,
        status: str | None = None,
        external_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """One page of this key's confirmations, newest first."""
        params = {
            "status": status,
            "external_id": external_id,
            "since": instant(since) if since else None,
            "until": instant(until) if until else None,
            "cursor": cursor,
            "limit": None if limit is None else str(limit),
        }
        call = Call("GET", "", params={key: value for key, value in params.items() if value is not None})
        return read_page((await self._transport.send(call)).body)

    async def cancel(self, confirmation: str) -> Confirmation:
        """Withdraw the request. Raises `Conflict` when it is decided already."""
        return await self._confirmation(Call("POST", _path(confirmation, "/cancel"), repeatable=False), confirmation)

    async def consume(self, confirmation: str, payload_hash: str, consumer: str) -> Confirmation:
        """Use the approval up, once and for `consumer` alone, who may repeat the call.

        `payload_hash` (base64url) is that of what is about to run. Raises `Conflict` for another payload, another
        consumer, or an approval that is not usable.
        """
        body = {"payload_hash": payload_hash, "consumer": consumer}
        found = await self._confirmation(Call("POST", _path(confirmation, "/consume"), body=body), confirmation)
        if not found.approved or (found.consumer, found.payload_hash) != (consumer, payload_hash):
            raise unexpected("not what consuming this approval answers")
        return found

    async def evidence(self, confirmation: str) -> bytes:
        """The evidence document, to be verified. Raises `NotReady("evidence.pending")` while its receipt is missing."""
        answer = await self._transport.send(Call("GET", _path(confirmation, "/evidence"), expect=(200, 202)))
        if answer.status == 202:
            raise NotReady("evidence.pending", "the decision is not in the log yet", answer.retry_after)
        return answer.body

    async def _confirmation(self, call: Call, confirmation: str) -> Confirmation:
        found = read_confirmation((await self._transport.send(call)).body)
        if found.id != confirmation:
            raise unexpected("about another confirmation")
        return found


def _path(confirmation: str, rest: str = "") -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", confirmation):
        raise Malformed("client.id", "an id has 1 to 128 letters, digits, - and _")
    return f"/{confirmation}{rest}"


def _checked_key(key: str) -> str:
    if not re.fullmatch(r"[!-~]{1,255}", key):
        raise Malformed("client.idempotency_key", "1 to 255 ASCII characters, no spaces")
    return key


def _checked_url(url: str) -> str:
    parts = _URL.fullmatch(url)
    if parts is None or (parts["scheme"] == "http" and parts["host"] not in _LOOPBACK):
        raise Malformed("client.url", "expected https://host, or http:// on this machine, and no password in it")
    return url.rstrip("/")
