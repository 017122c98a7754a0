"""Bodies made to be read in two ways, or to cost too much: each is refused by name, on every route, at every depth."""

import gzip
import json
import re

import pytest

from tests.api.test_nonsense import MARK, bodies, paths, with_nonsense
from tests.api.world import code_of

# None of these bodies comes as far as a database.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

HOSTILE = {
    "payload.duplicate_key": [b'{"a": 1, "a": 2}', b'{"a": 1, "\\u0061": 2}', b'[{"": 0, "": 0}]'],
    "payload.depth": [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 30_000 + b"1" + b"}" * 30_000],
    "payload.number_range": [b"9007199254740992", b"-9007199254740993", b"1e400", b"-1e400", b"9" * 5_000],
    "payload.not_finite": [b"NaN", b"Infinity", b"-Infinity"],
    "payload.surrogate": [b'"\\ud800"', b'"\\udc00\\ud800"', b'{"\\udfff": 1}', b'["\\ud83d"]'],
}
NOT_JSON = [
    b"",
    b"\x00",
    b'"\x00"',
    b'"\n"',
    b"\xff",
    b'"\xed\xa0\x80"',
    b'"\xc0\xaf"',
    b"'x'",
    b"undefined",
    b"01",
    b"0x10",
    b"+1",
    b".5",
    b"[1,]",
    b'{"a": 1,}',
    b"1 // one",
    b'"\\x41"',
]


def written(body, place, raw):
    """The bytes of `body` with these in one place."""
    return with_nonsense(body, place, MARK).encode().replace(MARK.encode(), raw)


def some(texts, place):
    """All of them in place of the whole body, one in each place inside, where the same parser reads on."""
    return texts if not place else [texts[len(str(place)) % len(texts)]]


async def test_what_two_parsers_could_read_differently_is_refused_everywhere(world):
    async for path, headers, body in bodies(world):
        for place in paths(body):
            for code, texts in HOSTILE.items():
                for raw in some(texts, place):
                    response = await world.http.post(path, content=written(body, place, raw), headers=headers)
                    assert code_of(response) == (422, code), (path, place, raw[:30])


async def test_what_is_not_json_is_refused_everywhere(world):
    async for path, headers, body in bodies(world):
        for place in paths(body):
            for raw in some(NOT_JSON, place):
                response = await world.http.post(path, content=written(body, place, raw), headers=headers)
                assert code_of(response) == (400, "payload.not_json"), (path, place, raw)


async def test_every_key_twice_is_refused_everywhere(world):
    async for path, headers, body in bodies(world):
        text = json.dumps(body)
        for key in re.finditer(r'"(\w+)": ', text):
            twice = f"{text[: key.start()]}{key[0]}null, {text[key.start() :]}"
            response = await world.http.post(path, content=twice, headers=headers)
            assert code_of(response) == (422, "payload.duplicate_key"), (path, key[1])


CODINGS = [
    gzip.compress,
    lambda raw: raw.decode().encode("utf-16"),
    lambda raw: raw.decode().encode("utf-32-be"),
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw + raw,
    lambda raw: raw + b"\x00",
    lambda raw: b")]}',\n" + raw,
]


async def test_an_honest_body_in_another_coding_is_refused(world):
    async for path, headers, body in bodies(world):
        for encode in CODINGS:
            for sent in (headers, {**headers, "Content-Encoding": "gzip"}):
                response = await world.http.post(path, content=encode(json.dumps(body).encode()), headers=sent)
                assert code_of(response) == (400, "payload.not_json"), path


KINDS = [
    "",
    "text/json",
    "application/jsonp",
    "application/cbor",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "application/json, text/plain",
    "application/json\ttext/plain",
]


async def test_a_body_of_another_type_is_refused_everywhere(world):
    async for path, headers, body in bodies(world):
        for kind in KINDS:
            response = await world.http.post(path, content=json.dumps(body), headers={**headers, "Content-Type": kind})
            assert code_of(response) == (415, "request.media_type"), (path, kind)


async def test_bodies_that_are_too_long_are_refused_everywhere(world):
    async for path, headers, body in bodies(world):
        for content in (b" " * 2_000_000, json.dumps(body).encode() + b" " * 300_000, b"[" * 2_000_000):
            response = await world.http.post(path, content=content, headers=headers)
            assert code_of(response) == (413, "request.too_large"), path
