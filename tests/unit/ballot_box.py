"""What the service keeps around the core, in memory: issued contexts, counted votes, revocations, one decision."""

from dataclasses import dataclass, field, replace

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.decision import Decision, Status, Vote, recount, verify_vote
from cosignet.core.encoding import sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import nonce_of
from cosignet.errors import Refused
from tests.unit.builders import at, make_context, make_matter

# Past the deadline too: that no vote counts after it is for the core to see.
CEREMONY_SECONDS = 30


@dataclass(frozen=True)
class Submission:
    """One vote as it was sent."""

    context: bytes
    assertion: Assertion


@dataclass
class Registry:
    """Every passkey, which of them are revoked, and until when each context that was issued can be used."""

    credentials: dict[bytes, Credential]
    revoked: set[bytes] = field(default_factory=set)
    issued: dict[bytes, int] = field(default_factory=dict)


class BallotBox:
    """One confirmation from its opening to its end. Times are seconds since the first one was opened.

    It checks as little as it can: whatever the core can tell is for the core.
    """

    def __init__(self, policy: Policy, registry: Registry, *, number: int, opened: int, seconds: int):
        self.registry = registry
        self.opened, self.deadline = opened, opened + seconds
        times = {"created_at": at(opened), "deadline": at(self.deadline), "valid_until": at(self.deadline)}
        self.matter = make_matter(policy, confirmation=f"c-{number}", **times)
        self.blank = make_context(self.matter.terms)
        self.decision = Decision()
        self.votes: list[tuple[Vote, int]] = []
        self.counted: set[bytes] = set()

    def issue(self, person: str, seat: str, word: str, now: int) -> bytes:
        """The bytes of a new context."""
        context = replace(
            self.blank,
            approver=person,
            stands_in_for="" if seat == person else seat,
            decision=word,
            issued_at=at(now),
            random=sha256(b"%d" % len(self.registry.issued)),
        ).to_bytes()
        self.registry.issued[context] = now + CEREMONY_SECONDS
        return context

    def submit(self, sent: Submission, now: int) -> None:
        """Count a vote, once. Raises `ceremony.invalid`, `credential.revoked`, and what the core raises."""
        if nonce_of(sent.context) in self.counted:
            return
        if now >= self.registry.issued.get(sent.context, 0):
            raise Refused("ceremony.invalid", "not issued, or too late")
        credential = self.registry.credentials.get(sent.assertion.credential_id)
        if credential is None:
            raise Refused("assertion.key", "not enrolled")
        if credential.id in self.registry.revoked:
            raise Refused("credential.revoked", "revoked")
        self._count(verify_vote(self.matter, sent.context, sent.assertion, credential), now)

    def close(self, status: Status) -> None:
        """End it without votes. Raises what the core raises."""
        self.decision = self.decision.close(status)

    def _count(self, vote: Vote, now: int) -> None:
        """Cast it after those that are not revoked: while it is pending, the count starts anew with every vote."""
        before = self.decision
        if not before.status.final:
            self.votes = [each for each in self.votes if each[0].proof.credential.id not in self.registry.revoked]
            before = recount(self.matter, [(each, at(seconds)) for each, seconds in self.votes])
        self.decision = before.cast(self.matter, vote, at=at(now))
        self.votes.append((vote, now))
        self.counted.add(vote.nonce)
