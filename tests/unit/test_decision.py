from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cosignet.core.assertion import Credential, VerifiedAssertion
from cosignet.core.client_data import Place
from cosignet.core.decision import Decision, Status, Vote, recount
from cosignet.core.encoding import sha256
from cosignet.core.policy import Fallback, Policy
from cosignet.errors import Conflict, Refused
from tests.unit.builders import ORIGIN, RP, at, make_context, make_matter, raises
from tests.unit.strategies import PEOPLE, policies

DEADLINE = 900
PLACE = Place(ORIGIN, sha256(RP.id.encode()))
TWO_OF_THREE = Policy(("alice", "bob", "carol"), 2)


def vote(matter, person, decision="approve", *, seat="", key=None, nonce=None):
    """A vote as `verify_vote` would return it, without the cost of a signature."""
    key = key or person
    context = make_context(matter.terms, person, stands_in_for=seat, decision=decision)
    credential = Credential(b"id " + key.encode(), person, b"key " + key.encode(), False)
    return Vote(nonce or sha256(f"{person} {seat}".encode()), context, VerifiedAssertion(credential, 0, False, PLACE))


def cast(matter, *votes, seconds=60):
    return recount(matter, [(each, at(seconds)) for each in votes])


# Mostly honest, or nothing would ever be decided: one's own seat, one's own passkey, a fresh nonce.
BALLOTS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(["", "", "", "", *PEOPLE[:4]]),
        st.sampled_from(["approve", "approve", "approve", "reject"]),
        st.sampled_from(["", "", "", "", "", "", *PEOPLE]),
        st.integers(0, 50),
        st.integers(-5, 110),
    ),
    min_size=4,
    max_size=24,
)


def play(policy, ballots):
    """Cast every ballot, and require of each that it counts exactly when the rules in `counts` say so."""
    matter = make_matter(policy, deadline=at(100), valid_until=at(100))
    decision, counted = Decision(), []
    for person, seat, word, key, nonce, seconds in ballots:
        ballot = vote(matter, person, word, seat="" if seat == person else seat, key=key, nonce=bytes([nonce]))
        before = decision
        with suppress(Refused):
            decision = decision.cast(matter, ballot, at=at(seconds))
        assert (decision is not before) == counts(policy, before, ballot, seconds)
        counted += [(ballot, at(seconds))] * (decision is not before)
    return matter, decision, counted


def counts(policy, decision, ballot, seconds):
    """The rules in other words than the core's own."""
    person, seat = ballot.context.approver, ballot.seat
    opens = [0] * (seat in policy.approvers) + [s.after for s in policy.fallback if seat in s.approvers]
    stands_in = person in policy.delegates.get(seat, ())
    barred = {person, seat} & set(policy.exclude)
    entitled = bool(opens) and not barred and (person == seat or stands_in) and min(opens) <= seconds < 100
    used = [{v.nonce, v.proof.credential.id, v.seat, v.context.approver} for v in decision.votes]
    mine = {ballot.nonce, ballot.proof.credential.id, seat, person}
    return entitled and decision.status == Status.PENDING and not any(mine & other for other in used)


@given(policies(), BALLOTS)
@settings(max_examples=400)
def test_whatever_is_cast_only_the_policy_decides(policy, ballots):
    matter, decision, counted = play(policy, ballots)
    votes = [ballot for ballot, _ in counted]
    assert decision.votes == tuple(votes)
    people = [name for ballot in votes for name in {ballot.seat, ballot.context.approver}]
    assert len(set(people)) == len(people)
    _check_status(policy, decision.status, votes)
    assert recount(matter, counted) == decision


def _check_status(policy, status, votes):
    approvals = len({v.seat for v in votes if v.context.decision == "approve"})
    rejections = len({v.seat for v in votes if v.context.decision == "reject"})
    out_of_reach = len(policy.seats) - rejections < policy.threshold
    event(status)
    lost = rejections > 0 and (policy.veto or out_of_reach)
    assert (status == Status.REJECTED) == lost
    assert (status == Status.APPROVED) == (approvals >= policy.threshold and not lost)
    assert status in (Status.PENDING, Status.APPROVED, Status.REJECTED)


@pytest.mark.parametrize(
    ("policy", "ballots", "status"),
    [
        (Policy(("alice", "bob")), [], "pending"),
        (Policy(("alice", "bob")), [("alice", "approve")], "approved"),
        (Policy(("alice", "bob")), [("alice", "reject")], "pending"),
        (Policy(("alice", "bob")), [("alice", "reject"), ("bob", "approve")], "approved"),
        (Policy(("alice", "bob")), [("alice", "reject"), ("bob", "reject")], "rejected"),
        (Policy(("alice", "bob"), veto=True), [("alice", "reject")], "rejected"),
        (TWO_OF_THREE, [("alice", "approve")], "pending"),
        (TWO_OF_THREE, [("alice", "approve"), ("bob", "approve")], "approved"),
        (TWO_OF_THREE, [("alice", "reject")], "pending"),
        (TWO_OF_THREE, [("alice", "reject"), ("bob", "reject")], "rejected"),
        (TWO_OF_THREE, [("alice", "approve"), ("bob", "reject"), ("carol", "approve")], "approved"),
        (replace(TWO_OF_THREE, veto=True), [("alice", "approve"), ("bob", "reject")], "rejected"),
    ],
)
def test_when_the_count_decides(policy, ballots, status):
    matter = make_matter(policy)
    assert cast(matter, *(vote(matter, person, word) for person, word in ballots)).status == status


@pytest.mark.parametrize("status", [Status.APPROVED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED])
def test_final_is_final(status):
    matter = make_matter(TWO_OF_THREE)
    decision = Decision(status)
    with raises(Conflict, "decision.final"):
        decision.cast(matter, vote(matter, "alice"), at=at(60))
    for end in (Status.EXPIRED, Status.CANCELLED):
        with raises(Conflict, "decision.final"):
            decision.close(end)


def test_a_pending_matter_can_end_without_approval_only():
    decision = cast(make_matter(TWO_OF_THREE), vote(make_matter(TWO_OF_THREE), "alice"))
    assert decision.close(Status.EXPIRED) == Decision(Status.EXPIRED, decision.votes)
    assert decision.close(Status.CANCELLED).status == Status.CANCELLED
    for status in (Status.APPROVED, Status.REJECTED, Status.PENDING):
        with raises(Refused, "decision.votes"):
            decision.close(status)


def test_only_pending_is_not_final():
    assert [status for status in Status if not status.final] == [Status.PENDING]


@pytest.mark.parametrize(("seconds", "counted"), [(0, True), (DEADLINE - 1, True), (DEADLINE, False), (10_000, False)])
def test_no_vote_counts_at_or_after_the_deadline(seconds, counted):
    matter = make_matter(Policy(("alice",)))
    if counted:
        assert cast(matter, vote(matter, "alice"), seconds=seconds).status == Status.APPROVED
    else:
        with raises(Refused, "time.deadline"):
            cast(matter, vote(matter, "alice"), seconds=seconds)


def test_one_vote_counts_once():
    matter = make_matter(TWO_OF_THREE)
    with raises(Refused, "vote.nonce"):
        cast(matter, vote(matter, "alice"), vote(matter, "alice"))


def test_a_person_with_two_passkeys_has_one_vote():
    matter = make_matter(TWO_OF_THREE)
    with raises(Refused, "vote.person"):
        cast(matter, vote(matter, "alice"), vote(matter, "alice", "reject", key="second", nonce=b"2"))


def test_a_delegate_and_the_one_who_delegated_share_one_vote():
    matter = make_matter(replace(TWO_OF_THREE, delegates={"alice": ("dora",), "bob": ("dora",)}))
    stood_in = vote(matter, "dora", seat="alice")
    with raises(Refused, "vote.person"):
        cast(matter, stood_in, vote(matter, "alice"))
    with raises(Refused, "vote.person"):
        cast(matter, stood_in, vote(matter, "dora", seat="bob"))
    assert cast(matter, stood_in, vote(matter, "bob")).status == Status.APPROVED


@pytest.mark.parametrize("changes", [{"id": b"id alice"}, {"public_key": b"key alice"}])
def test_a_passkey_enrolled_for_two_people_has_one_vote(changes):
    matter = make_matter(TWO_OF_THREE)
    second = vote(matter, "bob")
    shared = replace(second.proof, credential=replace(second.proof.credential, **changes))
    with raises(Refused, "vote.credential"):
        cast(matter, vote(matter, "alice"), replace(second, proof=shared))


@pytest.mark.parametrize(
    ("person", "seat", "seconds", "counted"),
    [
        ("carol", "", 60, True),
        ("carol", "", 59, False),
        ("dora", "alice", 0, True),
        ("dora", "carol", 60, False),
        ("mallory", "", 60, False),
        ("mallory", "alice", 60, False),
        ("alice", "carol", 60, False),
    ],
)
def test_each_vote_needs_an_open_seat(person, seat, seconds, counted):
    policy = Policy(("alice",), fallback=(Fallback(60, ("carol",)),), delegates={"alice": ("dora",)})
    matter = make_matter(policy)
    if counted:
        assert cast(matter, vote(matter, person, seat=seat), seconds=seconds).status == Status.APPROVED
    else:
        with raises(Refused, "policy.approver"):
            cast(matter, vote(matter, person, seat=seat), seconds=seconds)
