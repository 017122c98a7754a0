"""Write the test vectors beside this file: `.venv/bin/python -m tests.vectors.generate`.

Every input is fixed and every signature deterministic (RFC 6979, RFC 8032), so that the same bytes come out each time.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cosignet.core.canonical import Payload
from cosignet.core.checkpoint import Head
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, sha256
from cosignet.core.evidence import assertion_to_json
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.testing import Ceremony
from tests.vectors import corpus_content, corpus_genuine, corpus_log, corpus_reveal, corpus_trust, corpus_votes
from tests.vectors.corpus import TWO_OF_THREE
from tests.vectors.fixed import FixedPasskey
from tests.vectors.refusals import PAYLOADS, POLICIES

HERE = Path(__file__).parent
ORIGIN = "https://approve.example"
RP = RelyingParty("approve.example", frozenset({ORIGIN}))
CEREMONY = Ceremony(RP.id, ORIGIN)
HEAD = Head(7, sha256(b"a tree of seven leaves"))
CREATED_AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOTE = "Invoice 2026-0117, due today."

PAYLOAD_TEXTS = {
    "empty": "{}",
    "spelled otherwise": '{ "b" : 1.0, "a" : "\\u0041\\/" }',
    "sorted by UTF-16": '{"\\ufb33":1,"\\ud83d\\ude00":2,"\\u20ac":3,"\\u00f6":4,"1":5,"\\r":6}',
    "numbers": '{"n":[0,-0,1e0,0.1,1e-7,4.50,9007199254740991,-9007199254740991,333333333.33333329]}',
    "controls": '{"text":"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\u007f\\u0080\\"\\\\"}',
    "payment": '{"to":"Acme GmbH","amount":"1200.00","currency":"EUR","items":[{"id":7,"paid":false,"memo":null}]}',
    "deepest": '{"a":' * 32 + "1" + "}" * 32,
}


def at(seconds):
    return CREATED_AT + timedelta(seconds=seconds)


def payloads():
    return {"accepted": [_payload(name, text) for name, text in PAYLOAD_TEXTS.items()], "refused": PAYLOADS}


def _payload(name, text):
    payload = Payload.from_text(text.encode())
    return {"name": name, "text": text, "canonical": payload.canonical.decode(), "hash": b64u(payload.hash)}


POLICY = TWO_OF_THREE
SIMPLE = Policy(("alice",))
PAYLOAD = Payload.from_text(PAYLOAD_TEXTS["payment"].encode())
TERMS = Terms(
    confirmation="0198d2f0-5c1b-7c3e-9a4e-2f6f3f0b7a11",
    audience=RP.id,
    organisation="0198d2f0-0000-7000-8000-000000000001",
    requester="payments-agent",
    action="Pay an invoice",
    note=hash_text(NOTE),
    payload=PAYLOAD.hash,
    policy=POLICY.hash,
    created_at=CREATED_AT,
    deadline=at(900),
    valid_until=at(4500),
    reveal="no",
    execution="temporal:default/pay-invoices/pay",
)


def policies():
    accepted = [{"canonical": policy.to_bytes().decode(), "hash": b64u(policy.hash)} for policy in (SIMPLE, POLICY)]
    return {"accepted": accepted, "refused": POLICIES}


def context(person, decision="approve", *, reason="", stands_in_for=""):
    return Context(
        terms=sha256(TERMS.to_bytes()),
        approver=person,
        stands_in_for=stands_in_for,
        decision=decision,
        reason=hash_text(reason),
        issued_at=at(60),
        head=HEAD,
        random=sha256(f"random of {person}".encode()),
    )


def terms():
    """From the payload, policy and note to the challenge, one step a line."""
    approve, reject = context("alice"), context("bob", "reject", reason="Wrong account")
    return {
        "payload": PAYLOAD.canonical.decode(),
        "policy": POLICY.to_bytes().decode(),
        "note": NOTE,
        "terms": TERMS.to_bytes().decode(),
        "terms_hash": b64u(sha256(TERMS.to_bytes())),
        "votes": [_vote_steps(approve, ""), _vote_steps(reject, "Wrong account")],
    }


def _vote_steps(vote, reason):
    raw = vote.to_bytes()
    challenge = challenge_of(nonce_of(raw), PAYLOAD.hash)
    return {"reason": reason, "context": raw.decode(), "nonce": b64u(nonce_of(raw)), "challenge": b64u(challenge)}


def assertions():
    challenge = bytes(range(64))
    passkeys = [FixedPasskey("alice"), FixedPasskey("dora", algorithm="EdDSA", synced=True)]
    return {
        "rp_id": RP.id,
        "origins": [ORIGIN],
        "challenge": b64u(challenge),
        "accepted": [
            {**_credential(passkey), **assertion_to_json(passkey.sign(challenge, CEREMONY))} for passkey in passkeys
        ],
    }


def _credential(passkey):
    fields = asdict(passkey.credential)
    return {key: b64u(value) if isinstance(value, bytes) else value for key, value in fields.items() if key != "id"}


def cases():
    """Each folder of `evidence/`, by name."""
    found = {}
    for module in (corpus_genuine, corpus_content, corpus_votes, corpus_log, corpus_trust, corpus_reveal):
        for name, case in module.CASES.items():
            check = case.expected.get("check")
            found[f"{name}_fail_{check}" if check else name] = case
    return found


def pretty(value):
    return (json.dumps(value, indent=2) + "\n").encode()


def vectors():
    """Every file, by its path beside this one."""
    files = {
        "payloads.json": pretty(payloads()),
        "policies.json": pretty(policies()),
        "terms.json": pretty(terms()),
        "assertions.json": pretty(assertions()),
    }
    for name, case in cases().items():
        files[f"evidence/{name}/evidence.json"] = case.evidence
        files[f"evidence/{name}/trust.json"] = pretty(json.loads(case.trust))
        files[f"evidence/{name}/expected.json"] = pretty(case.expected)
    return files


if __name__ == "__main__":
    for path, content in vectors().items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_bytes(content)
