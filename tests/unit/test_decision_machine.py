"""The whole decision core, played at random against an oracle that shares no code with it.

People with several passkeys, delegates, fallback stages, vetoes and exclusions; votes that come late, again, elsewhere
or forged; revocations, cancellations and expiry. Every answer must be the oracle's, and whatever is
approved is approved by enough distinct people, in time, each vote once, none of it revoked.
"""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

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
from tests.unit.builders import ORIGIN, RP
from tests.unit.decision_oracle import Confirmation, Passkey
from tests.unit.electorate import ALL, FORGERIES, PASSKEYS, sign, twin
from tests.unit.strategies import PEOPLE, policies

PROCESSES, STEPS, MOST_CONFIRMATIONS = 2, 50, 3
KNOWN = {key.id: Passkey(key.person, key._key.public_key(), key.credential.backup_eligible) for key in ALL}
TALLY: Counter[str] = Counter()

WHICH = st.integers(0, 1_000)
WORD = st.sampled_from(["approve", "approve", "approve", "reject"])
PERSON = st.sampled_from(PEOPLE)


def one_of(things, which):
    return things[which % len(things)]


class Machine(RuleBasedStateMachine):
    """Up to three confirmations, each held by the core and, beside it, by the oracle."""

    @initialize(policy=policies(), seconds=st.integers(40, 200))
    def begin(self, policy, seconds):
        self.now = self.steps = 0
        self.registry = Registry({key.id: key.credential for key in ALL})
        self.open_ones, self.signed = [], []
        self.open(policy, seconds)

    @precondition(lambda self: len(self.open_ones) < MOST_CONFIRMATIONS)
    @rule(policy=policies(), seconds=st.integers(20, 120))
    def open(self, policy, seconds):
        box = BallotBox(policy, self.registry, number=len(self.open_ones), opened=self.now, seconds=seconds)
        terms = box.matter.terms.to_bytes()
        plain = Confirmation(parse(policy.to_bytes()), terms, RP.id, ORIGIN, box.opened, box.deadline)
        self.open_ones.append((box, plain))

    @rule(seconds=st.integers(1, 25))
    def wait(self, seconds):
        self.now += seconds

    @rule(which=WHICH, voter=WHICH, word=WORD, key=WHICH)
    def vote(self, which, voter, word, key):
        self.submit(which, self.sign(which, voter, word, key))

    @rule(which=WHICH, person=PERSON, seat=PERSON, word=WORD, key=WHICH)
    def vote_in_any_seat(self, which, person, seat, word, key):
        box, context, passkey = self.issue(which, person, seat, word, key)
        self.submit(which, sign(box, context, passkey))

    @rule(which=WHICH, voter=WHICH, word=WORD, key=WHICH)
    def sign_and_keep(self, which, voter, word, key):
        self.signed.append((which, self.sign(which, voter, word, key)))

    @precondition(lambda self: self.signed)
    @rule(which=WHICH)
    def send_what_was_signed(self, which):
        self.submit(*one_of(self.signed, which))

    @precondition(lambda self: self.signed)
    @rule(which=WHICH)
    def send_its_twin(self, which):
        there, sent = one_of(self.signed, which)
        self.submit(there, twin(sent))

    @precondition(lambda self: self.signed)
    @rule(which=WHICH, elsewhere=WHICH)
    def send_it_to_any_confirmation(self, which, elsewhere):
        _, sent = one_of(self.signed, which)
        self.submit(elsewhere, sent)

    @rule(which=WHICH, voter=WHICH, word=WORD, key=WHICH, forge=st.sampled_from(sorted(FORGERIES)), bit=WHICH)
    def forge(self, which, voter, word, key, forge, bit):
        box, context, passkey = self.issue(which, *self.entitled(which, voter), word, key)
        assert not self.submit(which, FORGERIES[forge](box, context, passkey, bit))

    @rule(person=PERSON, which=st.sampled_from([slice(0, 1), slice(1, 2), slice(None)]))
    def revoke(self, person, which):
        self.registry.revoked.update(passkey.id for passkey in PASSKEYS[person][which])

    @rule(which=WHICH, status=st.sampled_from(Status))
    def end(self, which, status):
        box, plain = one_of(self.open_ones, which)
        if status is Status.EXPIRED and self.now < box.deadline:
            return
        try:
            box.close(status)
        except (Conflict, Refused):
            assert plain.status != "pending" or status not in (Status.EXPIRED, Status.CANCELLED)
        else:
            assert plain.status == "pending"
            plain.status = str(status)
            assert status in (Status.EXPIRED, Status.CANCELLED)

    @invariant()
    def the_core_says_what_the_oracle_says(self):
        self.steps += 1
        for box, plain in self.open_ones:
            assert box.decision.status == plain.status

    def teardown(self):
        TALLY["runs"] += self.steps == STEPS
        TALLY["steps"] += self.steps
        TALLY.update(plain.status for _, plain in self.open_ones)

    def entitled(self, which, voter):
        """Somebody whom the policy names, and the seat they may fill."""
        policy = one_of(self.open_ones, which)[0].matter.policy
        pairs = [(who, seat) for seat in sorted(policy.seats) for who in (seat, *policy.delegates.get(seat, ()))]
        return one_of(pairs, voter)

    def issue(self, which, person, seat, word, key):
        box, plain = one_of(self.open_ones, which)
        context, until = box.issue(person, seat, word, self.now)
        plain.issued[context] = until
        return box, context, one_of(PASSKEYS[person], key)

    def sign(self, which, voter, word, key):
        return sign(*self.issue(which, *self.entitled(which, voter), word, key))

    def submit(self, which, sent):
        """Whether the vote is answered as counted, which the oracle must say as well."""
        box, plain = one_of(self.open_ones, which)
        before = plain.status
        expected = plain.judge(sent, KNOWN, self.registry.revoked, self.now)
        try:
            box.submit(sent, self.now)
        except CosignetError:
            counted = False
        else:
            counted = True
            self.signed.append((which, sent))
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
    soak.figure("violations", 0)
    assert tally["runs"] >= runs
    assert tally["approved"] > 0
