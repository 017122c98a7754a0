"""What is signed: terms that all approvers share, one context per vote, nonce and challenge. docs/protocol.md §2.

nonce     = SHA-256("cosignet/context/v1" || 0x00 || context bytes)
challenge = nonce || SHA-256(payload)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, cast

from cosignet.core.canonical import canonicalise, read_record
from cosignet.core.checkpoint import Head
from cosignet.core.encoding import b64u, from_b64u, from_instant, instant, sha256
from cosignet.errors import Malformed

TERMS = "cosignet/terms/v1"
CONTEXT = "cosignet/context/v1"
NO_HEAD = "none"

MAX_ACTION = 200
MAX_NOTE = 2_000
MAX_REASON = 1_000
MAX_NAME = 500
MAX_PERSON = 64

DecisionWord = Literal["approve", "reject"]


@dataclass(frozen=True)
class Terms:
    """What every approver of one confirmation agrees to. Hashes are 32 bytes, times aware and whole seconds."""

    confirmation: str
    audience: str
    organisation: str
    requester: str
    action: str
    note: bytes | None
    payload: bytes
    policy: bytes
    created_at: datetime
    deadline: datetime
    valid_until: datetime
    reveal: Literal["no", "yes"]
    execution: str

    def to_bytes(self) -> bytes:
        """The canonical bytes, the ones that are hashed, stored and served verbatim."""
        return canonicalise(
            {
                **asdict(self),
                "v": TERMS,
                "note": b64u(self.note) if self.note else "",
                "payload": b64u(self.payload),
                "policy": b64u(self.policy),
                "created_at": instant(self.created_at),
                "deadline": instant(self.deadline),
                "valid_until": instant(self.valid_until),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Terms":
        """Read canonical bytes with exactly the keys of docs/protocol.md. Raises `Malformed("terms.form")`."""
        with _form_errors_of("terms"):
            return cls._from_record(read_record(raw, _TERMS_KEYS, "terms"))

    @classmethod
    def _from_record(cls, record: dict[str, str]) -> "Terms":
        _require_version(record, TERMS)
        if record["reveal"] not in ("no", "yes"):
            raise Malformed("terms.form", "reveal must be yes or no")
        terms = cls(
            confirmation=_name(record, "confirmation"),
            audience=_name(record, "audience"),
            organisation=_name(record, "organisation"),
            requester=_name(record, "requester"),
            action=_name(record, "action", MAX_ACTION),
            note=_optional_hash(record["note"]),
            payload=from_b64u(record["payload"], size=32),
            policy=from_b64u(record["policy"], size=32),
            created_at=from_instant(record["created_at"]),
            deadline=from_instant(record["deadline"]),
            valid_until=from_instant(record["valid_until"]),
            reveal=cast(Literal["no", "yes"], record["reveal"]),
            execution=record["execution"],
        )
        if not terms.created_at < terms.deadline <= terms.valid_until:
            raise Malformed("terms.form", "expected created_at < deadline <= valid_until")
        return terms


@dataclass(frozen=True)
class Context:
    """One approver's vote on the terms. `terms` and `reason` are SHA-256, `random` 32 bytes.

    `head` is a signed head of the log that covers the request, so the signature is younger than that; none where
    there is no log.
    `stands_in_for` is `for` on the wire: empty, or the id of the person who delegated their vote.
    """

    terms: bytes
    approver: str
    stands_in_for: str
    decision: DecisionWord
    reason: bytes | None
    issued_at: datetime
    head: Head | None
    random: bytes

    @property
    def seat(self) -> str:
        """The person whose vote this is: the approver's own, or that of whoever delegated it."""
        return self.stands_in_for or self.approver

    def to_bytes(self) -> bytes:
        """The canonical bytes that the nonce commits to."""
        return canonicalise(
            {
                "v": CONTEXT,
                "terms": b64u(self.terms),
                "approver": self.approver,
                "for": self.stands_in_for,
                "decision": self.decision,
                "reason": b64u(self.reason) if self.reason else "",
                "issued_at": instant(self.issued_at),
                "head": self.head.to_text() if self.head else NO_HEAD,
                "random": b64u(self.random),
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Context":
        """Read canonical bytes with exactly the keys of docs/protocol.md. Raises `Malformed("context.form")`."""
        with _form_errors_of("context"):
            return cls._from_record(read_record(raw, _CONTEXT_KEYS, "context"))

    @classmethod
    def _from_record(cls, record: dict[str, str]) -> "Context":
        _require_version(record, CONTEXT)
        if record["decision"] not in ("approve", "reject"):
            raise Malformed("context.form", "decision must be approve or reject")
        if record["for"] == record["approver"]:
            raise Malformed("context.form", "nobody stands in for themselves")
        return cls(
            terms=from_b64u(record["terms"], size=32),
            approver=_name(record, "approver", MAX_PERSON),
            stands_in_for=record["for"] and _name(record, "for", MAX_PERSON),
            decision=cast(DecisionWord, record["decision"]),
            reason=_optional_hash(record["reason"]),
            issued_at=from_instant(record["issued_at"]),
            head=None if record["head"] == NO_HEAD else Head.parse(record["head"]),
            random=from_b64u(record["random"], size=32),
        )


def nonce_of(context: bytes) -> bytes:
    """The identity of a vote, 32 bytes: a commitment to the context's canonical bytes."""
    return sha256(CONTEXT.encode() + b"\x00" + context)


def challenge_of(nonce: bytes, payload_hash: bytes) -> bytes:
    """The WebAuthn challenge, 64 bytes."""
    return nonce + payload_hash


def hash_text(text: str) -> bytes | None:
    """SHA-256 of a note or reason in UTF-8; none for an empty one."""
    return sha256(text.encode("utf-8")) if text else None


_TERMS_KEYS = ("v", *Terms.__dataclass_fields__)
_CONTEXT_KEYS = ("v", "terms", "approver", "for", "decision", "reason", "issued_at", "head", "random")


@contextmanager
def _form_errors_of(kind: str) -> Iterator[None]:
    """Name the object in the error, whichever field of it was wrong."""
    try:
        yield
    except Malformed as error:
        raise Malformed(f"{kind}.form", error.detail) from error


def _require_version(record: dict[str, str], version: str) -> None:
    if record["v"] != version:
        raise Malformed("version.unknown", f"expected version {version}")


def _name(record: dict[str, str], key: str, limit: int = MAX_NAME) -> str:
    if not 0 < len(record[key]) <= limit:
        raise Malformed("name.length", f"{key} must have 1 to {limit} characters")
    return record[key]


def _optional_hash(text: str) -> bytes | None:
    return from_b64u(text, size=32) if text else None
