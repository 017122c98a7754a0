"""A log in memory, with real hashes and real signatures, and the evidence of what was decided in it."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cosignet.core.addresses import HashedAddress
from cosignet.core.assertion import Credential
from cosignet.core.checkpoint import Checkpoint, Head
from cosignet.core.consistency import enrolment_record
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.entry import Entry
from cosignet.core.evidence import DecisionStatus, Evidence, HeadProof, KeyEvidence, VoteEvidence
from cosignet.core.leaf import ENROLLED, REQUESTED, REVOKED, Leaf, commitment, public_deadline
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.merkle import consistency_ranges, inclusion_ranges, leaf_hash
from cosignet.core.note import Note, Signature
from cosignet.core.outcome import outcome_record
from cosignet.core.record import Record
from cosignet.core.terms import Terms
from cosignet.core.tiles import grow, hashes_of, root_of
from cosignet.core.trust import PinnedLog, PinnedLogKey

KINDS = (Kind.ED25519, Kind.ML_DSA_44)


@dataclass(frozen=True)
class _Logged:
    leaf: bytes
    record: bytes
    salt: bytes


class SoftwareLog:
    """A log of one organisation. Everything random in it comes from `secret`, so that vectors can be made again."""

    def __init__(
        self, origin: str, organisation: str, *, secret: bytes | None = None, kinds: Sequence[Kind] = KINDS
    ) -> None:
        self.origin = origin
        self.organisation = organisation
        self._secret = secret or secrets.token_bytes(32)
        self.keys = tuple(SigningKey(origin, kind, self._random(kind.name)) for kind in kinds)
        self.entries: list[_Logged] = []
        self.time = 0

    @property
    def pinned(self) -> PinnedLog:
        """What trusts this log."""
        return PinnedLog(tuple(PinnedLogKey(key.public) for key in self.keys))

    @property
    def head(self) -> Head:
        """The tree as it is now."""
        return Head(len(self.entries), root_of(len(self.entries), self._tiles()))

    def copy(self) -> "SoftwareLog":
        """The same log, which goes on by itself from here: a fork."""
        kinds = [key.kind for key in self.keys]
        twin = type(self)(self.origin, self.organisation, secret=self._secret, kinds=kinds)
        twin.entries, twin.time = list(self.entries), self.time
        return twin

    def append(
        self, event: str, content: Mapping[str, Any], at: datetime, public: Mapping[str, str] | None = None
    ) -> int:
        """Record an event; the index of its leaf."""
        number = len(self.entries)
        record = Record(event, self.organisation, number + 1, at, content).to_bytes()
        salt = self._random(f"salt {number}")
        leaf = Leaf(event, self.id_of(number), at, commitment(salt, record), public or {})
        self.entries.append(_Logged(leaf.to_bytes(), record, salt))
        return number

    def id_of(self, index: int) -> str:
        """The id of the event whose leaf is this one."""
        return self._random(f"event {index}")[:16].hex()

    def enrol(self, credential: Credential, at: datetime, *, role: str = "approver") -> int:
        """Record a new passkey."""
        return self.append(ENROLLED, {**enrolment_record(credential), "attested": False, "role": role}, at)

    def revoke(self, credential: Credential, enrolled: int, at: datetime) -> int:
        """Record that a passkey was revoked, whose enrolment is leaf `enrolled`."""
        content = {
            "person": credential.person,
            "credential": b64u(credential.id),
            "enrolled": self.id_of(enrolled),
            "by": "a test",
        }
        return self.append(REVOKED, content, at)

    def request(self, terms: Terms) -> int:
        """Record a request."""
        content = {
            "confirmation": terms.confirmation,
            "terms": b64u(sha256(terms.to_bytes())),
            "deadline": instant(terms.deadline),
        }
        public = {"deadline": public_deadline(terms.deadline)}
        return self.append(REQUESTED, content, terms.created_at, public)

    def decide(
        self,
        decision: DecisionStatus,
        request: int,
        terms: Terms,
        votes: Sequence[tuple[VoteEvidence, datetime]],
        at: datetime,
        addresses: Mapping[str, HashedAddress] | None = None,
    ) -> int:
        """Record what votes, each with the time it was counted at, have decided about a request."""
        content = outcome_record(terms.confirmation, sha256(terms.to_bytes()), votes, addresses or {})
        return self.append(f"confirmation.{decision}", content, at, {"request": self.id_of(request)})

    def checkpoint(self) -> bytes:
        """The tree as it is now, signed."""
        checkpoint = Checkpoint(self.origin, *self.head)
        return Note(checkpoint.to_text(), tuple(self.sign(key, checkpoint) for key in self.keys)).to_bytes()

    def sign(self, key: SigningKey, checkpoint: Checkpoint) -> Signature:
        """One line of a checkpoint."""
        return key.sign(checkpoint, time=self.time)

    def entry(self, index: int) -> Entry:
        """A leaf with its proof in the tree as it is now."""
        logged = self.entries[index]
        hashes = hashes_of(inclusion_ranges(index, len(self.entries)), self._tiles())
        return Entry(index, logged.leaf, tuple(hashes), logged.record, logged.salt)

    def since(self, size: int) -> HeadProof:
        """That the tree of so many leaves is the beginning of the tree as it is now."""
        return HeadProof(size, tuple(hashes_of(consistency_ranges(size, len(self.entries)), self._tiles())))

    def evidence(
        self,
        decision: DecisionStatus,
        terms: Terms,
        votes: Sequence[VoteEvidence],
        passkeys: Mapping[int, Credential],
        heads: Collection[int],
        *,
        request: int,
        outcome: int,
        payload: bytes,
        policy: bytes,
        note: str = "",
    ) -> Evidence:
        """The evidence of a decision in the tree: `passkeys` by where they were enrolled, `heads` that votes name."""
        return Evidence(
            decision=decision,
            terms=terms.to_bytes(),
            terms_hash=sha256(terms.to_bytes()),
            payload=payload,
            payload_hash=sha256(payload),
            note=note,
            policy=policy,
            votes=tuple(votes),
            keys=tuple(
                KeyEvidence(credential, self.entry(index))
                for index, credential in sorted(passkeys.items(), key=lambda item: item[1].id)
            ),
            request=self.entry(request),
            outcome=self.entry(outcome),
            checkpoint=self.checkpoint(),
            heads=tuple(self.since(size) for size in sorted(set(heads))),
        )

    def prove_again(self, evidence: Evidence) -> Evidence:
        """The same evidence, proven in the tree as it is now."""
        return replace(
            evidence,
            request=self.entry(evidence.request.index),
            outcome=self.entry(evidence.outcome.index),
            keys=tuple(replace(key, enrolled=self.entry(key.enrolled.index)) for key in evidence.keys),
            checkpoint=self.checkpoint(),
            heads=tuple(self.since(head.size) for head in evidence.heads),
        )

    def _tiles(self) -> Any:
        return grow(0, [leaf_hash(logged.leaf) for logged in self.entries], {})

    def _random(self, what: str) -> bytes:
        return sha256(self._secret + what.encode())
