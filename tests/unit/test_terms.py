import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosignet.core.canonical import canonicalise
from cosignet.core.checkpoint import Head
from cosignet.core.encoding import b64u, sha256
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.errors import Malformed
from tests.unit.builders import HEAD, at, make_context, make_terms, raises

HASHES = st.binary(min_size=32, max_size=32)
NAMES = st.text(min_size=1, max_size=500)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)

TERMS = st.builds(
    lambda times, **fields: Terms(created_at=times[0], deadline=times[1], valid_until=times[2], **fields),
    times=st.lists(TIMES, min_size=3, max_size=3, unique=True).map(sorted),
    confirmation=NAMES,
    audience=NAMES,
    organisation=NAMES,
    requester=NAMES,
    action=st.text(min_size=1, max_size=200),
    note=st.none() | HASHES,
    payload=HASHES,
    policy=HASHES,
    reveal=st.sampled_from(["no", "yes"]),
    execution=st.text(max_size=50),
)
CONTEXTS = st.builds(
    Context,
    terms=HASHES,
    approver=st.sampled_from(["alice", "bob"]),
    stands_in_for=st.sampled_from(["", "carol"]),
    decision=st.sampled_from(["approve", "reject"]),
    reason=st.none() | HASHES,
    issued_at=TIMES,
    head=st.none() | st.builds(Head, st.integers(0, 2**63 - 1), HASHES),
    random=HASHES,
)


def with_fields(raw, **changes):
    """The same object with some members replaced, or removed where the value is None."""
    members = {**json.loads(raw), **changes}
    return canonicalise({key: value for key, value in members.items() if value is not None})


@given(TERMS)
@settings(max_examples=50)
def test_terms_round_trip(terms):
    assert Terms.parse(terms.to_bytes()) == terms


@given(CONTEXTS)
@settings(max_examples=50)
def test_context_round_trip(context):
    assert Context.parse(context.to_bytes()) == context


def test_terms_are_written_with_exactly_these_keys():
    members = json.loads(make_terms(note=sha256(b"note")).to_bytes())
    assert " ".join(sorted(members)) == (
        "action audience confirmation created_at deadline execution note organisation "
        "payload policy requester reveal v valid_until"
    )
    assert members["v"] == "cosignet/terms/v1"
    assert members["note"] == b64u(sha256(b"note"))
    assert members["deadline"] == "2026-01-31T12:15:00Z"


def test_a_context_is_written_with_exactly_these_keys():
    members = json.loads(make_context(make_terms(), stands_in_for="carol").to_bytes())
    assert sorted(members) == (["approver", "decision", "for", "head", "issued_at", "random", "reason", "terms", "v"])
    assert (members["v"], members["for"], members["head"]) == ("cosignet/context/v1", "carol", HEAD.to_text())


BAD_TERMS = {
    "unknown key": {"extra": "x"},
    "missing key": {"execution": None},
    "another version": {"v": "cosignet/terms/v2"},
    "a context's version": {"v": "cosignet/context/v1"},
    "a number": {"action": 1},
    "a list": {"requester": ["agent"]},
    "no confirmation": {"confirmation": ""},
    "no audience": {"audience": ""},
    "no organisation": {"organisation": ""},
    "no requester": {"requester": ""},
    "no action": {"action": ""},
    "long confirmation": {"confirmation": "x" * 501},
    "long audience": {"audience": "x" * 501},
    "long organisation": {"organisation": "x" * 501},
    "long requester": {"requester": "x" * 501},
    "long action": {"action": "x" * 201},
    "short note hash": {"note": b64u(bytes(31))},
    "padded note hash": {"note": b64u(bytes(32)) + "="},
    "short payload hash": {"payload": b64u(bytes(31))},
    "no payload hash": {"payload": ""},
    "long policy hash": {"policy": b64u(bytes(33))},
    "reveal": {"reveal": "maybe"},
    "reveal as boolean": {"reveal": True},
    "a fraction of a second": {"created_at": "2026-01-31T12:00:00.5Z"},
    "another zone": {"deadline": "2026-01-31T13:15:00+01:00"},
    "created at the deadline": {"created_at": "2026-01-31T12:15:00Z"},
    "created after the deadline": {"created_at": "2026-01-31T12:15:01Z"},
    "valid until before the deadline": {"valid_until": "2026-01-31T12:14:59Z"},
}


@pytest.mark.parametrize("changes", BAD_TERMS.values(), ids=BAD_TERMS.keys())
def test_terms_of_another_form_are_refused(changes):
    with raises(Malformed, "terms.form"):
        Terms.parse(with_fields(make_terms().to_bytes(), **changes))


BAD_CONTEXTS = {
    "unknown key": {"extra": "x"},
    "missing key": {"reason": None},
    "another version": {"v": "cosignet/context/v2"},
    "terms' version": {"v": "cosignet/terms/v1"},
    "decision": {"decision": "approved"},
    "no decision": {"decision": ""},
    "no approver": {"approver": ""},
    "long approver": {"approver": "x" * 65},
    "stands in for a long name": {"for": "x" * 65},
    "stands in for themselves": {"for": "alice"},
    "short terms hash": {"terms": b64u(bytes(31))},
    "no terms hash": {"terms": ""},
    "short random": {"random": b64u(bytes(31))},
    "long random": {"random": b64u(bytes(33))},
    "no random": {"random": ""},
    "short reason hash": {"reason": b64u(bytes(16))},
    "no head": {"head": ""},
    "another head": {"head": "None"},
    "a head of two spaces": {"head": f"7  {b64u(bytes(32))}"},
    "a head of a size that is none": {"head": f"07 {b64u(bytes(32))}"},
    "a head of a size too large": {"head": f"{2**63} {b64u(bytes(32))}"},
    "a head without a root": {"head": "7 "},
    "a head of a short root": {"head": f"7 {b64u(bytes(31))}"},
    "time": {"issued_at": "yesterday"},
    "a boolean": {"for": False},
}


@pytest.mark.parametrize("changes", BAD_CONTEXTS.values(), ids=BAD_CONTEXTS.keys())
def test_a_context_of_another_form_is_refused(changes):
    with raises(Malformed, "context.form"):
        Context.parse(with_fields(make_context(make_terms()).to_bytes(), **changes))


@pytest.mark.parametrize(
    ("parse", "build"), [(Terms.parse, make_terms), (Context.parse, lambda: make_context(make_terms()))]
)
def test_only_canonical_bytes_are_read(parse, build):
    raw = build().to_bytes()
    for other in (raw + b"\n", b" " + raw, json.dumps(json.loads(raw)).encode(), raw[:-1], b"", b"[]"):
        with raises(Malformed, "terms.form" if parse == Terms.parse else "context.form"):
            parse(other)


def test_the_longest_names_are_read():
    terms = make_terms(action="x" * 200, requester="é" * 500)
    assert Terms.parse(terms.to_bytes()) == terms


def test_a_vote_is_valid_until_the_deadline_at_least():
    terms = make_terms(valid_until=at(900))
    assert Terms.parse(terms.to_bytes()).valid_until == terms.deadline


def test_the_seat_is_that_of_whoever_delegated():
    assert make_context(make_terms()).seat == "alice"
    assert make_context(make_terms(), stands_in_for="carol").seat == "carol"


def test_nonce_and_challenge_follow_the_formula():
    context = make_context(make_terms()).to_bytes()
    nonce = nonce_of(context)
    assert nonce == sha256(b"cosignet/context/v1\x00" + context)
    assert challenge_of(nonce, b"p" * 32) == nonce + b"p" * 32


@pytest.mark.parametrize(
    "changes",
    [
        {"approver": "bob"},
        {"stands_in_for": "carol"},
        {"decision": "reject"},
        {"reason": sha256(b"why")},
        {"issued_at": at(31)},
        {"head": HEAD._replace(size=8)},
        {"head": None},
        {"random": b"\x01" + bytes(31)},
        {"terms": bytes(32)},
    ],
)
def test_the_nonce_commits_to_every_field_of_the_context(changes):
    context = make_context(make_terms())
    assert nonce_of(context.to_bytes()) != nonce_of(replace(context, **changes).to_bytes())


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmation": "c-2"},
        {"audience": "other.example"},
        {"organisation": "org-2"},
        {"requester": "agent-2"},
        {"action": "Pay another invoice"},
        {"note": sha256(b"note")},
        {"payload": bytes(32)},
        {"policy": bytes(32)},
        {"created_at": at(-1)},
        {"deadline": at(901)},
        {"valid_until": at(3601)},
        {"reveal": "yes"},
        {"execution": "temporal:default/w-1/pay"},
    ],
)
def test_the_nonce_commits_to_every_field_of_the_terms(changes):
    terms = make_terms()
    assert nonce_of(make_context(terms).to_bytes()) != nonce_of(make_context(replace(terms, **changes)).to_bytes())


def test_an_empty_text_has_no_hash():
    assert hash_text("") is None
    assert hash_text("naïve") == sha256("naïve".encode())
