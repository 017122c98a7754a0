"""What a running approval knows without asking anybody: the matter, the pinned passkeys, who has voted.

Pure code over values that activities recorded, so it may run in an Update's validator and on every replay.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from activities.steps import Opened, Voters
from activities.voting import read_submission
from cosignet.core.assertion import Credential
from cosignet.core.client_data import RelyingParty
from cosignet.core.decision import Matter, verify_vote
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms
from cosignet.errors import Conflict, Refused
from cosignet.temporal.contract import UNPINNED, VoteInput


class Ballot:
    """One confirmation's matter and voters."""

    def __init__(self, opened: Opened) -> None:
        terms = from_b64u(opened.terms)
        self.matter = Matter(
            terms=Terms.parse(terms),
            terms_hash=sha256(terms),
            policy=Policy.parse(from_b64u(opened.policy)),
            rp=RelyingParty(opened.rp_id, frozenset(opened.origins)),
        )
        self.search_attributes = opened.search_attributes
        self._keys: dict[bytes, Credential] = {}
        self._voted: set[str] = set()
        self._nonces: set[str] = set()
        self.admit(opened.voters)

    @property
    def deadline(self) -> datetime:
        """When the wait is over."""
        return self.matter.terms.deadline

    @property
    def voted(self) -> int:
        """How many votes are counted or being counted."""
        return len(self._voted)

    def admit(self, voters: Voters) -> None:
        """Pin these passkeys, and no others; these people have voted, and no others."""
        keys = (Credential(from_b64u(k.id), k.person, from_b64u(k.public_key), k.backup_eligible) for k in voters.keys)
        self._keys = {key.id: key for key in keys}
        self._voted = set(voters.voted)

    def stages_open(self, now: datetime) -> int:
        """How many stages may vote by now: the approvers themselves, and each fallback stage whose time has come."""
        since = now - self.matter.terms.created_at
        return 1 + sum(timedelta(seconds=stage.after) <= since for stage in self.matter.policy.fallback)

    def next_stage(self, stages: int) -> datetime | None:
        """When the stage after the first `stages` opens, `None` when there is none."""
        later = self.matter.policy.fallback[stages - 1 :]
        return self.matter.terms.created_at + timedelta(seconds=later[0].after) if later else None

    def check(self, vote: VoteInput, *, at: datetime, final: bool) -> str:
        """Check a vote with the pinned passkeys and return its nonce in base64url.

        Raises `Malformed`, `Refused` and `Conflict` with the codes of the rule that does not hold.
        """
        submission = read_submission(vote)
        nonce = b64u(submission.nonce)
        if final:
            raise Conflict("decision.final", "this confirmation is decided")
        if nonce in self._nonces:
            raise Conflict("vote.nonce", "this vote was submitted before")
        if at >= self.deadline:
            raise Refused("time.deadline", "the deadline has passed")
        if Context.parse(submission.context).approver in self._voted:
            raise Conflict("vote.person", "this person has voted already")
        key = self._keys.get(submission.assertion.credential_id)
        if key is None:
            raise Refused(UNPINNED, "this passkey is not among those that may vote here")
        verify_vote(self.matter, submission.context, submission.assertion, key)
        return nonce

    @contextmanager
    def counting(self, vote: VoteInput) -> Iterator[Callable[[bool], None]]:
        """While a vote is being counted neither it nor another one of the same person passes the check."""
        submission = read_submission(vote)
        person = Context.parse(submission.context).approver
        self._nonces.add(b64u(submission.nonce))
        self._voted.add(person)
        accepted = False

        def count(was_accepted: bool) -> None:
            nonlocal accepted
            accepted = was_accepted

        try:
            yield count
        finally:
            if not accepted:
                self._voted.discard(person)
