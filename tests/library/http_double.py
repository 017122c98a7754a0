"""A small approval service on a real socket: it speaks the HTTP protocol, keeps everything in memory, and can lie."""

import asyncio
import contextlib
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u, instant
from cosignet.core.evidence import MEDIA_TYPE
from cosignet.errors import Conflict, CosignetError, NotFound

KEY = "ck_test_0123456789"


def problem(status, code, detail="as asked for", **headers):
    body = {"type": "about:blank", "title": "refused", "status": status, "detail": detail, "code": code}
    return JSONResponse(body, status, media_type="application/problem+json", headers=headers)


@contextlib.contextmanager
def raises(kind, code):
    """Require exactly this error of the client."""
    with pytest.raises(CosignetError) as caught:
        yield caught
    assert (type(caught.value), caught.value.code) == (kind, code)


class Double:
    """`next_answers` are sent before any real one; `seen` holds (method, path, query, headers, body) of each call."""

    def __init__(self):
        self.url = ""
        self.reset()

    def reset(self):
        self.confirmations = {}
        self.by_key = {}
        self.next_answers = []
        self.seen = []
        self.documents = {}
        self.fake = None
        self.changed = asyncio.Event()

    def add(self, confirmation="c1", **changes):
        now = datetime.now(UTC)
        self.confirmations[confirmation] = {
            "id": confirmation,
            "status": "pending",
            "usable": False,
            "action": "Wire 250 EUR",
            "note": "",
            "payload": {"amount": "250.00"},
            "payload_hash": b64u(Payload.from_value({"amount": "250.00"}).hash),
            "terms_hash": "dGVybXM",
            "requester": "agent",
            "claim": "",
            "execution": "",
            "public_reveal": False,
            "external_id": "",
            "url": f"{self.url}/approve/{confirmation}",
            "created_at": instant(now),
            "deadline": instant(now + timedelta(minutes=15)),
            "valid_until": instant(now + timedelta(hours=1)),
            "decided_at": None,
            "request_event": "r",
            "outcome_event": None,
            "outcome_leaf": None,
            "consumed_at": None,
            "consumer": None,
            "votes": [],
            "warnings": [],
            **changes,
        }
        return self.confirmations[confirmation]

    def decide(self, confirmation, status, **changes):
        usable = status == "approved"
        self.confirmations[confirmation].update(
            status=status,
            usable=usable,
            decided_at=instant(datetime.now(UTC)),
            outcome_event="o",
            outcome_leaf=9,
            **changes,
        )
        self.changed.set()

    @property
    def app(self):
        base = "/v1/confirmations"
        routes = [
            Route(base, self._guarded(self.request), methods=["POST"]),
            Route(base, self._guarded(self.list), methods=["GET"]),
            Route(base + "/{id}", self._guarded(self.get), methods=["GET"]),
            Route(base + "/{id}/cancel", self._guarded(self.cancel), methods=["POST"]),
            Route(base + "/{id}/consume", self._guarded(self.consume), methods=["POST"]),
            Route(base + "/{id}/evidence", self._guarded(self.evidence), methods=["GET"]),
        ]
        return Starlette(routes=routes)

    def _guarded(self, answer):
        async def endpoint(request):
            body = await request.body()
            self.seen.append((request.method, request.url.path, dict(request.query_params), request.headers, body))
            if self.next_answers:
                return self.next_answers.pop(0)
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return problem(401, "key.unknown")
            found = request.path_params.get("id")
            if found is not None and self.fake is None and found not in self.confirmations:
                return problem(404, "confirmation.unknown")
            return await answer(request, json.loads(body or b"{}"))

        return endpoint

    async def request(self, request, body):
        key = request.headers["idempotency-key"]
        first_body, found = self.by_key.setdefault(key, (body, f"c{len(self.by_key)}"))
        if first_body != body:
            return problem(409, "idempotency.other_body")
        if found not in self.confirmations:
            shown = {name: body[name] for name in ("action", "note", "execution", "external_id") if name in body}
            payload_hash = b64u(Payload.from_value(body["payload"]).hash)
            self.add(found, payload=body["payload"], payload_hash=payload_hash, **shown)
        return JSONResponse(self.confirmations[found], 201)

    async def list(self, request, body):
        wanted = {name: value for name, value in request.query_params.items() if name in ("status", "external_id")}
        found = [c for c in self.confirmations.values() if all(c[name] == value for name, value in wanted.items())]
        start, limit = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 50))
        following = str(start + limit) if len(found) > start + limit else None
        return JSONResponse({"confirmations": found[start : start + limit], "next_cursor": following})

    async def get(self, request, body):
        found = self.confirmations[request.path_params["id"]]
        wait = float(request.query_params.get("wait", 0))
        if wait and found["status"] == "pending":
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), wait)
        return JSONResponse(found)

    async def cancel(self, request, body):
        found = self.confirmations[request.path_params["id"]]
        if found["status"] != "pending":
            return problem(409, "decision.final")
        self.decide(found["id"], "cancelled")
        return JSONResponse(found)

    async def consume(self, request, body):
        confirmation = request.path_params["id"]
        if self.fake is not None:
            return await self._consume_fake(confirmation, body)
        found = self.confirmations[confirmation]
        if body["payload_hash"] != found["payload_hash"]:
            return problem(409, "payload.mismatch")
        if found["consumer"] not in (None, body["consumer"]):
            return problem(409, "confirmation.consumed")
        found.update(consumer=body["consumer"], consumed_at=instant(datetime.now(UTC)), usable=False)
        return JSONResponse(found)

    async def _consume_fake(self, confirmation, body):
        try:
            await self.fake.consume(confirmation, body["payload_hash"], body["consumer"])
        except Conflict as error:
            return problem(409, error.code)
        return JSONResponse(self.add(confirmation, status="approved", **body))

    async def evidence(self, request, body):
        confirmation = request.path_params["id"]
        try:
            document = await self.fake.evidence(confirmation) if self.fake else self.documents.get(confirmation)
        except NotFound as error:
            return problem(404, error.code)
        if document is None:
            return JSONResponse({}, 202, headers={"Retry-After": "3"})
        return Response(document, media_type=MEDIA_TYPE)


class _Server(uvicorn.Server):
    def capture_signals(self):
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def running_double():
    double = Double()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        double.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = _Server(uvicorn.Config(double.app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield double
        server.should_exit = True
        await serving
