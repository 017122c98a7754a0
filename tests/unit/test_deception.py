import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.deception import deceives, deceiving_paths, escape, is_deceiving, mixed_script_words

DECEIVING = {
    "null": "\x00",
    "bell": "\x07",
    "carriage return": "\r",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "soft hyphen": "\u00ad",
    "combining grapheme joiner": "\u034f",
    "arabic letter mark": "\u061c",
    "hangul choseong filler": "\u115f",
    "mongolian free variation selector": "\u180b",
    "mongolian vowel separator": "\u180e",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "left-to-right mark": "\u200e",
    "line separator": "\u2028",
    "right-to-left override": "\u202e",
    "word joiner": "\u2060",
    "right-to-left isolate": "\u2067",
    "braille blank": "\u2800",
    "hangul filler": "\u3164",
    "private use": "\ue000",
    "variation selector 16": "\ufe0f",
    "byte order mark": "\ufeff",
    "halfwidth hangul filler": "\uffa0",
    "noncharacter": "\uffff",
    "tag letter": "\U000e0041",
    "variation selector 17": "\U000e0100",
    "variation selector 256": "\U000e01ef",
    "supplementary private use": "\U000f0000",
}


@pytest.mark.parametrize("character", DECEIVING.values(), ids=DECEIVING.keys())
def test_what_draws_nothing_of_its_own_is_found_and_escaped(character):
    assert is_deceiving(character)
    assert deceives(f"pay{character}pal")
    assert escape(f"a{character}b") == f"a\\u{{{ord(character):x}}}b"


@pytest.mark.parametrize(
    "text", ["", "a\nb\tc", "1,200.00 €", "Grüße, São Tomé", "Москва", "東京 2026", "שלום", "🙂", "Ω=5"]
)
def test_ordinary_text_is_left_alone(text):
    assert not deceives(text)
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p\u0430ypal", ["p\u0430ypal"]),
        ("send to \u0410cme now", ["\u0410cme"]),
        ("\u039fracle", ["\u039fracle"]),
        ("b\u043e\u03bfk", ["b\u043e\u03bfk"]),
        ("\u0570ome", ["\u0570ome"]),
        ("Moscow Москва", []),
        ("Москва1a", []),
        ("日本語abc", []),
    ],
)
def test_words_that_mix_look_alike_scripts_are_found(text, words):
    assert mixed_script_words(text) == words
    assert deceives(text) == bool(words)


def test_the_place_of_a_deceiving_text_is_named():
    value = {
        "to": ["Acme", "\u0410cme"],
        "memo": {"a\u200bb": "fine", "note": "x\u202ey"},
        "amount": 5,
        "flag": None,
    }
    assert deceiving_paths(value) == ["payload.to[1]", "payload.memo.a\\u{200b}b", "payload.memo.note"]


def test_what_lies_below_a_deceiving_key_is_named_too():
    assert deceiving_paths({"\u200b": {"x": "\u200b"}}) == ["payload.\\u{200b}", "payload.\\u{200b}.x"]


@given(st.text(max_size=30))
def test_an_escaped_text_holds_no_invisible_character(text):
    escaped = escape(text)
    assert not any(is_deceiving(character) for character in escaped)
    assert all(unicodedata.category(character) not in ("Cc", "Cf") for character in escaped if character not in "\n\t")
