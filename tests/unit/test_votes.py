"""`verify_vote`: the part of decision.py that reads signatures."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.decision import Decision, Status, verify_vote
from cosignet.core.encoding import sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import nonce_of
from cosignet.errors import Malformed, Refused
from cosignet.testing import BE, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, HEAD, PAYLOAD, at, make_context, make_matter, make_vote, raises, sign
from tests.unit.cose import P256_ORDER

POLICY = Policy(("alice", "bob"), 2, delegates={"alice": ("dora",)})


@pytest.fixture
def matter():
    return make_matter(POLICY)


@pytest.fixture
def passkey():
    return SoftwarePasskey("alice")


def submit(matter, passkey, *, signed=None, credential=None, **changes):
    """A vote whose context is `changes` away from an honest one, and signed as it stands."""
    context = make_context(matter.terms, **{"approver": passkey.person, **changes}).to_bytes()
    return verify_vote(matter, context, sign(passkey, signed or matter, context), credential or passkey.credential)


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_an_honest_vote_is_accepted(matter, passkey, decision):
    vote = submit(matter, passkey, decision=decision)
    assert (vote.seat, vote.context.decision, vote.proof.credential) == ("alice", decision, passkey.credential)
    assert vote.nonce == nonce_of(vote.context.to_bytes())


def test_a_delegate_votes_in_the_seat_of_another(matter):
    vote = submit(matter, SoftwarePasskey("dora"), stands_in_for="alice")
    assert (vote.seat, vote.context.approver) == ("alice", "dora")


@pytest.mark.parametrize(
    ("person", "seat"), [("mallory", ""), ("mallory", "alice"), ("dora", ""), ("dora", "bob"), ("bob", "alice")]
)
def test_only_those_whom_the_policy_names_may_vote(matter, person, seat):
    with raises(Refused, "policy.approver"):
        submit(matter, SoftwarePasskey(person), stands_in_for=seat)


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmation": "c-2"},
        {"organisation": "org-2"},
        {"audience": "other.example"},
        {"requester": "agent-2"},
        {"action": "Something else"},
        {"note": sha256(b"note")},
        {"payload": sha256(b"{}")},
        {"policy": Policy(("alice",)).hash},
        {"created_at": at(-1)},
        {"deadline": at(901)},
        {"valid_until": at(3601)},
        {"reveal": "yes"},
        {"execution": "elsewhere"},
    ],
)
def test_a_vote_on_other_terms_is_refused(matter, passkey, changes):
    other = replace(matter, terms=replace(matter.terms, **changes))
    context = make_context(other.terms).to_bytes()
    with raises(Refused, "terms.hash"):
        verify_vote(matter, context, sign(passkey, other, context), passkey.credential)


def test_the_passkey_of_another_person_is_refused(matter):
    with raises(Refused, "assertion.key"):
        submit(matter, SoftwarePasskey("bob"), approver="alice")


def test_a_passkey_that_cannot_be_synced_may_be_asked_for():
    matter = make_matter(replace(POLICY, device_bound_only=True))
    assert submit(matter, SoftwarePasskey("alice")).seat == "alice"
    with raises(Refused, "policy.device_bound"):
        submit(matter, SoftwarePasskey("alice", synced=True))


def test_a_synced_passkey_cannot_pretend_to_be_bound_to_its_device():
    matter, passkey = make_matter(replace(POLICY, device_bound_only=True)), SoftwarePasskey("alice", synced=True)
    with raises(Refused, "assertion.backup"):
        submit(matter, passkey, credential=replace(passkey.credential, backup_eligible=False))


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "reject"},
        {"reason": sha256(b"why")},
        {"issued_at": at(31)},
        {"head": HEAD._replace(size=8)},
        {"random": b"\x01" * 32},
        {"approver": "dora", "stands_in_for": "alice"},
    ],
)
def test_a_signature_counts_for_its_own_context_alone(matter, passkey, changes):
    honest = make_context(matter.terms)
    other = replace(honest, **changes)
    credential = replace(passkey.credential, person=other.approver)
    assertion = replace(sign(passkey, matter, honest.to_bytes()), user_handle=None)
    with raises(Refused, "assertion.challenge"):
        verify_vote(matter, other.to_bytes(), assertion, credential)


def test_a_signature_over_another_payload_is_refused(matter, passkey):
    other = replace(matter, terms=replace(matter.terms, payload=sha256(b"{}")))
    assert other.terms.payload != PAYLOAD.hash
    with raises(Refused, "assertion.challenge"):
        submit(matter, passkey, signed=other)


@pytest.mark.parametrize(
    ("place", "code"),
    [({"origin": "https://evil.example"}, "assertion.origin"), ({"rp_id": "evil.example"}, "assertion.rp_id")],
)
def test_a_vote_is_cast_on_a_page_of_ours(matter, passkey, place, code):
    context = make_context(matter.terms).to_bytes()
    assertion = sign(passkey, matter, context, replace(CEREMONY, **place))
    with raises(Refused, code):
        verify_vote(matter, context, assertion, passkey.credential)


def test_every_assertion_rule_applies(matter, passkey):
    context = make_context(matter.terms).to_bytes()
    for flags, code in ((UP, "assertion.uv"), (UP | UV | BE, "assertion.backup")):
        assertion = sign(passkey, matter, context, replace(CEREMONY, flags=flags))
        with raises(Refused, code):
            verify_vote(matter, context, assertion, passkey.credential)


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"v":"cosignet/context/v1"}', b"\xff"])
def test_bytes_that_are_no_context_are_malformed(matter, passkey, raw):
    with raises(Malformed, "context.form"):
        verify_vote(matter, raw, sign(passkey, matter, raw), passkey.credential)


def test_the_twin_of_a_signature_is_the_same_vote(matter, passkey):
    context = make_context(matter.terms).to_bytes()
    assertion = sign(passkey, matter, context)
    r, s = decode_dss_signature(assertion.signature)
    twin = replace(assertion, signature=encode_dss_signature(r, P256_ORDER - s))
    first = verify_vote(matter, context, assertion, passkey.credential)
    again = verify_vote(matter, context, twin, passkey.credential)
    assert first.nonce == again.nonce
    with raises(Refused, "vote.nonce"):
        Decision().cast(matter, first, at=at(60)).cast(matter, again, at=at(61))


def test_two_people_with_two_passkeys_approve(matter, passkey):
    decision = Decision().cast(matter, make_vote(matter, passkey), at=at(60))
    assert decision.status == Status.PENDING
    assert decision.cast(matter, make_vote(matter, SoftwarePasskey("bob")), at=at(61)).status == Status.APPROVED
