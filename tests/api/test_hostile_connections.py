"""The real process against what is hardly HTTP: it answers with a refusal, stays small, and goes on serving others."""

import asyncio
import json
import re
from pathlib import Path

import httpx2
import pytest

from store.api_keys import create_api_key
from store.database import Database
from tests.acme import found_acme
from tests.api.test_process import ready, started

MIB = 1024 * 1024
LONG = b" " * 65_536


@pytest.fixture(scope="module")
async def process(tmp_path_factory, temporal_env):
    """One process for all tests here, whose log is looked at in the end."""
    folder = tmp_path_factory.mktemp("hostile")
    database = Database(f"sqlite:///{folder}/cosignet.db")
    await database.migrate()
    acme = await found_acme(database)
    async with database.write() as tx:
        at = await database.clock(tx)
        _, key = await create_api_key(tx, acme.organisation.id, name="agent", owner=None, at=at)
    await database.close()
    address = temporal_env.client.service_client.config.target_host
    async with started(folder, TEMPORAL_ADDRESS=address) as process:
        await ready(process)
        process.key = key
        yield process
    log = (folder / "log").read_text()
    assert "Traceback" not in log
    assert "internal.error" not in log


def head(process, *lines, path="/v1/confirmations", method="POST"):
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", f"X-Api-Key: {process.key}", *lines, "", "")
    return "\r\n".join(lines).encode("latin-1")


async def send(process, *parts):
    """Status and code of the answer; the code of what never came as far as the application is empty."""
    port = int(process.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writing = asyncio.create_task(_write(writer, parts))
    try:
        async with asyncio.timeout(30):
            answer = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", answer)
            body = await reader.readexactly(int(length[1])) if length else b""
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        writer.close()
    problem = json.loads(body) if "application/problem+json" in answer else {}
    return int(answer.split()[1]), problem.get("code", "")


async def _write(writer, parts):
    for part in parts:
        writer.write(part)
        await writer.drain()


def peak(process):
    """The most memory that the process has ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


async def goes_on(process):
    async with httpx2.AsyncClient(base_url=process.url, headers={"X-Api-Key": process.key}) as http:
        assert (await http.get("/v1/confirmations")).status_code == 200


async def test_a_body_that_says_how_long_it_is_and_is_too_long(process):
    sized = head(process, f"Content-Length: {2 * MIB}")
    assert await send(process, sized, *[LONG] * 32) == (413, "request.too_large")
    await goes_on(process)


async def test_a_body_without_length_and_without_end_leaves_the_process_small(process):
    before = peak(process)
    chunk = b"10000\r\n" + LONG + b"\r\n"
    endless = [head(process, "Transfer-Encoding: chunked"), *[chunk] * 1024]
    answers = await asyncio.gather(*(send(process, *endless) for _ in range(20)))
    assert set(answers) == {(413, "request.too_large")}
    assert peak(process) - before < 32 * MIB
    await goes_on(process)


async def test_a_body_that_never_comes_keeps_nobody_waiting(process):
    port = int(process.url.rpartition(":")[2])
    waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in waiting:
        writer.write(head(process, "Content-Length: 100") + b"{")
    await goes_on(process)
    for _, writer in waiting:
        writer.close()


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"1\r\nxx", b"0x2\r\n", b"f" * 21 + b"\r\n"])
async def test_chunks_that_are_none(process, chunk):
    status, _ = await send(process, head(process, "Transfer-Encoding: chunked"), chunk)
    assert status == 400
    await goes_on(process)


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-{n}: {'x' * 1_000}" for n in range(200)],
        ["X: " + "x" * 1_000_000],
        ["X: a\x00b"],
        ["X a: b"],
        ["no colon"],
        ["Content-Length: -1"],
        ["Content-Length: 1", "Content-Length: 2"],
        ["Content-Length: 9" + "9" * 30],
        ["Transfer-Encoding: gzip"],
        ["Transfer-Encoding: chunked, gzip"],
        ["Host: another.example"],
    ],
)
async def test_headers_that_are_none_or_too_many(process, lines):
    status, _ = await send(process, head(process, *lines))
    assert status in (400, 413, 431, 501)
    await goes_on(process)


async def test_many_headers_that_fit_change_nothing(process):
    lines = [f"X-{n}: {'x' * 20}" for n in range(1_000)]
    assert await send(process, head(process, *lines, "Content-Length: 2"), b"[]") == (422, "request.body")
    assert await send(process, head(process, "X-Api-Key: another", "Content-Length: 2"), b"[]") == (422, "request.body")


@pytest.mark.parametrize(
    "path", ["/" + "a" * 1_000_000, "/v1/confirmations?" + "limit=1&" * 20_000, "no slash", "/\x00"]
)
async def test_paths_that_are_none_or_too_long(process, path):
    status, _ = await send(process, head(process, path=path, method="GET"))
    assert status in (400, 404, 414)
    await goes_on(process)


async def test_a_body_and_a_length_that_differ_are_two_requests_at_most(process):
    """What stands behind the body is a request of its own, and this one is none."""
    smuggled = head(process, "Content-Length: 2") + b"[]" + b"POST /v1/confirmations\r\n\r\n"
    assert await send(process, smuggled) == (422, "request.body")
    both = head(process, "Content-Length: 2", "Transfer-Encoding: chunked") + b"2\r\n[]\r\n0\r\n\r\n"
    assert (await send(process, both))[0] in (400, 422)
    await goes_on(process)
