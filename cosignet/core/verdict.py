"""`verify(evidence, trust) -> Verdict`: returns only when every check passed, else names the failed one.

The checks and their names are docs/protocol.md §7. There is no bare yes or no: a verdict names what is
proven, what rests on somebody's word, and what is not proven.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.canonical import Payload
from cosignet.core.decision import Decision, Matter, Vote, recount, verify_vote
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.evidence import DecisionStatus, Evidence, VoteEvidence
from cosignet.core.policy import Policy
from cosignet.core.terms import Terms, hash_text
from cosignet.core.trust import Trust
from cosignet.errors import CosignetError, VerificationFailed


@dataclass(frozen=True)
class Signer:
    """Who signed: person id, the name the trust file gives them, their decision and reason, the key used."""

    person: str
    name: str
    decision: str
    reason: str
    credential_id: str
    synced_key: bool


@dataclass(frozen=True)
class Verdict:
    """A decision that verified under one trust file, and exactly what that means."""

    decision: DecisionStatus
    terms: Terms
    payload: dict[str, Any]
    signers: tuple[Signer, ...]
    proven: tuple[str, ...]
    attested: tuple[str, ...]
    not_proven: tuple[str, ...]


def verify(raw: bytes, trust: Trust, *, expected_payload: bytes | None, now: datetime) -> Verdict:
    """Check one evidence document against the relying party's trust.

    `expected_payload` are the canonical bytes of what is about to be executed. Raises
    `VerificationFailed(<named check>)`; a document that cannot be read fails as `evidence.form`.
    """
    try:
        return _verify(Evidence.parse(raw), trust, expected_payload, now)
    except VerificationFailed:
        raise
    except CosignetError as error:
        raise VerificationFailed(_CHECK_OF.get(error.code, error.code), error.detail) from error


def _verify(evidence: Evidence, trust: Trust, expected_payload: bytes | None, now: datetime) -> Verdict:
    terms = Terms.parse(evidence.terms)
    payload = _check_payload(evidence, terms, expected_payload)
    matter = _check_matter(evidence, terms, trust)
    votes = [(_check_vote(matter, vote, evidence, trust), vote.counted_at) for vote in evidence.votes]
    decision = _check_decision(recount(matter, votes), evidence, trust)
    if evidence.decision == "approved" and now >= terms.valid_until:
        raise VerificationFailed("time.validity", f"the approval was valid until {instant(terms.valid_until)}")
    return _verdict(evidence, matter, payload, decision, trust)


def _check_payload(evidence: Evidence, terms: Terms, expected: bytes | None) -> Payload:
    if sha256(evidence.payload) != terms.payload:
        raise VerificationFailed("payload.hash", "the payload is not the one the terms commit to")
    if expected is not None and expected != evidence.payload:
        raise VerificationFailed("payload.expected", "the decision is about another payload than the expected one")
    return Payload.from_canonical(evidence.payload)


def _check_matter(evidence: Evidence, terms: Terms, trust: Trust) -> Matter:
    if terms.organisation != trust.organisation or terms.audience != trust.rp.id:
        raise VerificationFailed("trust.audience", "decided in another organisation or deployment than the trusted one")
    policy = Policy.parse(evidence.policy)
    if sha256(evidence.policy) != terms.policy or hash_text(evidence.note) != terms.note:
        raise VerificationFailed("terms.hash", "policy or note are not the ones the terms commit to")
    return Matter(terms, sha256(evidence.terms), policy, trust.rp)


def _check_vote(matter: Matter, vote: VoteEvidence, evidence: Evidence, trust: Trust) -> Vote:
    claimed = next((c for c in evidence.credentials if c.id == vote.assertion.credential_id), None)
    pinned = trust.find_key(vote.assertion.credential_id)
    if pinned is None or claimed != pinned:
        raise VerificationFailed("credential.enrolled", "signed with a passkey that the trust file does not pin")
    verified = verify_vote(matter, vote.context, vote.assertion, pinned)
    if hash_text(vote.reason) != verified.context.reason:
        raise VerificationFailed("context.nonce", "the reason is not the one that was signed")
    created, issued = matter.terms.created_at, verified.context.issued_at
    if not created <= issued <= vote.counted_at <= evidence.decided_at < matter.terms.deadline:
        raise VerificationFailed("time.deadline", "the times of a vote are not in order, or not before the deadline")
    return verified


def _check_decision(decision: Decision, evidence: Evidence, trust: Trust) -> Decision:
    if decision.status != evidence.decision:
        raise VerificationFailed("policy.quorum", f"the votes make it {decision.status}, not {evidence.decision}")
    approving = {vote.context.approver for vote in decision.votes if vote.context.decision == "approve"}
    counted = approving & (trust.floor.approvers or approving)
    if evidence.decision == "approved" and len(counted) < trust.floor.threshold:
        raise VerificationFailed("policy.floor", f"{len(counted)} approvals that the trust file counts")
    return decision


def _verdict(evidence: Evidence, matter: Matter, payload: Payload, decision: Decision, trust: Trust) -> Verdict:
    names = {approver.id: approver.name for approver in trust.approvers}
    signers = tuple(
        Signer(
            person=vote.context.approver,
            name=names[vote.context.approver],
            decision=vote.context.decision,
            reason=shown.reason,
            credential_id=b64u(vote.proof.credential.id),
            synced_key=vote.proof.credential.backup_eligible,
        )
        for vote, shown in zip(decision.votes, evidence.votes, strict=True)
    )
    return Verdict(
        decision=evidence.decision,
        terms=matter.terms,
        payload=payload.value,
        signers=signers,
        proven=_proven(signers, matter),
        attested=_attested(evidence),
        not_proven=_NOT_PROVEN,
    )


def _proven(signers: tuple[Signer, ...], matter: Matter) -> tuple[str, ...]:
    who = tuple(
        f"{s.name or s.person} signed {s.decision} with a {'synced' if s.synced_key else 'device-bound'} passkey "
        "that the trust file pins, after the authenticator verified its user"
        for s in signers
    )
    return (
        *who,
        "each signature covers exactly this payload, requester, action, note, policy, deadline and validity",
        f"the votes satisfy the policy (threshold {matter.policy.threshold}), cast by distinct people",
    )


def _attested(evidence: Evidence) -> tuple[str, ...]:
    return (
        f"the operator says it was decided at {instant(evidence.decided_at)}, before the deadline",
        "the operator says who the requester is",
        "the operator says that none of the passkeys had been revoked by then",
    )


_NOT_PROVEN = (
    "when the signatures were made: no public log or timestamp is part of this evidence",
    "that no vote was left out: a rejection that the operator withholds does not show here",
    "that a passkey lives in hardware: no authenticator was attested",
)

# The rules of the core speak of votes; the named checks of evidence say what that means for the decision.
_CHECK_OF = {
    "vote.nonce": "context.nonce",
    "vote.person": "policy.separation",
    "vote.credential": "policy.separation",
    "policy.approver": "policy.separation",
    "decision.final": "policy.quorum",
}
