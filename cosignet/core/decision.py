"""How votes become a decision: `pending -> approved | rejected | expired | cancelled`, final. docs/protocol.md §4.

The only module that may construct an approved decision, and it does so from verified votes alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cosignet.core.assertion import (
    Assertion,
    Credential,
    VerifiedAssertion,
    verify_signature,
)
from cosignet.core.client_data import RelyingParty
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, nonce_of
from cosignet.errors import Conflict, Refused


class Status(StrEnum):
    """The status words of the wire. Anything unknown means not approved."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True when nothing can change it any more."""
        return self is not Status.PENDING


@dataclass(frozen=True)
class Matter:
    """What is being decided: the terms as signed (`terms_bytes` verbatim), the policy they name, and where."""

    terms: Terms
    terms_hash: bytes
    policy: Policy
    rp: RelyingParty


@dataclass(frozen=True)
class Vote:
    """One approver's verified vote. Only `read_vote` makes one; its identity is the nonce."""

    nonce: bytes
    context: Context
    proof: VerifiedAssertion

    @property
    def seat(self) -> str:
        """Whose vote it is."""
        return self.context.seat


@dataclass(frozen=True)
class Decision:
    """Where a matter stands. `votes` are the counted ones, in the order they were cast."""

    status: Status = Status.PENDING
    votes: tuple[Vote, ...] = field(default=())

    def cast(self, matter: Matter, vote: Vote, *, at: datetime) -> "Decision":
        """Count one more vote at time `at`; the answer may be final.

        Raises `Conflict("decision.final")`, or `Refused` with `time.deadline`, `vote.nonce`, `vote.person`,
        `vote.credential` or `policy.approver`.
        """
        self._require_pending()
        if at >= matter.terms.deadline:
            raise Refused("time.deadline", "the deadline has passed")
        _require_open_seat(matter, vote.context, at=at)
        require_distinct(vote, self.votes)
        votes = (*self.votes, vote)
        return Decision(_status(matter.policy, votes), votes)

    def close(self, status: Status) -> "Decision":
        """End a pending matter, as `EXPIRED` or `CANCELLED`.

        Raises `Conflict("decision.final")`, and `Refused("decision.votes")` for any other status.
        """
        self._require_pending()
        if status not in (Status.EXPIRED, Status.CANCELLED):
            raise Refused("decision.votes", "only votes approve or reject")
        return Decision(status, self.votes)

    def _require_pending(self) -> None:
        if self.status.final:
            raise Conflict("decision.final", f"already {self.status}")


def verify_vote(matter: Matter, context: bytes, assertion: Assertion, credential: Credential) -> Vote:
    """Check one vote as far as bytes can tell: form, terms, approver, and the whole assertion.

    `context` are its canonical bytes, `credential` the registered passkey that the assertion names. Raises
    `Malformed("context.form")` or `Refused` with `terms.hash`, `policy.…` or `assertion.…`. Time, revocation and
    single use are for the caller.
    """
    vote = read_vote(matter.terms_hash, matter.terms.payload, context, assertion, credential)
    require_seat(matter.policy, vote)
    matter.rp.require(vote.proof.place)
    return vote


def read_vote(terms: bytes, payload: bytes, context: bytes, assertion: Assertion, credential: Credential) -> Vote:
    """As `verify_vote`, as far as it can be told from the hashes of terms and payload: who signed what.

    Raises `Malformed("context.form")` or `Refused` with `terms.hash` or `assertion.…`.
    """
    parsed = Context.parse(context)
    if parsed.terms != terms:
        raise Refused("terms.hash", "a vote on other terms")
    if credential.person != parsed.approver:
        raise Refused("assertion.key", "the passkey belongs to another person than the one who votes")
    nonce = nonce_of(context)
    return Vote(
        nonce, parsed, verify_signature(assertion, credential=credential, challenge=challenge_of(nonce, payload))
    )


def require_seat(policy: Policy, vote: Vote) -> None:
    """Require that the policy lets this passkey vote in this seat, at some time.

    Raises `Refused` with `policy.approver` or `policy.device_bound`.
    """
    if not policy.names(vote.context.approver, vote.seat):
        raise Refused("policy.approver", "the policy does not let this person vote in this place")
    if policy.device_bound_only and vote.proof.credential.backup_eligible:
        raise Refused("policy.device_bound", "the policy asks for passkeys that cannot be synced")


def require_distinct(vote: Vote, others: Sequence[Vote]) -> None:
    """Require another person and another passkey than those of the other votes.

    Raises `Refused` with `vote.nonce`, `vote.person` or `vote.credential`.
    """
    for other in others:
        if vote.nonce == other.nonce:
            raise Refused("vote.nonce", "this vote is counted already")
        if {vote.seat, vote.context.approver} & {other.seat, other.context.approver}:
            raise Refused("vote.person", "this person has voted already")
        if vote.proof.credential.shares_key_with(other.proof.credential):
            raise Refused("vote.credential", "this passkey has voted already")


def recount(matter: Matter, votes: Sequence[tuple[Vote, datetime]]) -> Decision:
    """Replay votes with the times they were counted at; raises what `Decision.cast` raises."""
    decision = Decision()
    for vote, at in votes:
        decision = decision.cast(matter, vote, at=at)
    return decision


def _require_open_seat(matter: Matter, context: Context, *, at: datetime) -> None:
    created_at = matter.terms.created_at
    if not matter.policy.may_sign(context.approver, context.seat, created_at=created_at, at=at):
        raise Refused("policy.approver", "the policy does not let this person vote yet")


def _status(policy: Policy, votes: Sequence[Vote]) -> Status:
    approving = {vote.seat for vote in votes if vote.context.decision == "approve"}
    rejecting = {vote.seat for vote in votes if vote.context.decision == "reject"}
    outcome = policy.tally(approving, rejecting)
    return Status(outcome) if outcome else Status.PENDING
