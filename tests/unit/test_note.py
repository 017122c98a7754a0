"""Signed notes and checkpoints have one spelling; whatever else is written is refused, never mended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.merkle import EMPTY_ROOT
from cosignet.core.note import MAX_NOTE, MAX_SIGNATURES, Note, Signature, decode_base64, encode_base64
from cosignet.errors import Malformed

LINE = "— example.com/foo " + encode_base64(b"\x01\x02\x03\x04signature") + "\n"
GOOD = "a text\n\n" + LINE
ROOT = encode_base64(EMPTY_ROOT)


def test_a_note_is_read_and_written():
    note = Note.parse(GOOD.encode())
    assert note == Note("a text\n", (Signature("example.com/foo", b"\x01\x02\x03\x04", b"signature"),))
    assert note.to_bytes() == GOOD.encode()


def test_the_last_blank_line_ends_the_text():
    note = Note.parse(f"one\n\ntwo\n\n\n\nthree\n\n{LINE}{LINE}".encode())
    assert note.text == "one\n\ntwo\n\n\n\nthree\n"
    assert len(note.signatures) == 2


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n",
        "a text\n",
        "a text\n\n",
        f"a text\n{LINE}",
        LINE,
        f"a text\n\n{LINE}"[:-1],
        f"a text\n\n{LINE}\n",
        f"a text\n\n{LINE}more\n",
        f"a text\n\nmore\n{LINE}",
        f"a text\r\n\r\n{LINE}",
        f"a text\n\n{LINE}".replace("\n", "\r\n"),
        f"a\ttext\n\n{LINE}",
        f"a\0text\n\n{LINE}",
        f"a\x1ftext\n\n{LINE}",
        GOOD.replace("—", "-"),
        GOOD.replace("—", "–"),
        GOOD.replace("— ", "—"),
        GOOD.replace("— ", "—  "),
        GOOD.replace("— ", " — "),
        GOOD.replace("foo ", "foo  "),
        GOOD.replace("foo ", "f+o "),
        GOOD.replace("foo ", "f\u00a0o "),
        GOOD.replace("foo ", "f\u2003o "),
        GOOD.replace("example.com/foo ", ""),
        GOOD.replace("example.com/foo ", " "),
        GOOD.replace("\n", " \n"),
        GOOD.replace("AQID", "AQI"),
        GOOD.replace("AQID", "AQI!"),
        GOOD.replace("AQID", "AQI-"),
        "a text\n\n— foo AQIDBA==\n",
        "a text\n\n— foo AQID\n",
        "a text\n\n— foo AQIDBAX=\n",
        "a text\n\n— foo AQIDBAX\n",
        "a text\n\n— foo AQIDBAUG\n" + " ",
    ],
)
def test_what_is_no_note_in_its_one_spelling_is_refused(raw):
    with pytest.raises(Malformed) as caught:
        Note.parse(raw.encode())
    assert caught.value.code == "note.form"


@pytest.mark.parametrize(
    "raw",
    [
        b"a text\xff\n\n" + LINE.encode(),
        b"a text\n\n" + LINE.encode() * (MAX_SIGNATURES + 1),
        b"x" * MAX_NOTE + b"\n\n" + LINE.encode(),
        GOOD.encode("utf-16"),
        b"\xed\xa0\x80\n\n" + LINE.encode(),
    ],
    ids=["no-utf8", "signatures", "size", "utf-16", "surrogate"],
)
def test_other_bytes_are_refused(raw):
    with pytest.raises(Malformed) as caught:
        Note.parse(raw)
    assert caught.value.code == "note.form"


@given(st.binary(max_size=300) | st.text(alphabet="a\n— +=A\u2003\r", max_size=60).map(str.encode))
def test_whatever_is_read_is_what_would_be_written(raw):
    try:
        note = Note.parse(raw)
    except Malformed:
        return
    assert note.to_bytes() == raw


@given(st.binary(max_size=40), st.text(alphabet="Aa+/=- \n", max_size=8))
def test_base64_has_one_text_for_one_value(data, text):
    assert decode_base64(encode_base64(data)) == data
    try:
        decoded = decode_base64(text)
    except Malformed:
        return
    assert encode_base64(decoded) == text


def test_a_checkpoint_is_read_and_written():
    head = Checkpoint("log.example.com/public/log", 0, EMPTY_ROOT)
    text = f"log.example.com/public/log\n0\n{ROOT}\n"
    assert head.to_text() == text
    assert Checkpoint.parse(text) == head


def with_size(size):
    return f"log.example.com\n{size}\n{ROOT}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example.com\n",
        f"log.example.com\n1\n{ROOT}",
        f"log.example.com\n1\n{ROOT}\n\n",
        f"log.example.com\n1\n{ROOT}\nan extension\n",
        f"log.example.com\n1\n\n{ROOT}\n",
        f"\nlog.example.com\n1\n{ROOT}\n",
        f"\n1\n{ROOT}\n",
        f"log example.com\n1\n{ROOT}\n",
        f"log+example.com\n1\n{ROOT}\n",
        f"log.example.com\n1\n{ROOT[:-1]}\n",
        f"log.example.com\n1\n{ROOT[:-2]}V=\n",
        f"log.example.com\n1\n{ROOT.replace('/', '_')}\n",
        f"log.example.com\n1\n {ROOT}\n",
        f"log.example.com\n1\n{encode_base64(bytes(31))}\n",
        f"log.example.com\n1\n{encode_base64(bytes(33))}\n",
        f"log.example.com\n1\n{EMPTY_ROOT.hex()}\n",
        f"log.example.com\r\n1\r\n{ROOT}\r\n",
        *(
            with_size(size)
            for size in (
                "",
                "07",
                "00",
                "+7",
                "-7",
                "-0",
                " 7",
                "7 ",
                "7.0",
                "7e0",
                "0x7",
                "7_0",
                "٧",
                "²",
                2**63,
                10**30,
            )
        ),
    ],
)
def test_what_is_no_checkpoint_in_its_one_spelling_is_refused(text):
    with pytest.raises(Malformed) as caught:
        Checkpoint.parse(text)
    assert caught.value.code == "checkpoint.form"


def test_a_checkpoint_has_a_largest_size():
    assert Checkpoint.parse(with_size(2**63 - 1)).size == 2**63 - 1
