"""What a running approval refuses by itself, before anything of a vote is recorded."""

from dataclasses import replace

import pytest

from activities.steps import Key, Opened, Voters
from cosignet.core.encoding import b64u, sha256
from cosignet.core.evidence import assertion_to_json
from cosignet.core.policy import Fallback, Policy
from cosignet.core.terms import nonce_of
from cosignet.errors import Conflict, Refused
from cosignet.temporal.contract import UNPINNED, VoteInput
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import CEREMONY, ORIGIN, RP, at, make_context, make_matter, raises, sign
from workflows.ballot import Ballot

POLICY = Policy(("alice", "bob"), 2, fallback=(Fallback(60, ("carol",)), Fallback(120, ("dora",))))
MATTER = make_matter(POLICY)
PASSKEYS = {person: SoftwarePasskey(person) for person in ("alice", "bob")}


def voters(*people, voted=()):
    credentials = [PASSKEYS[person].credential for person in people]
    keys = [Key(b64u(c.id), c.person, b64u(c.public_key), c.backup_eligible) for c in credentials]
    return Voters(keys, list(voted))


@pytest.fixture
def ballot():
    terms, policy = b64u(MATTER.terms.to_bytes()), b64u(POLICY.to_bytes())
    return Ballot(Opened(terms, policy, RP.id, [ORIGIN], "org-1", voters("alice", "bob"), False, None))


def a_vote(person="alice", *, ceremony=CEREMONY, number=0, **changes):
    context = make_context(MATTER.terms, person, random=sha256(b"%d" % number), **changes).to_bytes()
    return VoteInput(b64u(context), **assertion_to_json(sign(PASSKEYS[person], MATTER, context, ceremony))), context


def check(ballot, vote, *, seconds=60, final=False):
    return ballot.check(vote, at=at(seconds), final=final)


def test_an_honest_vote_passes_and_is_named_by_its_nonce(ballot):
    vote, context = a_vote()
    assert check(ballot, vote) == b64u(nonce_of(context))
    assert ballot.voted == 0


def test_a_vote_on_what_is_decided_is_refused(ballot):
    with raises(Conflict, "decision.final"):
        check(ballot, a_vote()[0], final=True)


@pytest.mark.parametrize("seconds", [900, 901, 100_000])
def test_a_vote_after_the_deadline_is_refused(ballot, seconds):
    check(ballot, a_vote()[0], seconds=899)
    with raises(Refused, "time.deadline"):
        check(ballot, a_vote()[0], seconds=seconds)


def test_a_passkey_that_is_not_pinned_is_refused(ballot):
    ballot.admit(voters("bob"))
    with raises(Refused, UNPINNED):
        check(ballot, a_vote("alice")[0])
    check(ballot, a_vote("bob")[0])


LIES = {
    "assertion.uv": {"flags": 0x01},
    "assertion.origin": {"origin": "https://evil.example"},
    "assertion.challenge": {"client_data": {"challenge": b64u(bytes(64))}},
}


@pytest.mark.parametrize(("code", "lie"), LIES.items(), ids=LIES.keys())
def test_an_assertion_that_lies_is_refused(ballot, code, lie):
    with raises(Refused, code):
        check(ballot, a_vote(ceremony=replace(CEREMONY, **lie))[0])


def test_whoever_has_voted_is_refused(ballot):
    ballot.admit(voters("alice", "bob", voted=["alice"]))
    with raises(Conflict, "vote.person"):
        check(ballot, a_vote("alice")[0])
    check(ballot, a_vote("bob")[0])


def test_while_a_vote_is_counted_its_twin_and_a_second_one_are_refused(ballot):
    vote, other = a_vote()[0], a_vote(number=1)[0]
    with ballot.counting(vote):
        with raises(Conflict, "vote.nonce"):
            check(ballot, vote)
        with raises(Conflict, "vote.person"):
            check(ballot, other)
        check(ballot, a_vote("bob")[0])


@pytest.mark.parametrize("accepted", [True, False])
def test_a_vote_that_was_counted_stays_so_and_one_that_was_not_may_be_tried_anew(ballot, accepted):
    vote, other = a_vote()[0], a_vote(number=1)[0]
    with ballot.counting(vote) as count:
        count(accepted)
    with raises(Conflict, "vote.nonce"):
        check(ballot, vote)
    if accepted:
        with raises(Conflict, "vote.person"):
            check(ballot, other)
    else:
        check(ballot, other)


def test_stages_open_when_their_time_has_come(ballot):
    assert [ballot.stages_open(at(seconds)) for seconds in (0, 59, 60, 119, 120)] == [1, 1, 2, 2, 3]
    assert [ballot.next_stage(stages) for stages in (1, 2, 3)] == [at(60), at(120), None]
