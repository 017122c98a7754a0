import json
import struct

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.canonical import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_INTEGER,
    Payload,
    canonicalise,
    of_type,
    parse,
    read_record,
)
from cosignet.core.encoding import sha256
from cosignet.errors import Malformed
from tests.unit.builders import raises

NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(-MAX_INTEGER, MAX_INTEGER)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


def number(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]


def nested(levels, innermost):
    """`levels` objects one inside the other, the innermost holding the value."""
    text = '{"a":' * levels + innermost + "}" * levels
    return text.encode()


# RFC 8785 §3.2.2, without the number 1E30, which lies outside the range that payloads may use.
def test_the_sample_of_rfc_8785():
    text = r"""{ "numbers": [333333333.33333329, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"""
    expected = (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )
    assert Payload.from_text(text.encode()).canonical == expected.encode()


# RFC 8785 §3.2.3: by UTF-16 code units, so the emoji (a surrogate pair) comes before U+FB33.
def test_keys_are_sorted_as_rfc_8785_sorts_them():
    names = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    written = list(json.loads(Payload.from_value(names).canonical).values())
    assert written == [names[key] for key in ("\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33")]


@given(VALUES)
def test_whatever_writes_it_the_form_is_that_of_rfc_8785(value):
    assert canonicalise(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value", [{"\ufb33": 1, "\U0001f600": 2}, [{"a": [1.0]}], {"a": {"b": [1e-7]}}, ["\x7f\u2028\x00\x1f"]]
)
def test_what_python_writes_otherwise(value):
    assert canonicalise(value) == rfc8785.dumps(value)


# RFC 8785 Appendix B, the rows inside the range.
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_rfc_8785_writes_them(bits, text):
    assert canonicalise(number(bits)) == text.encode()


# RFC 8785 Appendix B, the rows outside: valid there, refused here.
@pytest.mark.parametrize(
    "bits",
    [
        "7fefffffffffffff",
        "ffefffffffffffff",
        "4340000000000000",
        "c340000000000000",
        "4430000000000000",
        "44b52d02c7e14af6",
        "444b1ae4d6e2ef50",
    ],
)
def test_numbers_beyond_the_range_are_refused(bits):
    with raises(Malformed, "payload.number_range"):
        Payload.from_value({"n": number(bits)})
    with raises(Malformed, "payload.number_range"):
        Payload.from_text(b'{"n":%s}' % repr(number(bits)).encode())


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_nan_and_infinity_are_refused(bits):
    with raises(Malformed, "payload.not_finite"):
        Payload.from_value({"n": number(bits)})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "payload.not_json"),
        (b"{", "payload.not_json"),
        (b"{} {}", "payload.not_json"),
        (b"{'a':1}", "payload.not_json"),
        (b'{"a":01}', "payload.not_json"),
        (b'{"a":+1}', "payload.not_json"),
        (b'{"a":1,}', "payload.not_json"),
        (b'{"a":"\n"}', "payload.not_json"),
        (b"\xef\xbb\xbf{}", "payload.not_json"),
        (b'{"a":"\xff"}', "payload.not_json"),
        (b'{"a":"\xed\xa0\x80"}', "payload.not_json"),
        ('{"a":1}'.encode("utf-16"), "payload.not_json"),
        (b"[]", "payload.not_object"),
        (b'"text"', "payload.not_object"),
        (b"null", "payload.not_object"),
        (b"1", "payload.not_object"),
        (b'{"a":1,"a":1}', "payload.duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "payload.duplicate_key"),
        (b'{"b":[{"a":1,"a":2}]}', "payload.duplicate_key"),
        (b'{"a":NaN}', "payload.not_finite"),
        (b'{"a":Infinity}', "payload.not_finite"),
        (b'{"a":-Infinity}', "payload.not_finite"),
        (b'{"a":9007199254740992}', "payload.number_range"),
        (b'{"a":-9007199254740992}', "payload.number_range"),
        (b'{"a":9007199254740991.5}', "payload.number_range"),
        (b'{"a":1e16}', "payload.number_range"),
        (b'{"a":-1e16}', "payload.number_range"),
        (b'{"a":1e400}', "payload.number_range"),
        (b'{"a":' + b"9" * 5000 + b"}", "payload.number_range"),
        (b'{"a":"\\ud800"}', "payload.surrogate"),
        (b'{"a":"\\udc00\\ud800"}', "payload.surrogate"),
        (b'{"\\udfff":1}', "payload.surrogate"),
        (nested(MAX_DEPTH + 1, "1"), "payload.depth"),
        (b'{"a":' + b"[" * 33 + b"]" * 33 + b"}", "payload.depth"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "payload.depth"),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(text, code):
    with raises(Malformed, code):
        Payload.from_text(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [(b'"\\ud800"', "payload.surrogate"), (b"[" * 34 + b"]" * 34, "payload.depth"), (b"1e16", "payload.number_range")],
)
def test_what_is_only_parsed_meets_the_same_rules(text, code):
    with raises(Malformed, code):
        parse(text)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "payload.not_object"),
        (None, "payload.not_object"),
        ({1: "a"}, "payload.not_json"),
        ({"a": (1, 2)}, "payload.not_json"),
        ({"a": b"bytes"}, "payload.not_json"),
        ({"a": {1, 2}}, "payload.not_json"),
        ({"a": 2**53}, "payload.number_range"),
        ({"a": -(2**53)}, "payload.number_range"),
        ({"a": 10**400}, "payload.number_range"),
        ({"a": "\ud800"}, "payload.surrogate"),
        ({"a": [[{"b": "\ud800"}]]}, "payload.surrogate"),
        ({"\udfff": 1}, "payload.surrogate"),
    ],
)
def test_a_parsed_value_meets_the_same_rules(value, code):
    with raises(Malformed, code):
        Payload.from_value(value)


def test_the_edges_of_the_number_range_are_accepted():
    text = b'{"a":[9007199254740991,-9007199254740991,9007199254740991.0,1e15,-0,-0.0,1e-400]}'
    assert Payload.from_text(text).canonical == (
        b'{"a":[9007199254740991,-9007199254740991,9007199254740991,1000000000000000,0,0,0]}'
    )


@pytest.mark.parametrize("innermost", ["1", "[]", "{}", '""'])
def test_depth_32_is_accepted_and_33_refused(innermost):
    assert Payload.from_canonical(nested(32, innermost)).canonical == nested(32, innermost)
    with raises(Malformed, "payload.depth"):
        Payload.from_canonical(nested(33, innermost))


def test_a_document_around_a_payload_may_be_deeper():
    text = nested(33, "1")
    assert canonicalise(parse(text, max_depth=33), max_depth=33) == text
    for refused in (lambda: parse(nested(34, "1"), max_depth=33), lambda: canonicalise(json.loads(text), max_depth=32)):
        with raises(Malformed, "payload.depth"):
            refused()


def test_a_value_that_contains_itself_is_refused():
    value = {}
    value["a"] = value
    with raises(Malformed, "payload.depth"):
        Payload.from_value(value)


def test_64_kib_is_accepted_and_one_byte_more_refused():
    overhead = len(b'{"a":""}')
    full = {"a": "x" * (MAX_BYTES - overhead)}
    assert len(Payload.from_value(full).canonical) == 65_536
    with raises(Malformed, "payload.size"):
        Payload.from_value({"a": full["a"] + "x"})


@pytest.mark.parametrize("text", [b'{ "a":1}', b'{"b":1,"a":2}', b'{"a":1.0}', b'{"a":"\\u0041"}', b'{"a":1}\n'])
def test_bytes_in_another_spelling_are_not_canonical(text):
    assert Payload.from_text(text).canonical != text
    with raises(Malformed, "payload.not_canonical"):
        Payload.from_canonical(text)


@given(OBJECTS)
def test_canonical_bytes_read_back_as_themselves(value):
    payload = Payload.from_value(value)
    again = Payload.from_canonical(payload.canonical)
    assert again.canonical == payload.canonical
    assert again.value == value
    assert again.hash == sha256(payload.canonical)


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 3]), st.randoms())
def test_every_spelling_of_a_value_has_the_same_canonical_bytes(value, ascii_only, indent, random):
    shuffled = dict(random.sample(list(value.items()), len(value)))
    text = json.dumps(shuffled, ensure_ascii=ascii_only, indent=indent).encode()
    assert Payload.from_text(text).canonical == Payload.from_value(value).canonical


def test_a_record_is_a_flat_object_of_strings_with_exactly_its_keys():
    assert read_record(b'{"a":"1","b":""}', ("b", "a"), "thing") == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"1"}',
        b'{"a":"1","b":"2","c":"3"}',
        b'{"a":"1","b":2}',
        b'{"a":"1","b":null}',
        b'{"a":"1","b":["2"]}',
        b'{"b":"","a":""}',
        b'{"a":"1","b":"","b":""}',
        b'["a","b"]',
        b"",
    ],
)
def test_any_other_record_is_refused_under_its_own_name(raw):
    with raises(Malformed, "thing.form"):
        read_record(raw, ("a", "b"), "thing")


@pytest.mark.parametrize(("value", "kind"), [(True, int), (1, bool), (1.0, int), (None, str), ("a", list)])
def test_of_type_takes_no_second_spelling_of_a_type(value, kind):
    with pytest.raises(TypeError):
        of_type(value, kind)
    assert of_type("a", str) == "a"
