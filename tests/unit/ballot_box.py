"""What the service keeps around the core, in memory: issued contexts, counted votes, revocations, one decision."""

from dataclasses import dataclass, field, replace

from cosignet.core.assertion import Assertion
from cosignet.core.decision import Decision, Status, Vote, recount, verify_vote
from cosignet.core.encoding import sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import nonce_of
from cosignet.errors import Conflict, Refused
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
    """Every passkey, and which of them are revoked."""

    credentials: dict
    revoked: set = field(default_factory=set)


class BallotBox:
    """One confirmation from its opening to its end. Times are seconds since the first one was opened."""

    def __init__(self, policy: Policy, registry: Registry, *, number: int, opened: int, seconds: int):
        self.registry = registry
        self.opened, self.deadline = opened, opened + seconds
        times = {"created_at": at(opened), "deadline": at(self.deadline), "valid_until": at(self.deadline)}
        self.matter = make_matter(policy, confirmation=f"c-{number}", **times)
        self.blank = make_context(self.matter.terms)
        self.decision = Decision()
        self.issued: dict[bytes, tuple[str, int]] = {}
        self.used: set[bytes] = set()
        self.votes: list[tuple[Vote, int]] = []

    def issue(self, person: str, seat: str, word: str, now: int) -> tuple[bytes, int]:
        """The bytes of a new context, and until when it can be used."""
        context = replace(
            self.blank,
            approver=person,
            stands_in_for="" if seat == person else seat,
            decision=word,
            issued_at=at(now),
            random=sha256(f"{self.opened} {len(self.issued)}".encode()),
        ).to_bytes()
        until = now + CEREMONY_SECONDS
        self.issued[nonce_of(context)] = person, until
        return context, until

    def submit(self, sent: Submission, now: int) -> None:
        """Count a vote, once. Raises what the core raises, and `ceremony.…`, `assertion.key`, `credential.revoked`."""
        nonce = nonce_of(sent.context)
        if nonce in self.used:
            return
        person, until = self.issued.get(nonce, ("", 0))
        if now >= until:
            raise Refused("ceremony.invalid", "not issued, or too late")
        credential = self.registry.credentials.get(sent.assertion.credential_id)
        if credential is None or credential.person != person:
            raise Refused("assertion.key", "not enrolled for this person")
        if credential.id in self.registry.revoked:
            raise Refused("credential.revoked", "revoked")
        vote = verify_vote(self.matter, sent.context, sent.assertion, credential)
        if self.decision.status.final:
            raise Conflict("decision.final", "decided")
        self._drop_revoked()
        before = recount(self.matter, [(each, at(seconds)) for each, seconds in self.votes])
        self.decision = before.cast(self.matter, vote, at=at(now))
        self.votes.append((vote, now))
        self.used.add(nonce)

    def close(self, status: Status) -> None:
        """End it without votes. Raises what the core raises."""
        self.decision = self.decision.close(status)

    def _drop_revoked(self) -> None:
        self.votes = [each for each in self.votes if each[0].proof.credential.id not in self.registry.revoked]
