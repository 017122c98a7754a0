import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.cbor import canonical, read_map
from cosignet.errors import Malformed
from tests.unit.builders import raises

KEYS = st.integers(-(2**32), 2**32) | st.text(max_size=8)
MAPS = st.dictionaries(KEYS, st.integers(-100, 100) | st.binary(max_size=40) | st.text(max_size=40), max_size=6)


@given(MAPS, st.binary(max_size=20))
def test_a_map_is_read_and_what_follows_is_left(value, rest):
    assert read_map(canonical(value) + rest) == (value, rest)


def test_the_shortest_form_is_written_in_ctap2_order():
    assert canonical({-1: 1, 3: -7, 1: 2, "a": b""}) == bytes.fromhex("a4 0102 0326 2001 616140")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"\x80",
        b"\xf6",
        b"\xa1\x01",
        b"\xff",
        b"\xa1\x01\xff",
        b"\xa2\x01\x02\x01\x03",
        b"\xa1\x01\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x01\x62\xff\xff",
        b"\xa1\x01\xc1\xfb\x7f\xef\xff\xff\xff\xff\xff\xff",
        b"\xa1\x01" + b"\x81" * 8_000 + b"\x01",
        b"\xa1\x01" + b"\xc1" * 8_000 + b"\x01",
    ],
)
def test_anything_but_a_well_formed_map_is_refused(raw):
    with raises(Malformed, "cbor.form"):
        read_map(raw)


@given(st.binary(max_size=120))
def test_no_bytes_raise_anything_else(raw):
    try:
        members, rest = read_map(b"\xa2\x01" + raw)
    except Malformed as error:
        members, rest = {}, error.code.encode()
    assert isinstance(members, dict)
    assert rest == b"cbor.form" or raw.endswith(rest)
