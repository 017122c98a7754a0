"""The evidence of one decision: a self-contained document that anyone can check offline. docs/protocol.md §7.

Whatever was hashed or signed travels as the bytes that were, in base64url, and is never re-serialised. The document
itself has one spelling, its RFC 8785 form.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.canonical import MAX_BYTES, canonicalise, of_type, parse
from cosignet.core.checkpoint import MAX_SIZE
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.entry import Entry, hashes_from_json
from cosignet.core.leaf import HASH_BYTES
from cosignet.core.terms import MAX_PERSON
from cosignet.errors import Malformed

EVIDENCE = "cosignet/evidence/v1"
MEDIA_TYPE = "application/vnd.cosignet.evidence+json"
MAX_EVIDENCE = 4 * 1024 * 1024

DecisionStatus = Literal["approved", "rejected"]


@dataclass(frozen=True)
class VoteEvidence:
    """One vote: `context` canonical bytes, `reason` the text it commits to."""

    context: bytes
    reason: str
    assertion: Assertion


@dataclass(frozen=True)
class KeyEvidence:
    """A passkey that signed, its enrolment in the log, its revocation if there is one, and who endorsed it if anyone.

    `endorsement` is the evidence of the confirmation in which an owner or admin approved this enrolment.
    """

    credential: Credential
    enrolled: Entry
    revoked: Entry | None = None
    endorsement: "Evidence | None" = None


@dataclass(frozen=True)
class HeadProof:
    """That the log's tree of `size` leaves, whose root a context names, is the beginning of the checkpoint's."""

    size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class Anchor:
    """When the checkpoint's file was timestamped: the OpenTimestamps proof, and the header (80 bytes) it leads to."""

    ots: bytes
    header: bytes


@dataclass(frozen=True)
class Evidence:
    """One decision. `terms`, `payload` and `policy` are canonical bytes, and empty where they are withheld.

    `heads` has one proof for each head that a context names, the smallest first; `keys` one of each passkey, by id.
    `checkpoint` is the signed note that all proofs lead to.
    """

    decision: DecisionStatus
    terms: bytes
    terms_hash: bytes
    payload: bytes
    payload_hash: bytes
    note: str
    policy: bytes
    votes: tuple[VoteEvidence, ...]
    keys: tuple[KeyEvidence, ...]
    request: Entry
    outcome: Entry
    checkpoint: bytes
    heads: tuple[HeadProof, ...]
    anchor: Anchor | None = None

    @property
    def withheld(self) -> bool:
        """Whether this shows who signed and what the log says, and not what it was about."""
        return not self.terms

    def without_content(self) -> "Evidence":
        """The same, with terms, payload, note, policy and reasons withheld."""
        votes = tuple(replace(vote, reason="") for vote in self.votes)
        return replace(self, terms=b"", payload=b"", note="", policy=b"", votes=votes)

    def to_bytes(self) -> bytes:
        """The document as served, `application/vnd.cosignet.evidence+json`."""
        return canonicalise(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The document as a value."""
        return {
            "v": EVIDENCE,
            "decision": self.decision,
            "terms": b64u(self.terms),
            "terms_hash": b64u(self.terms_hash),
            "payload": b64u(self.payload),
            "payload_hash": b64u(self.payload_hash),
            "note": self.note,
            "policy": b64u(self.policy),
            "votes": [_vote_to_json(vote) for vote in self.votes],
            "keys": [_key_to_json(key) for key in self.keys],
            "request": self.request.to_json(),
            "outcome": self.outcome.to_json(),
            "checkpoint": b64u(self.checkpoint),
            "heads": [{"size": head.size, "proof": [b64u(value) for value in head.proof]} for head in self.heads],
            "anchor": {"ots": b64u(self.anchor.ots), "header": b64u(self.anchor.header)} if self.anchor else None,
        }

    @classmethod
    def parse(cls, raw: bytes) -> "Evidence":
        """Read a document in its one spelling; unknown, missing and duplicate keys are errors.

        Raises `Malformed("evidence.form")`.
        """
        if len(raw) > MAX_EVIDENCE:
            raise Malformed("evidence.form", "too long for evidence")
        try:
            value = parse(raw)
            evidence = _from_json(value)
            same = evidence.to_bytes() == raw
        except Malformed as error:
            raise Malformed("evidence.form", error.detail) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed("evidence.form", f"missing, or of another type: {error}") from error
        if not same:
            raise Malformed("evidence.form", "unknown keys, or not the RFC 8785 form of its value")
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
    evidence = Evidence(
        decision=value["decision"],
        terms=from_b64u(value["terms"]),
        terms_hash=from_b64u(value["terms_hash"], size=HASH_BYTES),
        payload=from_b64u(value["payload"]),
        payload_hash=from_b64u(value["payload_hash"], size=HASH_BYTES),
        note=of_type(value["note"], str),
        policy=from_b64u(value["policy"]),
        votes=tuple(_vote_from_json(vote) for vote in of_type(value["votes"], list)),
        keys=tuple(_key_from_json(key) for key in of_type(value["keys"], list)),
        request=Entry.from_json(value["request"]),
        outcome=Entry.from_json(value["outcome"]),
        checkpoint=from_b64u(value["checkpoint"]),
        heads=tuple(_head_from_json(head) for head in of_type(value["heads"], list)),
        anchor=_anchor_from_json(value["anchor"]) if value["anchor"] is not None else None,
    )
    _check(evidence)
    return evidence


def _check(evidence: Evidence) -> None:
    if len(evidence.payload) > MAX_BYTES:
        raise Malformed("evidence.form", "the payload is too long")
    if not len({bool(part) for part in (evidence.terms, evidence.payload, evidence.policy)}) == 1:
        raise Malformed("evidence.form", "terms, payload and policy are withheld together or not at all")
    if evidence.withheld and (evidence.note or any(vote.reason for vote in evidence.votes)):
        raise Malformed("evidence.form", "a note or reason is withheld with the terms")
    if not all(0 < len(key.credential.person) <= MAX_PERSON for key in evidence.keys):
        raise Malformed("evidence.form", "people are named by their ids")
    ids = [key.credential.id for key in evidence.keys]
    if ids != sorted({vote.assertion.credential_id for vote in evidence.votes}):
        raise Malformed("evidence.form", "the keys are not exactly those that signed, each once, sorted by id")
    sizes = [head.size for head in evidence.heads]
    if sizes != sorted(set(sizes)):
        raise Malformed("evidence.form", "the heads are not in order")


def _vote_to_json(vote: VoteEvidence) -> dict[str, Any]:
    return {"context": b64u(vote.context), "reason": vote.reason, **assertion_to_json(vote.assertion)}


def _vote_from_json(value: Any) -> VoteEvidence:
    return VoteEvidence(
        context=from_b64u(value["context"]),
        reason=of_type(value["reason"], str),
        assertion=assertion_from_json(value.__getitem__),
    )


def _key_to_json(key: KeyEvidence) -> dict[str, Any]:
    return {
        "id": b64u(key.credential.id),
        "person": key.credential.person,
        "public_key": b64u(key.credential.public_key),
        "backup_eligible": key.credential.backup_eligible,
        "enrolled": key.enrolled.to_json(),
        "revoked": key.revoked.to_json() if key.revoked else None,
        "endorsement": key.endorsement.to_json() if key.endorsement else None,
    }


def _key_from_json(value: Any) -> KeyEvidence:
    credential = Credential(
        id=from_b64u(value["id"]),
        person=of_type(value["person"], str),
        public_key=from_b64u(value["public_key"]),
        backup_eligible=of_type(value["backup_eligible"], bool),
    )
    return KeyEvidence(
        credential=credential,
        enrolled=Entry.from_json(value["enrolled"]),
        revoked=Entry.from_json(value["revoked"]) if value["revoked"] is not None else None,
        endorsement=_from_json(value["endorsement"]) if value["endorsement"] is not None else None,
    )


def _head_from_json(value: Any) -> HeadProof:
    size = of_type(value["size"], int)
    if not 0 <= size <= MAX_SIZE:
        raise Malformed("evidence.form", "a size that no tree has")
    return HeadProof(size, hashes_from_json(value["proof"]))


def _anchor_from_json(value: Any) -> Anchor:
    return Anchor(from_b64u(value["ots"]), from_b64u(value["header"], size=80))
