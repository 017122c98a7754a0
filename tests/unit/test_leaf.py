"""Leaves have exactly the fields of their event, in one spelling, and show nothing of what they commit to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.leaf import MAX_LEAF, OUTCOMES, PUBLIC, REQUESTED, Leaf, commitment, public_deadline
from cosignet.errors import Malformed

NOW = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
RECORD = commitment(bytes(32), b"{}")
HASH, OTHER = b64u(bytes(32)), b64u(bytes([255]) * 32)
SHOWN = {
    "deadline": "2026-11-25T12:01:00Z",
    "request": "r",
    "origin": "log.example.com",
    "keys": f"{HASH} {OTHER}",
    "previous": f"log.example.com/old 7 {HASH}",
}


def a_leaf(event, **changes):
    public = {name: SHOWN[name] for name in PUBLIC.get(event, ())}
    return Leaf(**{"event": event, "id": "e", "time": NOW, "record": RECORD, "public": public, **changes})


def fields_of(event):
    return {
        "v": "cosignet/leaf/v1",
        "event": event,
        "id": "e",
        "time": "2026-11-25T12:00:30Z",
        "record": b64u(RECORD),
        **{name: SHOWN[name] for name in PUBLIC[event]},
    }


@pytest.mark.parametrize("event", sorted(PUBLIC))
def test_a_leaf_is_what_it_says(event):
    raw = a_leaf(event).to_bytes()
    assert raw == canonicalise(fields_of(event))
    assert Leaf.parse(raw).to_bytes() == raw


def test_a_deadline_is_published_by_the_minute():
    assert public_deadline(NOW) == "2026-11-25T12:01:00Z"
    assert public_deadline(NOW.replace(second=0)) == "2026-11-25T12:00:00Z"
    assert public_deadline(NOW.replace(minute=59)) == "2026-11-25T13:00:00Z"


def test_outcomes_are_the_four_endings():
    assert {f"confirmation.{word}" for word in ("approved", "rejected", "expired", "cancelled")} == OUTCOMES


def refusal(raw):
    with pytest.raises(Malformed) as caught:
        Leaf.parse(raw)
    return caught.value.code


@pytest.mark.parametrize("event", sorted(PUBLIC))
@pytest.mark.parametrize(
    "change",
    [
        lambda fields: {**fields, "more": ""},
        lambda fields: {key: value for key, value in fields.items() if key != "id"},
        lambda fields: {key: value for key, value in fields.items() if key != "record"},
        lambda fields: {**fields, "v": "cosignet/leaf/v2"},
        lambda fields: {**fields, "event": "log.forked"},
        lambda fields: {**fields, "event": ""},
        lambda fields: {**fields, "id": 1},
        lambda fields: {**fields, "time": "2026-11-25 12:00:30"},
        lambda fields: {**fields, "time": "2026-11-25T12:00:30.5Z"},
        lambda fields: {**fields, "record": b64u(bytes(31))},
        lambda fields: {**fields, "record": fields["record"] + "="},
        lambda fields: {**fields, "deadline": "2026-11-25T12:01:01Z"},
        lambda fields: {**fields, "deadline": "2026-11-25T12:01:00Z", "request": "r"},
    ],
)
def test_other_fields_are_refused(event, change):
    assert refusal(canonicalise(change(fields_of(event)))) == "leaf.form"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b" " + a_leaf(REQUESTED).to_bytes(),
        a_leaf(REQUESTED).to_bytes() + b"\n",
        a_leaf(REQUESTED).to_bytes().replace(b",", b", ", 1),
        a_leaf(REQUESTED).to_bytes().replace(b'"id":"e"', b'"id":"e","id":"e"'),
        a_leaf(REQUESTED).to_bytes().replace(b'"e"', b'"\\u0065"'),
        a_leaf(REQUESTED).to_bytes().replace(b'"e"', b'"\xff"'),
        b"[" * 5_000,
    ],
)
def test_another_spelling_is_refused(raw):
    assert refusal(raw) == "leaf.form"


@pytest.mark.parametrize(
    "leaf",
    [
        a_leaf(REQUESTED, public={}),
        a_leaf(REQUESTED, public={"request": "r"}),
        a_leaf("confirmation.approved", public={}),
        a_leaf("confirmation.approved", public={"deadline": SHOWN["deadline"], "request": "r"}),
        a_leaf("admin.changed", public={"request": "r"}),
        a_leaf("log.unknown"),
        a_leaf("log.genesis", id="x" * MAX_LEAF),
    ],
)
def test_what_would_be_refused_is_not_written(leaf):
    with pytest.raises(Malformed) as caught:
        leaf.to_bytes()
    assert caught.value.code == "leaf.form"


def test_a_leaf_has_a_longest_length():
    public = {name: SHOWN[name] for name in PUBLIC["log.genesis"]}
    room = MAX_LEAF - len(a_leaf("log.genesis", public={**public, "origin": ""}).to_bytes())
    raw = a_leaf("log.genesis", public={**public, "origin": "x" * room}).to_bytes()
    assert len(raw) == MAX_LEAF
    assert Leaf.parse(raw).to_bytes() == raw
    assert refusal(raw.replace(b'"x', b'"xx')) == "leaf.form"


def test_an_event_has_an_id_of_at_most_64_characters():
    assert Leaf.parse(a_leaf(REQUESTED, id="e" * 64).to_bytes())
    for wrong in ("", "e" * 65):
        assert refusal(a_leaf(REQUESTED, id=wrong).to_bytes()) == "leaf.form"


@pytest.mark.parametrize(
    ("event", "name", "text"),
    [
        (REQUESTED, "deadline", "2026-11-25T12:01:01Z"),
        (REQUESTED, "deadline", "2026-11-25T12:01Z"),
        (REQUESTED, "deadline", ""),
        ("confirmation.voted", "request", ""),
        ("log.genesis", "origin", ""),
        ("log.genesis", "origin", "log.example.com/a b"),
        ("log.genesis", "keys", ""),
        ("log.genesis", "keys", f"{HASH}  {OTHER}"),
        ("log.genesis", "keys", f"{HASH} {OTHER} "),
        ("log.genesis", "keys", f"{HASH} {HASH}"),
        ("log.genesis", "keys", f"{OTHER} {HASH}"),
        ("log.genesis", "keys", b64u(bytes(31))),
        ("key.rotated", "keys", f"{HASH},{OTHER}"),
        ("log.genesis", "previous", "log.example.com/old"),
        ("log.genesis", "previous", f"log.example.com/old 07 {HASH}"),
        ("log.genesis", "previous", f"log.example.com/old  7 {HASH}"),
        ("log.genesis", "previous", f" 7 {HASH}"),
    ],
)
def test_public_fields_have_their_one_form(event, name, text):
    raw = canonicalise({**fields_of(event), name: text})
    assert refusal(raw) == "leaf.form"


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_a_commitment_is_of_salt_and_record(salt, record):
    assert commitment(salt, record) == sha256(salt + record)
    assert commitment(salt, record) != commitment(salt, record + b"x")


@given(st.binary(max_size=200))
def test_noise_is_refused(raw):
    assert refusal(raw) == "leaf.form"
