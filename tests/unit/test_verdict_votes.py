"""The named checks of verdict.py that concern who signed, with what, and when."""

import json
from dataclasses import replace

import pytest

from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u
from cosignet.core.policy import Fallback, Policy
from cosignet.testing import BE, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, RP, Story, at, fails, is_not_authenticated, sign
from tests.unit.cose import NOT_CANONICAL, SMALL_ORDER, ed25519_key

ONE_OF_TWO = Policy(("alice", "bob"))
TWO_OF_THREE = Policy(("alice", "bob", "carol"), 2, delegates={"carol": ("dora",)})


def approved_by(*people, policy=TWO_OF_THREE, **changes):
    story = Story(policy, **changes)
    for person in people:
        story.vote(person)
    return story


def signed_again(story, ceremony=CEREMONY, **changes):
    """The first vote signed in another ceremony, or with other parts; the rest as they are."""
    first, *others = story.votes
    person = json.loads(first.context)["approver"]
    assertion = replace(sign(story.passkeys[person], story.matter, first.context, ceremony), **changes)
    return (replace(first, assertion=assertion), *others)


LIES = {
    "assertion.type": {"client_data": {"type": "webauthn.create"}},
    "assertion.challenge": {"client_data": {"challenge": b64u(bytes(64))}},
    "assertion.cross_origin": {"client_data": {"crossOrigin": True}},
    "assertion.rp_id": {"rp_id": "evil.example"},
    "assertion.up": {"flags": UV},
    "assertion.uv": {"flags": UP},
    "assertion.backup": {"flags": UP | UV | BE},
    "assertion.form": {"extensions": b"\x00"},
}


@pytest.mark.parametrize(("code", "changes"), LIES.items(), ids=LIES.keys())
def test_a_ceremony_that_lies(code, changes):
    story = approved_by("alice", "bob")
    with fails(code):
        story.verify(story.evidence(votes=signed_again(story, replace(CEREMONY, **changes))))


@pytest.mark.parametrize(
    ("code", "changes"),
    [("assertion.signature", {"signature": bytes(70)}), ("assertion.user", {"user_handle": b"bob"})],
)
def test_an_assertion_with_another_part(code, changes):
    story = approved_by("alice", "bob")
    with fails(code):
        story.verify(story.evidence(votes=signed_again(story, **changes)))


def test_the_trusted_pages_are_the_trust_files_own():
    story = approved_by("alice", "bob")
    with is_not_authenticated("assertion.origin"):
        story.verify(trust=story.trust(rp=RelyingParty(RP.id, frozenset({"https://other.example"}))))


SMALL = {name: ed25519_key(point) for name, point in (SMALL_ORDER | NOT_CANONICAL).items()}


@pytest.mark.parametrize("key", SMALL.values(), ids=SMALL.keys())
def test_a_pinned_key_that_verifies_anything(key):
    """A trust value that was built, not parsed, is checked all the same."""
    weak = SoftwarePasskey("alice")
    weak._cose = lambda: key
    with fails("assertion.key"):
        approved_by("alice", policy=ONE_OF_TWO, passkeys={"alice": weak}).verify()


def test_a_passkey_of_another_person():
    story = Story(ONE_OF_TWO)
    bobs = story.passkeys["bob"]
    with fails("assertion.key"):
        story.vote("alice", passkey=bobs).verify()


def test_a_passkey_that_is_not_pinned():
    story = approved_by("alice", "bob")
    pinned = [approver for approver in story.trust().approvers if approver.id != "bob"]
    with is_not_authenticated("credential.enrolled"):
        story.verify(trust=story.trust(approvers=tuple(pinned)))


def test_a_second_passkey_of_a_pinned_person():
    story = Story(ONE_OF_TWO)
    trust = story.trust()
    story.passkeys["alice"] = SoftwarePasskey("alice")
    story.enrol(story.passkeys["alice"])
    with is_not_authenticated("credential.enrolled"):
        story.vote("alice").verify(trust=trust)


@pytest.mark.parametrize("changes", [{"person": "bob"}, {"public_key": b"other"}, {"backup_eligible": True}])
def test_a_passkey_that_the_evidence_describes_otherwise(changes):
    story = approved_by("alice", policy=ONE_OF_TWO)
    evidence = story.evidence()
    (key,) = evidence.keys
    with fails("leaf.record"):
        story.verify(replace(evidence, keys=(replace(key, credential=replace(key.credential, **changes)),)))


def test_a_passkey_that_the_evidence_does_not_describe():
    story = approved_by("alice", policy=ONE_OF_TWO)
    with fails("evidence.form"):
        story.verify(story.evidence(keys=()))


@pytest.mark.parametrize(
    ("person", "seat"), [("mallory", ""), ("mallory", "alice"), ("dora", ""), ("dora", "bob"), ("alice", "carol")]
)
def test_somebody_whom_the_policy_does_not_name(person, seat):
    story = Story(TWO_OF_THREE, passkeys={"mallory": SoftwarePasskey("mallory")})
    with fails("policy.separation"):
        story.vote("bob").vote(person, stands_in_for=seat).verify()


def test_somebody_whom_the_policy_excludes():
    policy = Policy(("alice", "bob", "carol"), 2, exclude=("carol",))
    story = Story(policy, passkeys={"carol": SoftwarePasskey("carol")})
    with fails("policy.separation"):
        story.vote("alice").vote("carol").verify()


def test_one_person_with_two_passkeys():
    story = Story(TWO_OF_THREE)
    second = SoftwarePasskey("alice")
    alice, *others = story.trust().approvers
    trust = story.trust(approvers=(replace(alice, keys=(*alice.keys, second.credential)), *others))
    story.passkeys["alice again"] = second
    story.enrol(second)
    with fails("policy.separation"):
        story.vote("alice").vote("alice", passkey=second).verify(trust=trust)


def test_a_delegate_and_the_one_who_delegated():
    story = Story(TWO_OF_THREE).vote("carol").vote("dora", stands_in_for="carol")
    with fails("policy.separation"):
        story.verify()


def test_one_passkey_under_two_ids():
    story = Story(TWO_OF_THREE)
    twin = story.passkeys["bob"]
    twin._key = story.passkeys["alice"]._key
    story.enrol(twin)
    with fails("policy.separation"):
        story.vote("alice").vote("bob").verify()


def test_a_seat_that_was_not_open_yet():
    policy = Policy(("alice",), fallback=(Fallback(60, ("bob",)),))
    assert Story(policy).vote("bob", seconds=60).verify().decision == "approved"
    with fails("policy.separation"):
        Story(policy).vote("bob", seconds=59).verify()


def test_a_synced_passkey_where_the_policy_asks_for_a_bound_one():
    policy = replace(ONE_OF_TWO, device_bound_only=True)
    assert approved_by("alice", policy=policy).verify().decision == "approved"
    with fails("policy.device_bound"):
        approved_by("alice", policy=policy, passkeys={"alice": SoftwarePasskey("alice", synced=True)}).verify()


@pytest.mark.parametrize(
    ("ballots", "claimed"),
    [
        ([], "approved"),
        ([], "rejected"),
        ([("alice", "approve")], "approved"),
        ([("alice", "approve"), ("bob", "reject")], "approved"),
        ([("alice", "reject")], "rejected"),
        ([("alice", "reject"), ("bob", "reject")], "approved"),
        ([("alice", "approve"), ("bob", "approve")], "rejected"),
        ([("alice", "approve"), ("bob", "approve"), ("carol", "approve")], "approved"),
        ([("alice", "reject"), ("bob", "reject"), ("carol", "approve")], "rejected"),
    ],
)
def test_votes_that_do_not_make_the_decision(ballots, claimed):
    story = Story(TWO_OF_THREE)
    for person, word in ballots:
        story.vote(person, word)
    with fails("policy.quorum"):
        story.verify(story.evidence(claimed))


def test_a_veto_that_is_not_heeded():
    story = Story(replace(TWO_OF_THREE, veto=True)).vote("carol", "reject").vote("alice").vote("bob")
    with fails("policy.quorum"):
        story.verify()


@pytest.mark.parametrize(
    ("issued", "counted", "decided"),
    [(-1, 60, 60), (61, 60, 60), (30, 60, 59), (30, 899, 900), (30, 899, 5000), (30, 900, 900), (30, 901, 901)],
)
def test_times_that_are_not_in_order_or_not_before_the_deadline(issued, counted, decided):
    story = Story(ONE_OF_TWO).vote("alice", seconds=counted, issued_at=at(issued))
    with fails("time.deadline"):
        story.verify(story.evidence(decided_at=at(decided)))


@pytest.mark.parametrize(("issued", "counted", "decided"), [(0, 0, 0), (60, 60, 60), (0, 899, 899), (30, 60, 899)])
def test_times_in_order_up_to_the_last_second(issued, counted, decided):
    story = Story(ONE_OF_TWO).vote("alice", seconds=counted, issued_at=at(issued))
    assert story.verify(story.evidence(decided_at=at(decided))).decision == "approved"
