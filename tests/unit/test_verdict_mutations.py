"""Evidence in which anything at all was replaced: refused by name, or the same decision by the same people."""

import json
from contextlib import suppress

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.policy import Policy
from cosignet.core.verdict import verify
from cosignet.errors import Malformed, VerificationFailed
from tests.unit.builders import PAYLOAD, Story, at
from tests.unit.documents import places, value_at
from tests.unit.test_canonical import VALUES

STORY = Story(Policy(("alice", "bob", "carol"), 2, delegates={"carol": ("dora",)}), note="as agreed")
STORY.vote("alice", reason="checked").vote("dora", stands_in_for="carol", seconds=90)
DOCUMENT = STORY.evidence().to_bytes()
TRUST = STORY.trust()
GENUINE = verify(DOCUMENT, TRUST, expected_payload=PAYLOAD.canonical, now=at(120))


PLACES = [path for path in places(json.loads(DOCUMENT)) if path]
INSIDE = [path for path in PLACES if path[-1] in ("terms", "policy", "context", "client_data", "leaf", "record")]
ELSEWHERE = st.sampled_from(PLACES).map(lambda path: value_at(json.loads(DOCUMENT), path))
WORDS = st.sampled_from(["", "approve", "reject", "alice", "carol", "none", "2026-01-31T12:01:00Z", True, 1, 1.5, None])


def written(document):
    """The document in its one spelling, or as it is where it has none."""
    try:
        return canonicalise(document)
    except Malformed:
        return json.dumps(document).encode()


def check(document):
    try:
        verdict = verify(written(document), TRUST, expected_payload=PAYLOAD.canonical, now=at(120))
    except VerificationFailed as error:
        event(error.code)
    else:
        event("verified")
        assert verdict.signers == GENUINE.signers
        assert (verdict.decision, verdict.terms, verdict.payload) == (GENUINE.decision, GENUINE.terms, GENUINE.payload)


@given(st.sampled_from(PLACES), VALUES | ELSEWHERE | WORDS | st.binary(max_size=40).map(b64u))
@settings(max_examples=300)
def test_any_part_replaced(path, value):
    document = json.loads(DOCUMENT)
    value_at(document, path[:-1])[path[-1]] = value
    check(document)


@given(st.sampled_from(INSIDE), st.data())
@settings(max_examples=300)
def test_any_part_of_what_was_signed_replaced(path, data):
    document = json.loads(DOCUMENT)
    inner = json.loads(from_b64u(value_at(document, path)))
    place = data.draw(st.sampled_from([place for place in places(inner) if place]))
    value_at(inner, place[:-1])[place[-1]] = data.draw(VALUES | ELSEWHERE | WORDS)
    raw = json.dumps(inner, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    with suppress(Malformed, UnicodeEncodeError):
        value_at(document, path[:-1])[path[-1]] = b64u(raw.encode())
    check(document)


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda raw: DOCUMENT[: len(DOCUMENT) // 2] + raw))
def test_any_bytes(raw):
    with pytest.raises(VerificationFailed):
        verify(raw, TRUST, expected_payload=None, now=at(120))
