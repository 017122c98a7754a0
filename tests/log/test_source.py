"""What a log answers over HTTP, read by `Source`: packed or not, and whatever else a server may send."""

import gzip
from contextlib import contextmanager

import pytest

from cosignet.core.tiles import TileId, pack_entries
from cosignet.errors import Malformed, NotFound, Unavailable
from cosignet.log import source
from cosignet.log.source import Source
from tests.loopback import loopback

pytestmark = pytest.mark.timeout(60)

ENTRIES = [b"one", b"two" * 1000, b""]
BUNDLE = pack_entries(ENTRIES)
HASHES = bytes(range(64))
PACKED = {"Content-Encoding": "gzip"}


@contextmanager
def answering(*answers):
    """A server that gives these answers (status, headers, body), one after the other, and the last one for ever."""
    asked = []

    def answer(path, _):
        asked.append(path)
        return answers[min(len(asked), len(answers)) - 1]

    with loopback(answer) as url:
        yield f"{url}/log", asked


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(source, "_PAUSES", (0.0, 0.0))


def code(error, read):
    with pytest.raises(error) as caught:
        read()
    return caught.value.code


@pytest.mark.parametrize("packed", [False, True])
def test_entries_come_packed_or_not(packed):
    body, headers = (gzip.compress(BUNDLE), PACKED) if packed else (BUNDLE, {})
    with answering((200, headers, body)) as (url, asked):
        assert Source(url).entries(0, 3) == ENTRIES
    assert asked == ["/log/tile/entries/000.p/3"]


def test_hashes_come_packed_too():
    with answering((200, PACKED, gzip.compress(HASHES))) as (url, _):
        assert Source(url).tile(TileId(0, 0), 2) == HASHES


def test_what_was_packed_is_kept_as_it_is(tmp_path):
    with answering((200, PACKED, gzip.compress(BUNDLE)), (500, {}, b"")) as (url, asked):
        for _ in range(2):
            assert Source(url, tmp_path).entries(0, 3) == ENTRIES
    assert len(asked) == 1
    assert (tmp_path / "tile/entries/000.p/3").read_bytes() == BUNDLE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not packed at all", "log.unreachable"),
        (gzip.compress(BUNDLE)[:-12], "log.unreachable"),
        (gzip.compress(BUNDLE)[:10] + b"\xff" * 40, "log.unreachable"),
        (gzip.compress(BUNDLE)[:-8] + bytes(8), "log.unreachable"),
        (b"", "log.entry"),
    ],
    ids=["plain", "cut short", "spoilt", "another checksum", "empty"],
)
def test_what_cannot_be_unpacked_is_no_answer(body, expected):
    with answering((200, PACKED, body)) as (url, _):
        assert code((Unavailable, Malformed), lambda: Source(url).entries(0, 3)) == expected


@pytest.mark.parametrize("packed", [False, True])
def test_no_answer_is_read_beyond_what_a_log_can_have(monkeypatch, packed):
    monkeypatch.setattr(source, "MAX_ANSWER", 10_000)
    for size in (10_000, 10_001, 50_000_000 if packed else 20_000):
        body = gzip.compress(bytes(size)) if packed else bytes(size)
        with answering((200, PACKED if packed else {}, body)) as (url, _):
            if size > 10_000:
                with pytest.raises(Malformed, match=r"log\.tile.*more than 10000 bytes"):
                    Source(url).read("tile/0/000")
            else:
                assert len(Source(url).read("tile/0/000")) == size


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_is_asked_for_once(status):
    with answering((status, {}, b"")) as (url, asked):
        assert code(NotFound, lambda: Source(url).checkpoint()) == "log.missing"
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [(500, {}, b""), (429, {}, b""), (200, {"Content-Length": "99"}, b"cut short")])
def test_what_fails_is_asked_for_again(answer):
    with answering(answer, answer, (200, {}, b"a note")) as (url, asked):
        assert Source(url).checkpoint() == b"a note"
    assert len(asked) == 3
    with answering(answer) as (url, asked):
        assert code(Unavailable, lambda: Source(url).checkpoint()) == "log.unreachable"
    assert len(asked) == 3


@pytest.mark.parametrize("url", ["file:///etc", "ftp://127.0.0.1:1", "log.example.com", "http://127.0.0.1:1"])
def test_a_log_is_read_over_http_alone(url):
    assert code(Unavailable, lambda: Source(url).read("passwd")) == "log.unreachable"


def test_the_logs_own_keys_are_keys():
    with answering((200, {}, b"\xff\xfe\n")) as (url, _):
        assert code(Malformed, lambda: Source(url).keys()) == "log.key"


@pytest.mark.parametrize("entries", [ENTRIES[:2], [*ENTRIES, b"more"]])
def test_a_bundle_has_as_many_entries_as_were_asked_for(entries):
    with answering((200, {}, pack_entries(entries))) as (url, _):
        assert code(Malformed, lambda: Source(url).entries(0, 3)) == "log.entry"
