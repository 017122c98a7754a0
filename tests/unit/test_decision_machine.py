"""The whole decision core, played at random against an oracle that shares no code with it.

People with several passkeys, delegates, fallback stages, vetoes and exclusions; votes that come late, again, elsewhere
or forged; revocations, cancellations and expiry. Every answer must be the oracle's, and whatever is
approved is approved by enough distinct people, in time, each vote once, none of it revoked.
"""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cosignet.core.canonical import parse
from cosignet.core.decision import Status
from cosignet.errors import Conflict, CosignetError, Refused
from tests.unit.ballot_box import BallotBox, Registry
from tests.unit.builders import ORIGIN, RP, at
from tests.unit.decision_oracle import Confirmation, Passkey
from tests.unit.electorate import ALL, FORGERIES, PASSKEYS, sign, twin
from tests.unit.strategies import PEOPLE, policies

PROCESSES, STEPS = 2, 50
KNOWN = {key.id: Passkey(key.person, key._key.public_key(), key.credential.backup_eligible) for key in ALL}
TALLY: Counter[str] = Counter()

WORDS = ("approve", "approve", "approve", "reject")
SECONDS = st.integers(60, 300)


class Pick:
    """Choices, one after the other, out of a single number: a draw is what takes most of the time here."""

    def __init__(self, number):
        self.number = self.left = number

    def __call__(self, things):
        self.left, index = divmod(self.left, len(things))
        return things[index]

    def __repr__(self):
        return f"Pick({self.number})"


PICK = st.integers(0, 2**24 - 1).map(Pick)


@dataclass(frozen=True)
class Matter:
    """A confirmation as the core holds it, and as the oracle does."""

    box: BallotBox
    plain: Confirmation

    @property
    def entitled(self):
        """Whom the policy names at any time, each with the seat."""
        policy = self.box.matter.policy
        return [(who, seat) for seat in sorted(policy.seats) for who in (seat, *policy.delegates.get(seat, ()))]

    @property
    def voted(self):
        """Everybody who has voted, or been voted for."""
        return {name for vote, _ in self.box.votes for name in (vote.seat, vote.context.approver)}

    def at_the_door(self, now, *, again):
        """Those whose seats are open at this moment: who has voted before, or who has not."""
        policy, times = self.box.matter.policy, {"created_at": at(self.box.opened), "at": at(now)}
        return [
            pair
            for pair in self.entitled
            if policy.may_sign(*pair, **times) and again == bool(self.voted.intersection(pair))
        ]


class Machine(RuleBasedStateMachine):
    """Two confirmations at a time, each held by the core and, beside it, by the oracle."""

    @initialize(policy=policies(), seconds=SECONDS)
    def begin(self, policy, seconds):
        self.now = self.steps = 0
        self.registry = Registry({key.id: key.credential for key in ALL})
        self.matters, self.signed = [], []
        self.open(policy, seconds)

    @precondition(lambda self: sum(matter.plain.status == "pending" for matter in self.matters) < 2)
    @rule(policy=policies(), seconds=SECONDS)
    def open(self, policy, seconds):
        box = BallotBox(policy, self.registry, number=len(self.matters), opened=self.now, seconds=seconds)
        terms = box.matter.terms.to_bytes()
        plain = Confirmation(parse(policy.to_bytes()), terms, RP.id, ORIGIN, box.opened, box.deadline)
        self.matters.append(Matter(box, plain))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds):
        self.now += seconds

    @rule(pick=PICK)
    def approve(self, pick):
        self.vote(pick, "approve", again=False)

    @rule(pick=PICK)
    def reject(self, pick):
        self.vote(pick, "reject", again=False)

    @rule(pick=PICK)
    def vote_again(self, pick):
        self.vote(pick, pick(WORDS), again=True)

    @rule(pick=PICK)
    def vote_of_anybody(self, pick):
        matter = self.matter(pick)
        person, seat = pick(matter.entitled)
        stranger = pick([person] * 16 + list(PEOPLE))
        self.submit(matter, sign(matter.box, *self.issue(matter, stranger, seat, pick(WORDS), pick)))

    @rule(pick=PICK)
    def sign_and_keep(self, pick):
        matter = self.matter(pick)
        context, passkey = self.issue(matter, *pick(matter.entitled), pick(WORDS), pick)
        self.signed.append((matter, sign(matter.box, context, passkey)))

    @precondition(lambda self: self.signed)
    @rule(pick=PICK)
    def send_what_was_signed(self, pick):
        matter, sent = pick(self.signed)
        self.submit(pick([matter, self.matter(pick)]), pick([sent, twin(sent)]))

    @rule(pick=PICK)
    def forge(self, pick):
        matter = self.matter(pick)
        context, passkey = self.issue(matter, *pick(matter.entitled), pick(WORDS), pick)
        forged = pick(list(FORGERIES.values()))(matter.box, context, passkey, pick.number)
        assert not self.submit(matter, forged)

    @rule(pick=PICK)
    def revoke(self, pick):
        self.registry.revoked.add(pick(ALL).id)

    @rule(pick=PICK)
    def end(self, pick):
        matter, status = self.matter(pick), pick([*Status, Status.EXPIRED, Status.EXPIRED])
        if status is Status.EXPIRED and self.now < matter.box.deadline:
            return
        try:
            matter.box.close(status)
        except (Conflict, Refused):
            assert matter.plain.status != "pending" or status not in (Status.EXPIRED, Status.CANCELLED)
        else:
            assert matter.plain.status == "pending"
            assert status in (Status.EXPIRED, Status.CANCELLED)
            matter.plain.status = str(status)

    @invariant()
    def the_core_says_what_the_oracle_says(self):
        self.steps += 1
        for matter in self.matters:
            assert matter.box.decision.status == matter.plain.status

    def teardown(self):
        TALLY["runs"] += self.steps == STEPS
        TALLY["steps"] += self.steps
        TALLY.update(matter.plain.status for matter in self.matters)

    def matter(self, pick):
        """One that is pending, more often than one that is not."""
        pending = [matter for matter in self.matters if matter.plain.status == "pending"]
        return pick([*self.matters[-2:], *pending, *pending])

    def vote(self, pick, word, *, again):
        matter = self.matter(pick)
        if voters := matter.at_the_door(self.now, again=again):
            self.submit(matter, sign(matter.box, *self.issue(matter, *pick(voters), word, pick)))

    def issue(self, matter, person, seat, word, pick):
        """A context, and the passkey of that person that is to sign it."""
        return matter.box.issue(person, seat, word, self.now), pick(PASSKEYS[person])

    def submit(self, matter, sent):
        """Whether the vote is answered as counted, which the oracle must say as well."""
        box, plain, before = matter.box, matter.plain, matter.plain.status
        expected = plain.judge(sent, KNOWN, self.registry.issued, self.registry.revoked, self.now)
        try:
            box.submit(sent, self.now)
        except CosignetError:
            counted = False
        else:
            counted = True
            self.signed.append((matter, sent))
        assert counted == expected
        if (before, box.decision.status) == ("pending", Status.APPROVED):
            assert [vote.nonce for vote in box.decision.votes] == [ballot.nonce for ballot in plain.ballots]
            plain.audit(self.registry.revoked)
        return counted


def play(runs):
    """So many runs of all their steps in this process; what happened in them and in the shorter ones between."""
    TALLY.clear()
    while TALLY["runs"] < runs:
        limits = settings(
            max_examples=max(runs - TALLY["runs"], 20),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Machine, settings=limits)
    return TALLY


@pytest.mark.soak
def test_whatever_happens_an_approval_is_what_it_says(soak):
    runs = soak.amount(part=60, full=10_000)
    portion = min(runs // PROCESSES, 250)
    tally = Counter()
    pool = ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn"))
    try:
        for job in as_completed([pool.submit(play, portion) for _ in range(runs // portion)]):
            tally.update(job.result())
            soak.progress(tally["runs"], runs)
    finally:
        pool.shutdown(cancel_futures=True)
    for name in ("runs", "steps", *Status):
        soak.figure(name, tally[str(name)])
    assert tally["runs"] >= runs
    assert tally["approved"] > 0
