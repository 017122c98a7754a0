"""Bundles whose form or content is false."""

import json
from dataclasses import replace

from cosignet.core.canonical import Payload, canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.policy import Policy
from tests.unit.builders import PAYLOAD
from tests.vectors.corpus import ANY, a_story, approved, false, unreadable

SIMPLE = approved()
REJECTED = a_story().vote("bob", "reject")
DOCUMENT = json.loads(SIMPLE.evidence().to_bytes())


def edited(**changes):
    return unreadable(SIMPLE, canonicalise({**DOCUMENT, **changes}))


def spelled(change):
    return unreadable(SIMPLE, change(SIMPLE.evidence().to_bytes()))


def other(check, **changes):
    return false(check, SIMPLE, evidence=SIMPLE.evidence(**changes))


def payload(check, raw):
    """A payload that was signed and breaks the profile."""
    story = a_story(ANY, payload=Payload(raw, {})).vote("alice")
    return false(check, story, payload=None)


def policy(check, **changes):
    """A policy that was signed and cannot be one."""
    raw = canonicalise({**json.loads(ANY.to_bytes()), **changes})
    story = _with_policy(raw)
    return false(check, story, evidence=story.evidence(policy=raw))


def _with_policy(raw):
    class Unparsed:
        signers = ANY.signers
        hash = sha256(raw)

        def to_bytes(self):
            return raw

    return a_story(Unparsed()).vote("alice")


def terms(**changes):
    raw = canonicalise({**json.loads(SIMPLE.matter.terms.to_bytes()), **changes})
    return false("terms.form", SIMPLE, evidence=SIMPLE.evidence(terms=raw, terms_hash=sha256(raw)))


def nested(depth):
    value = DOCUMENT
    for _ in range(depth):
        value = {"v": value}
    return unreadable(SIMPLE, json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


def watched_by_nobody():
    """A trust file that asks for witnesses and names none."""
    trust = json.loads(SIMPLE.trust().to_bytes()) | {"level": "witnessed"}
    case = unreadable(SIMPLE, SIMPLE.evidence().to_bytes())
    return replace(case, trust=canonicalise(trust), expected={**case.expected, "check": "trust.form"})


CASES = {
    "trust_that_asks_for_witnesses_and_names_none": watched_by_nobody(),
    "empty": unreadable(SIMPLE, b""),
    "empty_object": unreadable(SIMPLE, b"{}"),
    "not_utf8": unreadable(SIMPLE, b"\xff"),
    "truncated": spelled(lambda raw: raw[:-1]),
    "trailing_newline": spelled(lambda raw: raw + b"\n"),
    "byte_order_mark": spelled(lambda raw: b"\xef\xbb\xbf" + raw),
    "spaces": spelled(lambda raw: raw.replace(b'","', b'", "', 1)),
    "escaped_otherwise": spelled(lambda raw: raw.replace(b'"v"', b'"\\u0076"', 1)),
    "key_twice": spelled(lambda raw: raw[:-1] + b',"v":"cosignet/evidence/v1"}'),
    "keys_in_another_order": spelled(
        lambda raw: json.dumps(dict(reversed(json.loads(raw).items())), separators=(",", ":")).encode()
    ),
    "number_spelled_otherwise": spelled(lambda raw: raw.replace(b'"size":', b'"size":0', 1)),
    "number_too_large": edited(
        heads=[{**DOCUMENT["heads"][0], "size": 2**53 - 1}, {**DOCUMENT["heads"][0], "size": 3}]
    ),
    "nested_deeply": nested(40),
    "nested_very_deeply": unreadable(SIMPLE, b"[" * 20_000 + b"]" * 20_000),
    "unknown_key": edited(extra=""),
    "missing_key": unreadable(SIMPLE, canonicalise({k: v for k, v in DOCUMENT.items() if k != "anchor"})),
    "another_version": edited(v="cosignet/evidence/v2"),
    "expired_is_no_decision": edited(decision="expired"),
    "base64url_padded": edited(terms=DOCUMENT["terms"] + "="),
    "base64url_loose_bits": edited(payload_hash=DOCUMENT["payload_hash"][:-1] + "B"),
    "hash_too_short": edited(terms_hash=b64u(bytes(31))),
    "withheld_in_part": edited(payload=""),
    "withheld_with_a_note": edited(terms="", payload="", policy=""),
    "key_that_nobody_used": unreadable(SIMPLE, canonicalise({**DOCUMENT, "votes": DOCUMENT["votes"][:1]})),
    "terms_with_one_more": terms(extra="x"),
    "terms_of_another_version": terms(v="cosignet/terms/v2"),
    "terms_whose_deadline_is_before_their_creation": terms(deadline="2026-01-31T11:00:00Z"),
    "terms_without_an_action": terms(action=""),
    "terms_another_amount": other("terms.hash", terms=replace(SIMPLE.matter.terms, action="Pay twice").to_bytes()),
    "note_another": other("terms.hash", note="Invoice 2026-0118"),
    "note_dropped": other("terms.hash", note=""),
    "policy_another": other("terms.hash", policy=Policy(("alice",)).to_bytes()),
    "payload_another": other("payload.hash", payload=PAYLOAD.canonical.replace(b"1200", b"9200")),
    "payload_another_with_its_hash": other("payload.hash", payload=b"{}", payload_hash=sha256(b"{}")),
    "payload_expected_another": false("payload.expected", SIMPLE, payload=b"{}"),
    "payload_expected_withheld": false("payload.expected", SIMPLE, evidence=SIMPLE.evidence().without_content()),
    "payload_not_canonical": payload("payload.not_canonical", b'{"b":1,"a":2}'),
    "payload_number_range": payload("payload.number_range", b'{"a":1e16}'),
    "payload_key_twice": payload("payload.duplicate_key", b'{"a":1,"a":2}'),
    "payload_no_object": payload("payload.not_object", b"[]"),
    "payload_not_json": payload("payload.not_json", b"\xff"),
    "payload_surrogate": payload("payload.surrogate", b'{"a":"\\ud800"}'),
    "payload_depth": payload("payload.depth", b'{"a":' * 33 + b"1" + b"}" * 33),
    "policy_unknown_key": policy("policy.form", extra=1),
    "policy_empty": policy("policy.empty", approvers=[]),
    "policy_unreachable": policy("policy.unreachable", threshold=3),
    "policy_delegates": policy("policy.delegates", delegates={"mallory": ["x"]}),
    "rejected_and_to_be_executed": false("decision.approved", REJECTED, evidence=REJECTED.evidence("rejected")),
    "validity_over": false("time.validity", SIMPLE, now=3_600),
}
