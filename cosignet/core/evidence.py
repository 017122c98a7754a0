"""The evidence of one decision: a self-contained document that anyone can check offline. docs/protocol.md §7.

Whatever was hashed or signed travels as the bytes that were, in base64url, and is never re-serialised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.canonical import MAX_BYTES, canonicalise, of_type, parse
from cosignet.core.encoding import b64u, from_b64u, from_instant, instant
from cosignet.errors import Malformed

EVIDENCE = "cosignet/evidence/v1"
MEDIA_TYPE = "application/vnd.cosignet.evidence+json"
MAX_EVIDENCE = 4 * 1024 * 1024

DecisionStatus = Literal["approved", "rejected"]


@dataclass(frozen=True)
class VoteEvidence:
    """One vote: `context` canonical bytes, `reason` the text it commits to, when the server counted it."""

    context: bytes
    reason: str
    assertion: Assertion
    counted_at: datetime


@dataclass(frozen=True)
class Evidence:
    """One decision. `terms`, `payload` and `policy` are canonical bytes; `decided_at` is the operator's word."""

    decision: DecisionStatus
    decided_at: datetime
    terms: bytes
    payload: bytes
    note: str
    policy: bytes
    votes: tuple[VoteEvidence, ...]
    credentials: tuple[Credential, ...]

    def to_bytes(self) -> bytes:
        """The document as served, `application/vnd.cosignet.evidence+json`."""
        return canonicalise(
            {
                "v": EVIDENCE,
                "decision": self.decision,
                "decided_at": instant(self.decided_at),
                "terms": b64u(self.terms),
                "payload": b64u(self.payload),
                "note": self.note,
                "policy": b64u(self.policy),
                "votes": [_vote_to_json(vote) for vote in self.votes],
                "credentials": [_credential_to_json(credential) for credential in self.credentials],
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Evidence":
        """Read a document in any JSON spelling; unknown, missing and duplicate keys are errors.

        Raises `Malformed("evidence.form")`.
        """
        if len(raw) > MAX_EVIDENCE:
            raise Malformed("evidence.form", "too long for evidence")
        try:
            value = parse(raw)
            evidence = _from_json(value)
            same = evidence.to_bytes() == canonicalise(value)
        except Malformed as error:
            raise Malformed("evidence.form", error.detail) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed("evidence.form", f"missing, or of another type: {error}") from error
        if not same:
            raise Malformed("evidence.form", "unknown keys, or values of another type")
        return evidence


def assertion_to_json(assertion: Assertion) -> dict[str, str]:
    """The verbatim parts of an assertion as base64url; `user_handle` is empty when there is none."""
    return {
        "credential": b64u(assertion.credential_id),
        "authenticator_data": b64u(assertion.authenticator_data),
        "client_data": b64u(assertion.client_data),
        "signature": b64u(assertion.signature),
        "user_handle": b64u(assertion.user_handle or b""),
    }


def assertion_from_json(get: Callable[[str], str]) -> Assertion:
    """Read what `assertion_to_json` writes, part by part. Raises `Malformed("encoding.base64url")`."""
    return Assertion(
        credential_id=from_b64u(get("credential")),
        authenticator_data=from_b64u(get("authenticator_data")),
        client_data=from_b64u(get("client_data")),
        signature=from_b64u(get("signature")),
        user_handle=from_b64u(get("user_handle")) or None,
    )


def _from_json(value: Any) -> Evidence:
    if value["v"] != EVIDENCE or value["decision"] not in ("approved", "rejected"):
        raise Malformed("evidence.form", f"expected {EVIDENCE} with decision approved or rejected")
    payload = from_b64u(value["payload"])
    if len(payload) > MAX_BYTES:
        raise Malformed("evidence.form", "the payload is too long")
    return Evidence(
        decision=value["decision"],
        decided_at=from_instant(value["decided_at"]),
        terms=from_b64u(value["terms"]),
        payload=payload,
        note=of_type(value["note"], str),
        policy=from_b64u(value["policy"]),
        votes=tuple(_vote_from_json(vote) for vote in value["votes"]),
        credentials=tuple(_credential_from_json(credential) for credential in value["credentials"]),
    )


def _vote_to_json(vote: VoteEvidence) -> dict[str, Any]:
    return {
        "context": b64u(vote.context),
        "reason": vote.reason,
        "counted_at": instant(vote.counted_at),
        **assertion_to_json(vote.assertion),
    }


def _vote_from_json(value: Any) -> VoteEvidence:
    return VoteEvidence(
        context=from_b64u(value["context"]),
        reason=of_type(value["reason"], str),
        assertion=assertion_from_json(value.__getitem__),
        counted_at=from_instant(value["counted_at"]),
    )


def _credential_to_json(credential: Credential) -> dict[str, Any]:
    return {
        "id": b64u(credential.id),
        "person": credential.person,
        "public_key": b64u(credential.public_key),
        "backup_eligible": credential.backup_eligible,
    }


def _credential_from_json(value: Any) -> Credential:
    return Credential(
        id=from_b64u(value["id"]),
        person=of_type(value["person"], str),
        public_key=from_b64u(value["public_key"]),
        backup_eligible=of_type(value["backup_eligible"], bool),
    )
