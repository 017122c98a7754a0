"""The HTTP client against a service on a real socket: what it sends, what it refuses to send."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from starlette.responses import JSONResponse

from cosignet.client import CosignetClient, NotReady
from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u
from cosignet.errors import (
    Conflict,
    Malformed,
    Unavailable,
)
from tests.library.http_double import KEY, problem, raises

PAYLOAD = {"amount": "250.00", "to": "ACME GmbH"}
HASH = b64u(Payload.from_value({"amount": "250.00"}).hash)


async def ask(client, **changes):
    fields = {"action": "Wire 250 EUR", "payload": PAYLOAD, "approvers": ["anna@example.com"]}
    return await client.request(**{**fields, **changes})


async def test_request_sends_what_was_asked_and_nothing_else(client, double):
    optional = {"note": "invoice 7", "external_id": "inv-7", "claim": "invoice bot", "public_reveal": True}
    asked = await ask(client, **optional, expires_in=60, valid_for=120)
    method, path, query, headers, body = double.seen[0]
    assert (method, path, query) == ("POST", "/v1/confirmations", {})
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "action": "Wire 250 EUR",
        "payload": PAYLOAD,
        "approvers": ["anna@example.com"],
        **optional,
        "expires_in": 60,
        "valid_for": 120,
    }
    assert (asked.status, asked.usable, asked.approved, asked.final) == ("pending", False, False, False)
    assert asked.payload == PAYLOAD
    assert asked.deadline.tzinfo is UTC


async def test_request_without_key_asks_anew_and_with_key_only_once(client):
    assert (await ask(client)).id != (await ask(client)).id
    first = await ask(client, idempotency_key="invoice-7")
    assert (await ask(client, idempotency_key="invoice-7")).id == first.id
    with raises(Conflict, "idempotency.other_body"):
        await ask(client, idempotency_key="invoice-7", action="Wire 251 EUR")


async def test_lost_answer_to_a_request_is_asked_for_again_with_the_same_key(client, double):
    double.next_answers = [problem(503, "service.starting", **{"Retry-After": "0"})]
    await ask(client)
    keys = [headers["idempotency-key"] for _, _, _, headers, _ in double.seen]
    assert len(keys) == 2
    assert keys[0] == keys[1]


async def test_service_that_recorded_another_payload_is_caught(client, double):
    double.next_answers = [JSONResponse(double.add(payload_hash="AAAA"), 201)]
    with raises(Conflict, "payload.mismatch"):
        await ask(client)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"a": float("nan")}, "payload.not_finite"),
        ({"a": 2**53}, "payload.number_range"),
        ({"a": b"bytes"}, "payload.not_json"),
        ({"a": "x" * 70_000}, "payload.size"),
    ],
)
async def test_payload_that_cannot_be_signed_is_never_sent(client, double, payload, code):
    with raises(Malformed, code):
        await ask(client, payload=payload)
    assert double.seen == []


async def test_get_reads_a_decided_confirmation(client, double):
    double.add(
        status="rejected",
        decided_at="2026-01-31T12:00:00Z",
        outcome_event="o",
        outcome_leaf=9,
        votes=[{"approver": "anna", "decision": "reject", "reason": "wrong IBAN", "at": "2026-01-31T12:00:00Z"}],
        warnings=["deceiving characters in payload.to"],
    )
    found = await client.get("c1")
    assert found.decided_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (found.votes[0].approver, found.votes[0].reason) == ("anna", "wrong IBAN")
    assert found.warnings == ("deceiving characters in payload.to",)
    assert (found.request_event, found.outcome_event, found.outcome_leaf) == ("r", "o", 9)
    assert (found.final, found.approved, found.usable) == (True, False, False)


async def test_consume_is_once_for_one_consumer_and_one_payload(client, double):
    double.add(status="approved", usable=True)
    with raises(Conflict, "payload.mismatch"):
        await client.consume("c1", b64u(bytes(32)), "run-1")
    assert (await client.consume("c1", HASH, "run-1")).consumer == "run-1"
    assert (await client.consume("c1", HASH, "run-1")).consumer == "run-1"
    with raises(Conflict, "confirmation.consumed"):
        await client.consume("c1", HASH, "run-2")


@pytest.mark.parametrize(
    "change", [{"consumer": "run-2"}, {"consumer": None}, {"payload_hash": "AAAA"}, {"status": "pending"}, {"id": "c2"}]
)
async def test_consume_believes_only_the_answer_to_its_own_question(client, double, change):
    answer = double.add(**{"status": "approved", "consumer": "run-1", **change})
    double.next_answers = [JSONResponse({**answer, **change})]
    with raises(Unavailable, "answer.unexpected"):
        await client.consume("c1", HASH, "run-1")


async def test_evidence_is_bytes_or_not_there_yet(client, double):
    double.add()
    with raises(NotReady, "evidence.pending") as caught:
        await client.evidence("c1")
    assert caught.value.retry_after == 3
    assert len(double.seen) == 1
    double.documents["c1"] = b'{"any": "bytes"}'
    assert await client.evidence("c1") == b'{"any": "bytes"}'


async def test_list_pages_and_filters(client, double):
    for number in range(5):
        double.add(f"c{number}", external_id="even" if number % 2 == 0 else "odd")
    first = await client.list(external_id="even", limit=2)
    second = await client.list(external_id="even", limit=2, cursor=first.next_cursor)
    assert [c.id for c in (*first.confirmations, *second.confirmations)] == ["c0", "c2", "c4"]
    assert second.next_cursor is None
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    await client.list(status="pending", since=moment, until=moment)
    assert double.seen[-1][2] == {
        "status": "pending",
        "since": "2026-01-31T12:00:00Z",
        "until": "2026-01-31T12:00:00Z",
    }


async def test_wait_returns_as_soon_as_it_is_decided(client, double):
    double.add()
    waiting = asyncio.create_task(client.wait("c1", 20))
    await asyncio.sleep(0.2)
    double.decide("c1", "approved")
    started = time.monotonic()
    assert (await waiting).approved
    assert time.monotonic() - started < 1


async def test_wait_returns_pending_when_time_is_out(client, double):
    double.add()
    started = time.monotonic()
    assert (await client.wait("c1", 1.2)).status == "pending"
    assert 1.1 < time.monotonic() - started < 3


async def test_wait_does_not_hammer_a_service_that_never_waits(client, double):
    pending = double.add()
    double.next_answers = [JSONResponse(pending) for _ in range(100)]
    await client.wait("c1", 2.5)
    assert len(double.seen) <= 4


async def test_wait_is_capped_at_what_the_service_allows(client, double):
    double.add(status="expired")
    await client.get("c1", wait=4000)
    assert double.seen[0][2] == {"wait": "55"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "approve.example",
        "ftp://approve.example",
        "http://approve.example",
        "http://127.0.0.1.example",
        "https://user:secret@approve.example",
        "https://approve.example?key=secret",
        "https://approve.example#x",
        "https://",
        "https://approve.example\n.evil.example",
    ],
)
def test_url_that_would_leak_the_key_is_refused(url):
    with pytest.raises(Malformed) as caught:
        CosignetClient(url, KEY)
    assert caught.value.code == "client.url"


@pytest.mark.parametrize("url", ["https://approve.example", "https://approve.example:8443/base/", "http://[::1]:8000"])
def test_url_of_a_service_is_taken(url):
    CosignetClient(url, KEY)


@pytest.mark.parametrize("key", ["", "two words", "line\nfeed", "schlüssel"])
def test_api_key_that_is_none_is_refused_without_being_shown(key):
    with pytest.raises(Malformed) as caught:
        CosignetClient("https://approve.example", key)
    assert caught.value.code == "client.api_key"
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("confirmation", ["", "..", "c1/evidence", "c1?x=1", "ü", "c" * 129])
async def test_id_that_is_none_never_becomes_a_path(client, double, confirmation):
    with raises(Malformed, "client.id"):
        await client.get(confirmation)
    assert double.seen == []


@pytest.mark.parametrize("key", ["", "two words", "ü"])
async def test_idempotency_key_that_is_no_header_is_refused(client, key):
    with raises(Malformed, "client.idempotency_key"):
        await ask(client, idempotency_key=key)


async def test_closed_client_opens_again(client, double):
    double.add()
    await client.get("c1")
    await client.aclose()
    await client.aclose()
    assert (await client.get("c1")).id == "c1"


def test_missing_extra_is_named():
    code = "import sys; sys.modules['httpx2'] = None; import cosignet.client"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install cosignet[client]" in ended.stderr.splitlines()[-1]
