"""Bundles whose votes are false: who signed, with what, how, and when."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.encoding import b64u
from cosignet.core.policy import Fallback, Policy
from cosignet.testing import BE, UP, UV
from tests.unit.builders import CEREMONY, at, sign
from tests.unit.cose import P256_ORDER, SMALL_ORDER, ed25519_key
from tests.vectors.corpus import ANY, TWO_OF_THREE, a_story, approved, false
from tests.vectors.fixed import FixedPasskey


def signed_again(check, ceremony=CEREMONY, **changes):
    """Alice's vote signed in another ceremony, or with other parts; the log has it like this."""
    story = approved()
    first, second = story.votes
    assertion = replace(sign(story.passkeys["alice"], story.matter, first.context, ceremony), **changes)
    return false(check, story, evidence=story.evidence(votes=[replace(first, assertion=assertion), second]))


def lied(check, **changes):
    return signed_again(check, replace(CEREMONY, **changes))


def voted(check, *ballots, policy=TWO_OF_THREE, decision="approved", **changes):
    story = a_story(policy, **changes)
    for person, word, seat, seconds in ballots:
        story.vote(person, word, stands_in_for=seat, seconds=seconds)
    return false(check, story, evidence=story.evidence(decision))


def yes(person, seat="", seconds=60):
    return person, "approve", seat, seconds


def no(person, seconds=60):
    return person, "reject", "", seconds


def with_context(check, change):
    """Alice's context changed after it was signed; the log has it like this."""
    story = approved()
    first, second = story.votes
    changed = replace(first, context=change(first.context))
    return false(check, story, evidence=story.evidence(votes=[changed, second]))


def other_terms():
    story = approved()
    second, elsewhere = story.votes[1], approved(action="Pay another invoice")
    return false("terms.hash", story, evidence=story.evidence(votes=[elsewhere.votes[0], second]))


def other_reason(shown):
    story = a_story(ANY).vote("alice", reason="fine", shown_reason=shown)
    return false("context.nonce", story)


def the_same_vote(change=lambda vote: vote):
    story = a_story(replace(TWO_OF_THREE, veto=False)).vote("alice")
    vote = story.votes[0]
    return false("context.nonce", story, evidence=story.evidence(votes=[vote, change(vote)]))


def twin(vote):
    r, s = decode_dss_signature(vote.assertion.signature)
    return replace(vote, assertion=replace(vote.assertion, signature=encode_dss_signature(r, P256_ORDER - s)))


def two_passkeys_of_one_person():
    story = a_story(TWO_OF_THREE)
    second = FixedPasskey("alice, again")
    second.person = "alice"
    story.passkeys["alice again"] = second
    story.enrol(second)
    return false("policy.separation", story.vote("alice").vote("alice", passkey=second))


def one_passkey_of_two_people():
    story = a_story(TWO_OF_THREE)
    story.passkeys["bob"]._key = story.passkeys["alice"]._key
    story.enrol(story.passkeys["bob"])
    return false("policy.separation", story.vote("alice").vote("bob"))


def a_passkey_of_somebody_else():
    story = a_story(ANY)
    return false("assertion.key", story.vote("alice", passkey=story.passkeys["bob"]))


def an_unusable_key(key):
    passkey = FixedPasskey("alice")
    passkey._cose = lambda: key
    story = a_story(ANY, passkeys={"alice": passkey}).vote("alice")
    return false("assertion.key", story, trust=a_story(ANY).trust())


def timed(issued, counted, decided):
    story = a_story(ANY).vote("alice", seconds=counted, issued_at=at(issued))
    return false("time.deadline", story, evidence=story.evidence(decided_at=at(decided)))


def synced_where_bound():
    passkeys = {"alice": FixedPasskey("alice", synced=True)}
    story = a_story(replace(ANY, device_bound_only=True), passkeys=passkeys).vote("alice")
    return false("policy.device_bound", story)


def withheld(check, story, decision="approved"):
    return false(check, story, evidence=story.evidence(decision).without_content(), payload=None)


def withheld_twice():
    story = a_story(TWO_OF_THREE).vote("alice").vote("alice")
    return withheld("policy.separation", story)


SMALL = ed25519_key(next(iter(SMALL_ORDER.values())))
LATE = Policy(("alice",), fallback=(Fallback(60, ("bob",)),))

CASES = {
    "ceremony_of_a_registration": lied("assertion.type", client_data={"type": "webauthn.create"}),
    "ceremony_of_another_challenge": lied("assertion.challenge", client_data={"challenge": b64u(bytes(64))}),
    "ceremony_in_a_frame": lied("assertion.cross_origin", client_data={"crossOrigin": True}),
    "ceremony_of_another_rp": lied("assertion.rp_id", rp_id="evil.example"),
    "ceremony_without_presence": lied("assertion.up", flags=UV),
    "ceremony_without_verification": lied("assertion.uv", flags=UP),
    "ceremony_backup_flags_differ": lied("assertion.backup", flags=UP | UV | BE),
    "ceremony_with_trailing_bytes": lied("assertion.form", extensions=b"\x00"),
    "ceremony_without_an_origin": lied("assertion.origin", client_data={"origin": None}),
    "client_data_key_twice": signed_again(
        "assertion.form", client_data=b'{"type":"webauthn.get","type":"webauthn.get"}'
    ),
    "signature_of_zeroes": signed_again("assertion.signature", signature=bytes(70)),
    "signature_empty": signed_again("assertion.signature", signature=b""),
    "user_handle_of_another": signed_again("assertion.user", user_handle=b"bob"),
    "key_of_small_order": an_unusable_key(SMALL),
    "key_off_the_curve": an_unusable_key(
        bytes.fromhex("a5010203262001215820") + bytes(32) + b"\x22\x58\x20" + bytes(32)
    ),
    "key_that_is_none": an_unusable_key(b"\xa0"),
    "key_of_somebody_else": a_passkey_of_somebody_else(),
    "context_not_canonical": with_context("context.form", lambda raw: raw + b" "),
    "context_of_another_version": with_context("context.form", lambda raw: raw.replace(b"context/v1", b"context/v2")),
    "context_head_with_a_zero": with_context("context.form", lambda raw: raw.replace(b'"head":"', b'"head":"0')),
    "context_turned_around": with_context("assertion.challenge", lambda raw: raw.replace(b'"approve"', b'"reject"')),
    "context_of_other_terms": other_terms(),
    "reason_another": other_reason("wonderful"),
    "reason_dropped": other_reason(""),
    "vote_twice": the_same_vote(),
    "vote_and_its_malleable_twin": the_same_vote(twin),
    "voter_not_named": voted("policy.separation", yes("alice"), yes("mallory")),
    "voter_excluded_delegate_of_nobody": voted("policy.separation", yes("alice"), yes("dora", "bob")),
    "voter_and_delegate": voted(
        "policy.separation", yes("carol"), yes("dora", "carol"), policy=replace(TWO_OF_THREE, threshold=2)
    ),
    "voter_with_two_passkeys": two_passkeys_of_one_person(),
    "voters_with_one_passkey": one_passkey_of_two_people(),
    "voter_before_the_seat_opened": voted("policy.separation", yes("bob", seconds=59), policy=LATE),
    "voter_with_a_synced_passkey": synced_where_bound(),
    "quorum_not_reached": voted("policy.quorum", yes("alice")),
    "quorum_of_nobody": voted("policy.quorum"),
    "quorum_despite_a_veto": voted("policy.quorum", no("bob"), yes("alice"), yes("carol")),
    "quorum_turned_around": voted("policy.quorum", no("bob"), decision="approved"),
    "quorum_vote_after_the_decision": voted("policy.quorum", yes("alice"), yes("bob"), yes("carol")),
    "time_issued_before_the_request": timed(-1, 60, 60),
    "time_counted_before_it_was_issued": timed(61, 60, 60),
    "time_decided_before_it_was_counted": timed(30, 60, 59),
    "time_decided_at_the_deadline": timed(30, 899, 900),
    "withheld_one_person_twice": withheld_twice(),
    "withheld_turned_around": withheld("policy.quorum", a_story().vote("bob", "reject")),
}
