"""Every refusal here is of genuine evidence in which one thing was changed and all else signed to match."""

import json
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.canonical import Payload, canonicalise
from cosignet.core.decision import Decision
from cosignet.core.encoding import sha256
from cosignet.core.policy import Fallback, Policy
from cosignet.core.trust import Floor
from cosignet.core.verdict import verify
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import PAYLOAD, RP, Story, at, fails, is_not_authenticated, make_vote
from tests.unit.cose import P256_ORDER

ONE_OF_TWO = Policy(("alice", "bob"))
TWO_OF_THREE = Policy(("alice", "bob", "carol"), 2, delegates={"carol": ("dora",)})


def test_approved_by_one_of_two():
    verdict = Story(ONE_OF_TWO).vote("alice", reason="as agreed").verify()
    assert (verdict.decision, verdict.payload) == ("approved", PAYLOAD.value)
    (signer,) = verdict.signers
    assert (signer.person, signer.name, signer.decision, signer.reason) == ("alice", "Alice", "approve", "as agreed")
    assert not signer.synced_key
    assert "Alice signed approve with a device-bound passkey" in verdict.proven[0]
    assert "at 2026-01-31T12:01:00Z, before the deadline" in verdict.attested[0]
    assert "no witness has signed" in verdict.not_proven[0]
    assert "no vote was left out" in verdict.not_proven[1]


def test_approved_by_two_of_three_one_of_them_a_delegate():
    passkeys = {"dora": SoftwarePasskey("dora", algorithm="EdDSA", synced=True)}
    story = Story(TWO_OF_THREE, passkeys=passkeys).vote("alice").vote("dora", stands_in_for="carol", seconds=90)
    verdict = story.verify()
    assert [(signer.person, signer.synced_key) for signer in verdict.signers] == [("alice", False), ("dora", True)]
    assert "Dora signed approve with a synced passkey" in verdict.proven[1]


def test_a_rejection_executes_nothing():
    story = Story(TWO_OF_THREE).vote("alice", "reject").vote("bob", "reject", seconds=70)
    assert story.verify(story.evidence("rejected"), expected_payload=None).decision == "rejected"
    with fails("decision.approved"):
        story.verify(story.evidence("rejected"))


def test_rejected_is_verified_too():
    story = Story(TWO_OF_THREE).vote("alice", "reject", reason="wrong account").vote("bob", "reject", seconds=70)
    verdict = story.verify(story.evidence("rejected"), expected_payload=None, now=at(1_000_000))
    assert verdict.decision == "rejected"
    assert [(signer.decision, signer.reason) for signer in verdict.signers] == [
        ("reject", "wrong account"),
        ("reject", ""),
    ]


def test_no_expected_payload_means_none_is_compared():
    assert Story(ONE_OF_TWO).vote("alice").verify(expected_payload=None).decision == "approved"


def test_a_note_and_a_fallback_seat_verify():
    policy = Policy(("alice",), fallback=(Fallback(60, ("bob",)),))
    assert Story(policy, note="see the contract").vote("bob", seconds=60).verify().terms.note is not None


def test_an_approval_is_valid_until_its_last_second():
    story = Story(ONE_OF_TWO).vote("alice")
    assert story.verify(now=at(3599)).decision == "approved"
    with fails("time.validity"):
        story.verify(now=at(3600))


def test_a_floor_counts_the_approvers_it_names():
    story = Story(TWO_OF_THREE).vote("alice").vote("bob")
    assert story.verify(trust=story.trust(floor=Floor(2, frozenset({"alice", "bob"})))).decision == "approved"
    for floor in (Floor(3, frozenset()), Floor(2, frozenset({"alice", "carol"})), Floor(1, frozenset({"dora"}))):
        with is_not_authenticated("policy.floor"):
            story.verify(trust=story.trust(floor=floor))


def test_a_floor_does_not_count_rejections():
    story = Story(TWO_OF_THREE).vote("carol", "reject").vote("alice").vote("bob")
    assert story.verify().decision == "approved"
    with is_not_authenticated("policy.floor"):
        story.verify(trust=story.trust(floor=Floor(3, frozenset())))


def test_a_floor_asks_nothing_of_a_rejection():
    story = Story(Policy(("alice", "bob"), 2)).vote("alice", "reject")
    trust = story.trust(floor=Floor(2, frozenset()))
    assert story.verify(story.evidence("rejected"), trust, expected_payload=None).decision == "rejected"


@pytest.mark.parametrize("payload", [b"{}", PAYLOAD.canonical + b" ", PAYLOAD.canonical.replace(b"1200", b"9200")])
def test_another_payload(payload):
    story = Story(ONE_OF_TWO).vote("alice")
    with fails("payload.hash"):
        story.verify(story.evidence(payload=payload), expected_payload=payload)
    with fails("payload.expected"):
        story.verify(expected_payload=payload)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"b":1,"a":2}', "payload.not_canonical"),
        (b'{"a":1e16}', "payload.number_range"),
        (b'{"a":1,"a":2}', "payload.duplicate_key"),
        (b"[]", "payload.not_object"),
        (b"\xff", "payload.not_json"),
    ],
)
def test_a_payload_that_was_signed_but_breaks_the_profile(raw, code):
    story = Story(ONE_OF_TWO, payload=Payload(raw, {})).vote("alice")
    with fails(code):
        story.verify(expected_payload=raw)


@pytest.mark.parametrize("raw", [b"", b"{}", b"not evidence"])
def test_a_document_that_cannot_be_read(raw):
    story = Story(ONE_OF_TWO).vote("alice")
    with fails("evidence.form"):
        verify(raw, story.trust(), expected_payload=PAYLOAD.canonical, now=at(120))


def test_terms_of_another_form():
    story = Story(ONE_OF_TWO).vote("alice")
    members = {**json.loads(story.matter.terms.to_bytes()), "extra": "x"}
    with fails("terms.form"):
        story.verify(story.evidence(terms=canonicalise(members)))


def test_another_organisation_or_deployment():
    story = Story(ONE_OF_TWO).vote("alice")
    for changes in ({"organisation": "org-2"}, {"rp": replace(RP, id="other.example")}):
        with is_not_authenticated("trust.audience"):
            story.verify(trust=story.trust(**changes))


def test_terms_of_another_deployment_than_the_one_that_was_signed_in():
    with fails("assertion.rp_id"):
        Story(ONE_OF_TWO, audience="other.example").vote("alice").verify()


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": Policy(("alice",)).to_bytes()},
        {"note": "another note"},
        {"note": ""},
        {"terms": replace(Story(ONE_OF_TWO, note="a note").matter.terms, action="Pay twice").to_bytes()},
    ],
)
def test_other_terms(changes):
    story = Story(ONE_OF_TWO, note="a note").vote("alice")
    with fails("terms.hash"):
        story.verify(story.evidence(**changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"extra": 1}, "policy.form"),
        ({"approvers": []}, "policy.empty"),
        ({"threshold": 3}, "policy.unreachable"),
        ({"delegates": {"mallory": ["x"]}}, "policy.delegates"),
    ],
)
def test_a_policy_that_was_signed_but_cannot_be(changes, code):
    raw = canonicalise({**json.loads(ONE_OF_TWO.to_bytes()), **changes})
    story = Story(ONE_OF_TWO)
    terms = replace(story.matter.terms, policy=sha256(raw))
    story.matter = replace(story.matter, terms=terms, terms_hash=sha256(terms.to_bytes()))
    with fails(code):
        story.vote("alice").verify(story.evidence(policy=raw))


def test_a_reason_that_was_not_signed():
    for reason, shown in (("fine", "wonderful"), ("fine", ""), ("", "fine")):
        story = Story(ONE_OF_TWO).vote("alice", reason=reason, shown_reason=shown)
        with fails("context.nonce"):
            story.verify()


def test_the_same_vote_twice_and_its_twin():
    story = Story(TWO_OF_THREE).vote("alice")
    vote = story.votes[0]
    r, s = decode_dss_signature(vote.assertion.signature)
    twin = replace(vote, assertion=replace(vote.assertion, signature=encode_dss_signature(r, P256_ORDER - s)))
    for second in (vote, twin):
        with fails("context.nonce"):
            story.verify(story.evidence(votes=(vote, second)))


def test_a_context_of_another_form():
    story = Story(ONE_OF_TWO).vote("alice")
    (vote,) = story.votes
    other = replace(vote, context=vote.context.replace(b'"head":"', b'"head":"0'))
    with fails("context.form"):
        story.verify(story.evidence(votes=(other,)))


def test_nothing_can_be_changed_after_it_was_checked():
    story = Story(Policy(("alice",), fallback=(Fallback(60, ("bob",)),))).vote("alice")
    evidence, trust, matter = story.evidence(), story.trust(), story.matter
    verdict = story.verify(evidence, trust)
    vote = make_vote(matter, story.passkeys["alice"])
    decision = Decision().cast(matter, vote, at=at(60))
    values = [verdict, verdict.signers[0], verdict.terms, evidence, evidence.votes[0], evidence.votes[0].assertion]
    values += [trust, trust.rp, trust.floor, trust.approvers[0], trust.approvers[0].keys[0]]
    values += [matter, matter.policy, matter.policy.fallback[0], vote, vote.context, vote.proof, decision, PAYLOAD]
    for value in values:
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)
