"""The named checks that concern the order in which things are in the log."""

from dataclasses import replace

import pytest

from cosignet.core.checkpoint import Head
from cosignet.core.encoding import sha256
from cosignet.core.evidence import HeadProof
from cosignet.core.leaf import REVOKED
from cosignet.core.policy import Policy
from cosignet.testing import SoftwareLog, SoftwarePasskey
from tests.unit.builders import LOG, Story, at, fails, lying, revoked

ONE_OF_TWO = Policy(("alice", "bob"))
TWO = Policy(("alice", "bob"), 2)


def approved():
    return Story(ONE_OF_TWO).vote("alice")


def test_an_outcome_before_its_request():
    story = Story(ONE_OF_TWO)
    log = SoftwareLog(LOG, "org-1")
    story.enrolments[story.passkeys["alice"].id] = log.enrol(story.passkeys["alice"].credential, at(0))
    story.log, story.request = log, 2
    story.vote("alice")
    outcome = log.decide("approved", 2, story.matter.terms, [(story.votes[0], at(60))], at(60))
    log.request(story.matter.terms)
    evidence = log.evidence(
        "approved",
        story.matter.terms,
        story.votes,
        {0: story.passkeys["alice"].credential},
        story.heads,
        request=2,
        outcome=outcome,
        payload=story.payload,
        policy=story.policy.to_bytes(),
    )
    with fails("log.order"):
        story.verify(evidence)


def test_a_passkey_that_was_enrolled_after_the_decision():
    story = approved()
    log = story.log.copy()
    evidence = story.evidence(log=log)
    late = log.enrol(story.passkeys["alice"].credential, at(61))
    (key,) = evidence.keys
    (head,) = evidence.heads
    moved = replace(
        evidence,
        request=log.entry(evidence.request.index),
        outcome=log.entry(evidence.outcome.index),
        keys=(replace(key, enrolled=log.entry(late)),),
        checkpoint=log.checkpoint(),
        heads=(log.since(head.size),),
    )
    with fails("log.order"):
        story.verify(moved)


@pytest.mark.parametrize("head", [Head(3, bytes(32)), Head(3, sha256(b"")), Head(2**40, bytes(32))])
def test_a_head_that_never_was_one_of_this_log(head):
    story = Story(ONE_OF_TWO)
    story.vote("alice", head=head)
    proofs = {"heads": (HeadProof(head.size, story.log.since(3).proof),)}
    with fails("log.consistency"):
        story.verify(replace(Story.evidence(_known(story)), **proofs))


def _known(story):
    """The same story, for a log that can prove nothing of the head that was signed."""
    story.log.since = lambda size: HeadProof(size, ())
    story.log.copy = lambda: story.log
    return story


def test_a_head_from_before_the_request():
    story = Story(ONE_OF_TWO, passkeys={"carol": SoftwarePasskey("carol")})
    before = SoftwareLog(LOG, "org-1", secret=story.log._secret)
    for index in range(2):
        before.entries.append(story.log.entries[index])
    with fails("log.order"):
        story.vote("alice", head=before.head).verify()


def test_a_head_from_after_the_outcome():
    story = Story(ONE_OF_TWO)
    ahead = story.log.copy()
    ahead.append("admin.changed", {"change": "none"}, at(61))
    ahead.append("admin.changed", {"change": "none"}, at(61))
    log = story.log.copy()
    story.vote("alice", head=ahead.head)
    log.since = lambda size: HeadProof(size, ())
    with fails("log.consistency"):
        story.verify(story.evidence(log=log))


def test_a_vote_that_names_no_head():
    story = Story(ONE_OF_TWO).vote("alice", head=None)
    with fails("log.consistency"):
        story.verify()


def test_heads_that_are_not_those_that_were_signed():
    story = Story(TWO).vote("alice").vote("bob")
    evidence = story.evidence()
    log = story.log.copy()
    story.evidence(log=log)
    for heads in ((), (*evidence.heads, log.since(log.head.size))):
        with fails("log.consistency"):
            story.verify(replace(evidence, heads=heads))


def test_a_passkey_revoked_before_the_decision_and_one_revoked_since():
    story = approved()
    with fails("credential.revoked"):
        story.verify(revoked(story, before=True))
    assert story.verify(revoked(story, before=False)).decision == "approved"


@pytest.mark.parametrize(
    "changes", [{"credential": ""}, {"person": "bob"}, {"enrolled": "x"}, {"by": ...}, {"extra": ""}], ids=repr
)
def test_a_revocation_of_something_else(changes):
    story = approved()
    with fails("leaf.record"):
        story.verify(revoked(story, before=False, log=lying(story.log, REVOKED, **changes)))


def test_a_revocation_in_another_organisation():
    story = approved()
    log = story.log.copy()
    plain = log.revoke

    def elsewhere(*arguments):
        log.organisation = "org-2"
        return plain(*arguments)

    log.revoke = elsewhere
    with fails("leaf.record"):
        story.verify(revoked(story, before=False, log=log))
