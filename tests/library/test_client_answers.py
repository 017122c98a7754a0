"""What the HTTP client makes of answers: refusals of the service, noise from in between, silence, and lies."""

import asyncio
import logging
import time

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from cosignet.client import CosignetClient, NotReady
from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u
from cosignet.errors import (
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from tests.library.http_double import KEY, problem, raises

PAYLOAD = {"amount": "250.00", "to": "ACME GmbH"}
HASH = b64u(Payload.from_value({"amount": "250.00"}).hash)


@pytest.mark.parametrize("status", ["blessed", "APPROVED", "approved ", "", "Approved"])
async def test_unknown_status_is_an_end_and_no_approval(client, double, status):
    double.add(status=status, usable=True)
    found = await client.wait("c1", 5)
    assert (found.approved, found.usable, found.final) == (False, False, True)


@pytest.mark.parametrize(
    "change",
    [
        {"usable": "yes"},
        {"usable": 1},
        {"status": None},
        {"status": ["approved"]},
        {"votes": {}},
        {"deadline": "tomorrow"},
        {"deadline": None},
        {"payload": "text"},
        {"consumer": 7},
        {"id": "c2"},
    ],
)
async def test_answer_of_another_shape_is_not_understood(client, double, change):
    double.add(status="approved", **{"usable": True, **{k: v for k, v in change.items() if k != "status"}})
    double.confirmations["c1"].update(change)
    with raises(Unavailable, "answer.unexpected"):
        await client.get("c1")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"\xff", b"[" * 100_000, b'{"id": "c1"}'])
async def test_body_that_is_no_confirmation_is_not_understood(client, double, body):
    double.next_answers = [Response(body)]
    with raises(Unavailable, "answer.unexpected"):
        await client.get("c1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Malformed),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, Malformed),
        (415, Malformed),
        (422, Malformed),
        (418, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
    ],
)
async def test_problem_becomes_the_error_of_its_status(client, double, status, kind):
    double.next_answers = [problem(status, "some.code", "why")]
    with raises(kind, "some.code") as caught:
        await client.get("c1")
    assert "why" in caught.value.detail
    assert len(double.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 200 + 4, 302, 500])
@pytest.mark.parametrize("body", [b"", b"<html>not found</html>", b'{"code": 7}', b'{"code": "A B"}', b'["code"]'])
async def test_answer_of_something_in_between_is_never_a_refusal(client, double, status, body):
    double.add()
    location = {"Location": f"{double.url}/v1/confirmations/c1"} if status == 302 else {}
    double.next_answers = [Response(b"" if status == 204 else body, status, headers=location)]
    with raises(Unavailable, "answer.unexpected"):
        await client.get("c1")
    assert len(double.seen) == 1


async def test_wrong_key_is_told_apart_and_stays_secret(double, caplog):
    caplog.set_level(logging.DEBUG)
    async with CosignetClient(double.url, "ck_wrong_secret") as client:
        with raises(Unauthenticated, "key.unknown") as caught:
            await client.get("c1")
        assert "ck_wrong_secret" not in f"{caught.value!r}{client!r}{vars(client)!r}"
    assert "ck_wrong_secret" not in caplog.text


@pytest.mark.parametrize(("status", "kind"), [(429, TooMany), (503, NotReady)])
async def test_busy_service_is_asked_three_times_then_the_error_says_when_to_return(client, double, status, kind):
    double.next_answers = [problem(status, "busy.now", **{"Retry-After": "0"}) for _ in range(4)]
    with raises(kind, "busy.now"):
        await client.get("c1")
    assert len(double.seen) == 3


@pytest.mark.parametrize(("status", "kind"), [(429, TooMany), (503, NotReady)])
async def test_long_pause_is_left_to_the_caller(client, double, status, kind):
    double.next_answers = [problem(status, "busy.now", **{"Retry-After": "120"})]
    with raises(kind, "busy.now") as caught:
        await client.get("c1")
    assert caught.value.retry_after == 120
    assert len(double.seen) == 1


async def test_busy_service_that_recovers_is_not_noticed(client, double):
    double.add()
    double.next_answers = [problem(429, "rate.limited", **{"Retry-After": "0"}), Response(b"", 503)]
    assert (await client.get("c1")).id == "c1"


async def test_cancel_is_never_repeated(client, double):
    double.add()
    double.next_answers = [problem(503, "busy.now", **{"Retry-After": "0"})]
    with raises(NotReady, "busy.now"):
        await client.cancel("c1")
    assert len(double.seen) == 1
    assert (await client.cancel("c1")).status == "cancelled"
    with raises(Conflict, "decision.final"):
        await client.cancel("c1")


@pytest.mark.parametrize(
    "body", [{}, {"confirmations": {}, "next_cursor": None}, {"confirmations": [], "next_cursor": 1}]
)
async def test_list_of_another_shape_is_not_understood(client, double, body):
    double.next_answers = [JSONResponse(body)]
    with raises(Unavailable, "answer.unexpected"):
        await client.list()


async def test_nobody_there_is_unavailable():
    async with CosignetClient("http://127.0.0.1:9", KEY, timeout=1) as client:
        with raises(NotReady, "service.unreachable"):
            await client.get("c1")


async def test_service_that_drips_is_cut_off(client, double):
    async def drip():
        for _ in range(100):
            yield b" "
            await asyncio.sleep(0.1)

    double.next_answers = [StreamingResponse(drip()) for _ in range(3)]
    started = time.monotonic()
    async with CosignetClient(double.url, KEY, timeout=0.3) as hasty:
        with raises(NotReady, "service.unreachable"):
            await hasty.get("c1")
    assert time.monotonic() - started < 4


async def test_answer_without_end_is_cut_off(client, double):
    async def flood():
        for _ in range(40):
            yield b"x" * 1_000_000
            await asyncio.sleep(0)

    double.next_answers = [StreamingResponse(flood())]
    with raises(Unavailable, "answer.unexpected"):
        await client.evidence("c1")


async def test_broken_connection_is_tried_again(double):
    """The first connection dies unanswered, the next one reaches the service."""
    connections = []
    host, port = double.url.removeprefix("http://").split(":")

    async def relay(reader, writer):
        connections.append(writer)
        if len(connections) > 1:
            up_reader, up_writer = await asyncio.open_connection(host, port)
            up_writer.write(await reader.read(65536))
            writer.write(await up_reader.read(65536))
            up_writer.close()
        writer.close()

    double.add()
    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with CosignetClient(url, KEY, timeout=2) as client:
            assert (await client.get("c1")).id == "c1"
    assert len(connections) == 2
