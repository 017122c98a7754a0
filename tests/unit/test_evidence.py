import json
from dataclasses import replace

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
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def test_evidence_round_trip():
    evidence = STORY.evidence()
    assert Evidence.parse(evidence.to_bytes()) == evidence


def test_evidence_is_written_with_exactly_these_keys():
    assert " ".join(sorted(DOCUMENT)) == (
        "anchor checkpoint decision heads keys note outcome "
        "payload payload_hash policy request terms terms_hash v votes"
    )
    assert DOCUMENT["v"] == "cosignet/evidence/v1"
    assert " ".join(sorted(DOCUMENT["votes"][0])) == (
        "authenticator_data client_data context credential reason signature user_handle"
    )
    assert " ".join(sorted(DOCUMENT["keys"][0])) == (
        "backup_eligible endorsement enrolled id person public_key revoked"
    )
    assert " ".join(sorted(DOCUMENT["request"])) == "index leaf proof record salt"
    assert " ".join(sorted(DOCUMENT["heads"][0])) == "proof size"


def test_what_was_signed_travels_as_the_bytes_that_were():
    assert DOCUMENT["terms"] == b64u(STORY.matter.terms.to_bytes())
    assert DOCUMENT["votes"][1]["client_data"] == b64u(STORY.votes[1].assertion.client_data)


def test_a_payload_of_full_length_can_be_written():
    evidence = STORY.evidence(payload=bytes(MAX_BYTES))
    assert Evidence.parse(evidence.to_bytes()) == evidence


def test_a_rejection_without_votes_can_be_written():
    evidence = Story(Policy(("alice",))).evidence("rejected")
    assert Evidence.parse(evidence.to_bytes()) == evidence


def test_content_is_withheld_as_a_whole():
    evidence = STORY.evidence().without_content()
    assert evidence.withheld
    assert Evidence.parse(evidence.to_bytes()) == evidence
    for shown in ({"note": "as agreed"}, {"votes": STORY.evidence().votes}):
        with raises(Malformed, "evidence.form"):
            Evidence.parse(replace(evidence, **shown).to_bytes())


def spelled(value):
    """The same value in other spellings than the one that evidence has."""
    yield json.dumps(value, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    yield json.dumps(value, indent=1, sort_keys=True).encode()
    yield json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode()
    yield json.dumps(value, separators=(",", ":"), sort_keys=True).replace('"v"', '"\\u0076"').encode()


def test_there_is_one_spelling():
    for raw in spelled(DOCUMENT):
        assert json.loads(raw) == DOCUMENT
        with raises(Malformed, "evidence.form"):
            Evidence.parse(raw)


EVERY_KEY = [
    *((key,) for key in DOCUMENT),
    *(("votes", 0, key) for key in DOCUMENT["votes"][0]),
    *(("keys", 1, key) for key in DOCUMENT["keys"][0]),
    *(("keys", 0, "enrolled", key) for key in DOCUMENT["request"]),
    *(("outcome", key) for key in DOCUMENT["outcome"]),
    *(("heads", 0, key) for key in DOCUMENT["heads"][0]),
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
    if path[-1] in ("votes", "keys", "heads", "proof") and value == []:
        value = ""
    if path[-1] in ("anchor", "revoked", "endorsement") and value is None:
        value = ""
    if path[-1] in ("index", "size") and isinstance(value, int):
        value = -1
    with raises(Malformed, "evidence.form"):
        Evidence.parse(edited(path, value))


@pytest.mark.parametrize(
    "path", [("extra",), ("votes", 0, "extra"), ("keys", 0, "extra"), ("request", "extra"), ("heads", 0, "extra")]
)
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
        (("terms_hash",), b64u(bytes(31))),
        (("outcome", "proof"), [b64u(bytes(31))]),
        (("outcome", "salt"), b64u(bytes(31))),
        (("outcome", "index"), 1.5),
        (("heads",), DOCUMENT["heads"] * 2),
        (("keys",), DOCUMENT["keys"][::-1]),
        (("keys",), DOCUMENT["keys"][:1]),
        (("keys",), DOCUMENT["keys"][:1] * 2),
        (("anchor",), {"header": b64u(bytes(79)), "ots": ""}),
        (("terms",), ""),
        (("policy",), ""),
        (("payload",), ""),
        (("terms",), DOCUMENT["terms"] + "="),
        (("policy",), "+/"),
        (("votes", 0, "signature"), "a b"),
        (("keys", 0, "id"), "AB"),
        (("keys", 0, "person"), ""),
        (("keys", 0, "person"), "x" * 65),
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
    longest = STORY.evidence(note="x" * (MAX_EVIDENCE - len(raw) + len(STORY.note)))
    assert Evidence.parse(longest.to_bytes()) == longest
    with raises(Malformed, "evidence.form"):
        Evidence.parse(replace(longest, note=f"{longest.note}x").to_bytes())


@pytest.mark.parametrize("user_handle", [b"alice", None])
def test_an_assertion_round_trip(user_handle):
    assertion = SoftwarePasskey("alice").sign(CHALLENGE, CEREMONY)
    assertion = type(assertion)(**{**assertion.__dict__, "user_handle": user_handle})
    assert assertion_from_json(assertion_to_json(assertion).__getitem__) == assertion


def test_an_assertion_in_another_encoding_is_refused():
    parts = assertion_to_json(SoftwarePasskey("alice").sign(CHALLENGE, CEREMONY))
    with raises(Malformed, "encoding.base64url"):
        assertion_from_json({**parts, "signature": parts["signature"] + "="}.__getitem__)
