"""Whether evidence agrees with itself: all that can be checked without trusting anybody. docs/protocol.md §7.

What passes is either genuine or was signed anew as a whole; `cosignet.core.verdict` says by whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cosignet.core.addresses import HashedAddress
from cosignet.core.assertion import Credential
from cosignet.core.canonical import Payload
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.client_data import RelyingParty
from cosignet.core.decision import Matter, Vote, read_vote, recount, require_distinct, require_seat
from cosignet.core.encoding import b64u, from_instant, sha256
from cosignet.core.entry import Entry
from cosignet.core.evidence import Evidence, KeyEvidence, VoteEvidence
from cosignet.core.leaf import ENROLLED, REQUESTED, REVOKED, Leaf, public_deadline
from cosignet.core.merkle import verify_consistency
from cosignet.core.note import Note
from cosignet.core.ots import read_claims, root_in
from cosignet.core.outcome import OutcomeRecord, read_outcome
from cosignet.core.policy import Policy
from cosignet.core.record import Record
from cosignet.core.terms import Terms, hash_text
from cosignet.errors import CosignetError, VerificationFailed

ENROLMENT = "cosignet/enrolment/v1"
# Where an enrolment alone "runs": what approvers read there is never a caller's choice.
ENROLMENT_EXECUTION = "cosignet:enrolment"


# Rounded up, a later one would leave the calendar.
_LAST_MINUTE = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


@dataclass(frozen=True)
class Content:
    """What was decided, where it is not withheld."""

    terms: Terms
    payload: Payload
    policy: Policy


@dataclass(frozen=True)
class Key:
    """A passkey that signed: its role as endorsed, by what, and the leaf of its later revocation if it was revoked."""

    credential: Credential
    role: str
    endorsement: "Consistent | None"
    revoked: int | None


@dataclass(frozen=True)
class Consistent:
    """Evidence that agrees with itself. `note` is its checkpoint, `request` and `record` what the leaves commit to.

    `addresses` are the hashed ones of those who approved, by person, where that is public. `anchored` are the heights
    of the Bitcoin blocks whose header its anchor claims to have.
    """

    evidence: Evidence
    content: Content | None
    note: Note
    head: Checkpoint
    request: Record
    record: Record
    votes: tuple[Vote, ...]
    keys: Mapping[bytes, Key]
    addresses: Mapping[str, HashedAddress]
    anchored: tuple[int, ...]

    @property
    def decided_at(self) -> datetime:
        """When the deciding vote was counted, as the operator says."""
        return self.record.time


def check(evidence: Evidence) -> Consistent:
    """Make every check that needs no trust. Raises `CosignetError`; its code is the name of the check that failed."""
    content = _content(evidence)
    note = Note.parse(evidence.checkpoint)
    head = Checkpoint.parse(note.text)
    request_leaf, request = evidence.request.open(REQUESTED, head)
    _check_request(evidence, request_leaf, request, content)
    outcome_leaf, record = evidence.outcome.open(f"confirmation.{evidence.decision}", head)
    outcome = _check_outcome(evidence, outcome_leaf, record, request_leaf, request)
    keys = {key.credential.id: _key(key, evidence, head, record, content) for key in evidence.keys}
    votes = tuple(_vote(vote, evidence, keys, content) for vote in evidence.votes)
    _check_heads(evidence, votes, head)
    counted = list(zip(votes, outcome.counted_at, strict=True))
    _check_times(counted, request, record)
    _count(evidence, content, counted)
    _check_addresses(evidence, content, votes, outcome.addresses)
    anchored = _anchored(evidence)
    return Consistent(evidence, content, note, head, request, record, votes, keys, outcome.addresses, anchored)


def _content(evidence: Evidence) -> Content | None:
    if evidence.withheld:
        return None
    terms = Terms.parse(evidence.terms)
    if sha256(evidence.terms) != evidence.terms_hash:
        raise VerificationFailed("terms.hash", "the terms are not those that were signed")
    if not sha256(evidence.payload) == evidence.payload_hash == terms.payload:
        raise VerificationFailed("payload.hash", "the payload is not the one the terms commit to")
    payload = Payload.from_canonical(evidence.payload)
    policy = Policy.parse(evidence.policy)
    if sha256(evidence.policy) != terms.policy or hash_text(evidence.note) != terms.note:
        raise VerificationFailed("terms.hash", "policy or note are not the ones the terms commit to")
    return Content(terms, payload, policy)


def _check_request(evidence: Evidence, leaf: Leaf, record: Record, content: Content | None) -> None:
    said = _texts(record.content, "confirmation", "terms", "deadline")
    deadline = _instant(said["deadline"])
    if deadline > _LAST_MINUTE:
        raise _other_record("a deadline that no leaf can show")
    if said["terms"] != b64u(evidence.terms_hash) or leaf.public["deadline"] != public_deadline(deadline):
        raise _other_record("the request in the log is not this one")
    if content is None:
        return
    terms = content.terms
    if (record.organisation, said["confirmation"], record.time, deadline) != (
        terms.organisation,
        terms.confirmation,
        terms.created_at,
        terms.deadline,
    ):
        raise _other_record("the request in the log has other terms")


def _check_outcome(
    evidence: Evidence, leaf: Leaf, record: Record, request_leaf: Leaf, request: Record
) -> OutcomeRecord:
    said = record.content
    same = {name: request.content[name] for name in ("confirmation", "terms")}
    if set(said) != {"confirmation", "terms", "votes", "emails"} or {name: said[name] for name in same} != same:
        raise _other_record("the outcome in the log is not that of this request")
    if record.organisation != request.organisation or leaf.public["request"] != request_leaf.id:
        raise _other_record("the outcome in the log names another request")
    outcome = read_outcome(said, evidence.votes)
    if evidence.request.index >= evidence.outcome.index:
        raise VerificationFailed("log.order", "the outcome is in the log before the request")
    return outcome


def _key(key: KeyEvidence, evidence: Evidence, head: Checkpoint, outcome: Record, content: Content | None) -> Key:
    leaf, record = key.enrolled.open(ENROLLED, head)
    said = record.content
    known = enrolment_record(key.credential)
    if set(said) != {*known, "attested", "role"} or {name: said[name] for name in known} != known:
        raise _other_record("the passkey is enrolled otherwise in the log")
    if not (isinstance(said["attested"], bool) and isinstance(said["role"], str)):
        raise _other_record("the passkey's enrolment in the log is of another form")
    if record.organisation != outcome.organisation:
        raise _other_record("the passkey is enrolled in another organisation")
    if key.enrolled.index >= evidence.outcome.index:
        raise VerificationFailed("log.order", "the passkey was enrolled after it had signed")
    revoked = _revoked(key.revoked, key, leaf, evidence, head, outcome.organisation) if key.revoked else None
    if key.endorsement is None:
        return Key(key.credential, "", None, revoked)
    endorsement, role = _endorsement(key.endorsement, key.credential, head, outcome, content)
    return Key(key.credential, role, endorsement, revoked)


def enrolment_record(credential: Credential) -> dict[str, object]:
    """A passkey as the record of its enrolment names it."""
    return {
        "person": credential.person,
        "credential": b64u(credential.id),
        "public_key": b64u(credential.public_key),
        "backup_eligible": credential.backup_eligible,
    }


def _revoked(
    revoked: Entry, key: KeyEvidence, enrolled: Leaf, evidence: Evidence, head: Checkpoint, organisation: str
) -> int:
    _, record = revoked.open(REVOKED, head)
    said = _texts(record.content, "person", "credential", "enrolled", "by")
    passkey = (organisation, key.credential.person, b64u(key.credential.id), enrolled.id)
    if (record.organisation, said["person"], said["credential"], said["enrolled"]) != passkey:
        raise _other_record("the revocation in the log is that of another passkey")
    if revoked.index < evidence.outcome.index:
        raise VerificationFailed("credential.revoked", "the passkey had been revoked before the decision")
    return revoked.index


def _endorsement(
    evidence: Evidence, credential: Credential, head: Checkpoint, outcome: Record, content: Content | None
) -> tuple[Consistent, str]:
    try:
        inner = check(evidence)
    except CosignetError as error:
        raise VerificationFailed("credential.endorsed", f"its endorsement fails: {error}") from error
    said = inner.content
    if said is None or evidence.decision != "approved" or said.terms.execution != ENROLMENT_EXECUTION:
        raise VerificationFailed("credential.endorsed", "what is given for an endorsement is none")
    if (inner.head.origin, said.terms.organisation) != (head.origin, outcome.organisation) or (
        content is not None and said.terms.audience != content.terms.audience
    ):
        raise VerificationFailed("credential.endorsed", "endorsed elsewhere")
    value = said.payload.value
    role, email = value.get("role"), value.get("email")
    expected = {"v": ENROLMENT, **enrolment_record(credential), "role": role, "email": email}
    if value != expected or not isinstance(role, str) or not isinstance(email, str):
        raise VerificationFailed("credential.endorsed", "another passkey was endorsed than this one")
    return inner, role


def _vote(vote: VoteEvidence, evidence: Evidence, keys: Mapping[bytes, Key], content: Content | None) -> Vote:
    credential = keys[vote.assertion.credential_id].credential
    found = read_vote(evidence.terms_hash, evidence.payload_hash, vote.context, vote.assertion, credential)
    if content is not None:
        if found.proof.place.rp_id_hash != sha256(content.terms.audience.encode()):
            raise VerificationFailed("assertion.rp_id", "made for another relying party than the terms name")
        require_seat(content.policy, found)
        if hash_text(vote.reason) != found.context.reason:
            raise VerificationFailed("context.nonce", "the reason is not the one that was signed")
    return found


def _check_heads(evidence: Evidence, votes: tuple[Vote, ...], newest: Checkpoint) -> None:
    proofs = {head.size: head.proof for head in evidence.heads}
    named = [vote.context.head for vote in votes if vote.context.head]
    if len(named) != len(votes) or {head.size for head in named} != set(proofs):
        raise VerificationFailed("log.consistency", "the heads that were signed are not those that are proven")
    for head in named:
        verify_consistency(head.size, newest.size, proofs[head.size], head.root, newest.root)
        if not evidence.request.index < head.size <= evidence.outcome.index:
            raise VerificationFailed("log.order", "a vote names a head from before the request or after the outcome")


def _check_times(counted: list[tuple[Vote, datetime]], request: Record, outcome: Record) -> None:
    for vote, at in counted:
        if not request.time <= vote.context.issued_at <= at <= outcome.time < _instant(request.content["deadline"]):
            raise VerificationFailed(
                "time.deadline", "the times of a vote are not in order, or not before the deadline"
            )


def _count(evidence: Evidence, content: Content | None, counted: list[tuple[Vote, datetime]]) -> None:
    votes = [vote for vote, _ in counted]
    if content is not None:
        # Nothing is signed at this relying party, which has no pages: recounting looks at seats and times alone.
        matter = Matter(content.terms, evidence.terms_hash, content.policy, RelyingParty("", frozenset()))
        status = recount(matter, counted).status
        if status != evidence.decision:
            raise VerificationFailed("policy.quorum", f"the votes make it {status}, not {evidence.decision}")
        return
    for place, vote in enumerate(votes):
        require_distinct(vote, votes[:place])
    # Whatever the policy is, the vote that decides is the last one, and of the kind that it decides.
    if not votes or {"approve": "approved", "reject": "rejected"}[votes[-1].context.decision] != evidence.decision:
        raise VerificationFailed("policy.quorum", "the last vote cannot have decided this")


def _check_addresses(
    evidence: Evidence, content: Content | None, votes: tuple[Vote, ...], addresses: Mapping[str, HashedAddress]
) -> None:
    # Whoever does not see the terms learns from the addresses themselves that they were made public.
    public = evidence.decision == "approved" and (content.terms.reveal == "yes" if content else bool(addresses))
    approved = {vote.context.approver for vote in votes if vote.context.decision == "approve"}
    if addresses.keys() != (approved if public else set()):
        raise _other_record("the addresses in the log are not those of the people who agreed to it")


def _anchored(evidence: Evidence) -> tuple[int, ...]:
    if evidence.anchor is None:
        return ()
    claims = read_claims(evidence.anchor.ots, sha256(evidence.checkpoint))
    heights = tuple(claim.height for claim in claims if claim.root == root_in(evidence.anchor.header))
    if not heights:
        raise VerificationFailed("anchor.header", "the timestamp does not lead to the block whose header is given")
    return heights


def _texts(content: Mapping[str, Any], *names: str) -> Mapping[str, str]:
    if set(content) != set(names) or not all(isinstance(value, str) for value in content.values()):
        raise _other_record(f"expected the texts {', '.join(names)}")
    return content


def _instant(text: Any) -> datetime:
    try:
        return from_instant(text)
    except (CosignetError, TypeError) as error:
        raise _other_record("a time in the log's record is none") from error


def _other_record(detail: str) -> VerificationFailed:
    return VerificationFailed("leaf.record", detail)
