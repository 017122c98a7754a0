import json

import pytest

from cosignet.core.canonical import MAX_BYTES
from cosignet.core.encoding import b64u
from cosignet.core.evidence import MAX_EVIDENCE, Evidence, assertion_from_json, assertion_to_json
from cosignet.core.policy import Policy
from cosignet.errors import Malformed
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import CEREMONY, CHALLENGE, Story, raises

STORY = Story(Policy(("alice", "bob"), 2), note="as agreed").vote("alice").vote("bob", reason="checked")
DOCUMENT = json.loads(STORY.evidence().to_bytes())


def edited(path, value):
    """The document with one member replaced, or removed where the value is `...`."""
    document = json.loads(json.dumps(DOCUMENT))
    *parents, last = path
    place = document
    for step in parents:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


def test_evidence_round_trip():
    evidence = STORY.evidence()
    assert Evidence.parse(evidence.to_bytes()) == evidence
    assert Evidence.parse(json.dumps(DOCUMENT, indent=2).encode()) == evidence


def test_evidence_is_written_with_exactly_these_keys():
    assert " ".join(sorted(DOCUMENT)) == "credentials decided_at decision note payload policy terms v votes"
    assert DOCUMENT["v"] == "cosignet/evidence/v1"
    assert " ".join(sorted(DOCUMENT["votes"][0])) == (
        "authenticator_data client_data context counted_at credential reason signature user_handle"
    )
    assert " ".join(sorted(DOCUMENT["credentials"][0])) == "backup_eligible id person public_key"


def test_what_was_signed_travels_as_the_bytes_that_were():
    assert DOCUMENT["terms"] == b64u(STORY.matter.terms.to_bytes())
    assert DOCUMENT["votes"][1]["client_data"] == b64u(STORY.votes[1].assertion.client_data)


def test_a_payload_of_full_length_can_be_written():
    evidence = STORY.evidence(payload=bytes(MAX_BYTES))
    assert Evidence.parse(evidence.to_bytes()) == evidence


def test_a_rejection_without_votes_can_be_written():
    evidence = Story(Policy(("alice",))).evidence("rejected")
    assert Evidence.parse(evidence.to_bytes()) == evidence


EVERY_KEY = [
    *((key,) for key in DOCUMENT),
    *(("votes", 0, key) for key in DOCUMENT["votes"][0]),
    *(("credentials", 1, key) for key in DOCUMENT["credentials"][0]),
]
NAMES = [".".join(map(str, path)) for path in EVERY_KEY]


@pytest.mark.parametrize("path", EVERY_KEY, ids=NAMES)
def test_no_key_may_be_missing(path):
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(path, ...))


@pytest.mark.parametrize("path", EVERY_KEY, ids=NAMES)
@pytest.mark.parametrize("value", [None, 0, 1, [], {}, [{}], ["x"], {"x": "x"}, "\x00"], ids=repr)
def test_no_value_may_have_another_type(path, value):
    if path[-1] in ("note", "reason", "person") and isinstance(value, str):
        value = [value]
    if path[-1] in ("votes", "credentials") and value == []:
        value = ""
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(path, value))


@pytest.mark.parametrize("path", [("extra",), ("votes", 0, "extra"), ("credentials", 0, "extra")])
def test_no_key_may_be_added(path):
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(path, ""))


@pytest.mark.parametrize("word", ["pending", "expired", "cancelled", "APPROVED", "approve", ""])
def test_only_votes_have_evidence(word):
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(("decision",), word))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("v",), "cosignet/evidence/v2"),
        (("decided_at",), "2026-01-31T12:01:00+00:00"),
        (("votes", 0, "counted_at"), "2026-01-31 12:01:00Z"),
        (("terms",), DOCUMENT["terms"] + "="),
        (("policy",), "+/"),
        (("votes", 0, "signature"), "a b"),
        (("credentials", 0, "id"), "AB"),
        (("payload",), b64u(bytes(MAX_BYTES + 1))),
    ],
)
def test_values_of_another_form_are_refused(path, value):
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(path, value))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'"x"', b"\xff", b"1", b"[" * 100_000])
def test_anything_else_is_refused(raw):
    with raises(Malformed, "evidence.form"):
        Evidence.parse(raw)


def test_the_same_key_twice_is_refused():
    raw = STORY.evidence().to_bytes()
    with raises(Malformed, "evidence.form"):
        Evidence.parse(raw[:-1] + b',"decision":"approved"}')


def test_a_document_that_is_too_long_is_refused_unread():
    raw = STORY.evidence().to_bytes()
    assert Evidence.parse(raw + b" " * (MAX_EVIDENCE - len(raw)))
    with raises(Malformed, "evidence.form"):
        Evidence.parse(raw + b" " * (MAX_EVIDENCE + 1 - len(raw)))


@pytest.mark.parametrize("user_handle", [b"alice", None])
def test_an_assertion_round_trip(user_handle):
    assertion = SoftwarePasskey("alice").sign(CHALLENGE, CEREMONY)
    assertion = type(assertion)(**{**assertion.__dict__, "user_handle": user_handle})
    assert assertion_from_json(assertion_to_json(assertion).__getitem__) == assertion


def test_an_assertion_in_another_encoding_is_refused():
    parts = assertion_to_json(SoftwarePasskey("alice").sign(CHALLENGE, CEREMONY))
    with raises(Malformed, "encoding.base64url"):
        assertion_from_json({**parts, "signature": parts["signature"] + "="}.__getitem__)
