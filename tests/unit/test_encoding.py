import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.encoding import b64u, from_b64u, from_instant, instant, sha256
from cosignet.errors import Malformed
from tests.unit.builders import raises

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_sha256_is_the_published_digest_of_abc():
    assert sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


# RFC 4648 §10, padding taken off.
@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foobar", "Zm9vYmFy"), (b"\xfb\xff", "-_8")],
)
def test_base64url_has_one_text_for_one_value(data, text):
    assert b64u(data) == text
    assert from_b64u(text) == data


@given(st.binary(max_size=200))
def test_base64url_round_trip(data):
    assert from_b64u(b64u(data)) == data


@pytest.mark.parametrize(
    "text",
    ["Zg==", "Zg=", "Zh", "Zm9=", "-/8", "+_8", "+/8", "Z", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v!", "Ä", "====", "Zm9vÿ"],
)
def test_base64url_refuses_every_other_spelling(text):
    with raises(Malformed, "encoding.base64url"):
        from_b64u(text)


@given(st.text("ZgAh89-_+/= ", max_size=7))
def test_base64url_accepts_only_what_it_would_write(text):
    with suppress(Malformed):
        assert base64.urlsafe_b64encode(from_b64u(text)).decode().rstrip("=") == text


@pytest.mark.parametrize("size", [31, 33, 0])
def test_base64url_refuses_another_length(size):
    with raises(Malformed, "encoding.base64url"):
        from_b64u(b64u(bytes(size)), size=32)
    assert from_b64u(b64u(bytes(32)), size=32) == bytes(32)


@given(MOMENTS)
def test_instant_round_trip_in_whole_seconds(moment):
    assert from_instant(instant(moment)) == moment.replace(microsecond=0)


def test_instant_is_written_in_utc():
    moment = datetime(2026, 1, 31, 14, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=2, minutes=30)))
    assert instant(moment) == "2026-01-31T12:00:05Z"


def test_instant_without_a_time_zone_is_refused():
    with raises(Malformed, "encoding.instant"):
        instant(datetime(2026, 1, 31))  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00z",
        "2026-01-31t12:00:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00.0Z",
        "2026-01-31T12:00:00+00:00",
        "2026-1-31T12:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-02-29T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "0000-01-31T12:00:00Z",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "２026-01-31T12:00:00Z",
    ],
)
def test_instant_refuses_every_other_form(text):
    with raises(Malformed, "encoding.instant"):
        from_instant(text)
