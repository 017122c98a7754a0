"""The named checks that concern what the log says, and who signed it."""

import json
from dataclasses import replace

import pytest

from cosignet.core.encoding import b64u
from cosignet.core.leaf import ENROLLED, REQUESTED, Leaf, commitment
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.note import Note
from cosignet.core.policy import Policy
from cosignet.core.record import Record
from cosignet.core.trust import PinnedLog, PinnedLogKey
from cosignet.testing import SoftwareLog
from tests.unit.builders import LOG, Story, at, fails, is_not_authenticated, lying
from tests.unit.electorate import flip

ONE_OF_TWO = Policy(("alice", "bob"))
TWO = Policy(("alice", "bob"), 2)
APPROVED = "confirmation.approved"


def approved(**changes):
    return Story(ONE_OF_TWO, **changes).vote("alice")


def with_entry(evidence, which, **changes):
    if which in ("request", "outcome"):
        return replace(evidence, **{which: replace(getattr(evidence, which), **changes)})
    (key,) = evidence.keys
    return replace(evidence, keys=(replace(key, **{which: replace(getattr(key, which), **changes)}),))


ENTRIES = ["request", "outcome", "enrolled"]


@pytest.mark.parametrize("which", ENTRIES)
def test_a_leaf_that_is_not_in_the_tree(which):
    evidence = approved().evidence()
    entry = evidence.keys[0].enrolled if which == "enrolled" else getattr(evidence, which)
    for changes in (
        {"proof": entry.proof[::-1]},
        {"proof": entry.proof[:-1]},
        {"proof": (*entry.proof, bytes(32))},
        {"proof": (bytes(32), *entry.proof[1:])},
        {"index": entry.index + 1},
        {"index": 2**40},
    ):
        with fails("log.inclusion"):
            approved().verify(with_entry(evidence, which, **changes))


@pytest.mark.parametrize("which", ENTRIES)
def test_a_leaf_of_another_form(which):
    evidence = approved().evidence()
    for leaf in (b"", b"{}", b"x" * 3_000, evidence.outcome.leaf + b" "):
        with fails("leaf.form"):
            approved().verify(with_entry(evidence, which, leaf=leaf))


@pytest.mark.parametrize("which", ENTRIES)
def test_a_record_that_the_leaf_does_not_commit_to(which):
    evidence = approved().evidence()
    for changes in ({"salt": bytes(32)}, {"record": b"{}"}, {"record": evidence.outcome.record + b" "}):
        with fails("leaf.record"):
            approved().verify(with_entry(evidence, which, **changes))


def test_an_entry_of_another_kind():
    evidence = approved().evidence()
    for other in (replace(evidence, request=evidence.outcome), replace(evidence, outcome=evidence.request)):
        with fails("leaf.record"):
            approved().verify(other)


REQUESTS = {
    "another confirmation": {"confirmation": "c-2"},
    "other terms": {"terms": b64u(bytes(32))},
    "another deadline": {"deadline": "2026-01-31T12:14:59Z"},
    "a deadline that is none": {"deadline": "soon"},
    "a deadline that is no text": {"deadline": 1},
    "a deadline in the last minute there is": {"deadline": "9999-12-31T23:59:59Z"},
    "no deadline": {"deadline": ...},
    "something else too": {"extra": ""},
}


@pytest.mark.parametrize("changes", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_request_that_is_logged_otherwise(changes):
    with fails("leaf.record"):
        approved(log=lying(SoftwareLog(LOG, "org-1"), REQUESTED, **changes)).verify()


def test_terms_on_which_only_the_log_agrees():
    other = {"terms": b64u(bytes(32))}
    story = approved(log=lying(SoftwareLog(LOG, "org-1"), REQUESTED, **other))
    with fails("leaf.record"):
        story.verify(story.evidence(log=lying(story.log, APPROVED, **other)))


@pytest.mark.parametrize("torn", [{"event": "confirmation.rejected"}, {"time": at(61)}], ids=["event", "time"])
def test_a_leaf_and_a_record_that_were_signed_together_and_differ(torn):
    log = STORY.log.copy()
    STORY.evidence(log=log)
    entry = log.entries[-1]
    record = Record.parse(entry.record)
    changed = replace(record, **torn).to_bytes()
    leaf = replace(Leaf.parse(entry.leaf), record=commitment(entry.salt, changed)).to_bytes()
    log.entries[-1] = replace(entry, record=changed, leaf=leaf)
    outcome, evidence = log.entry(len(log.entries) - 1), STORY.evidence()
    with fails("leaf.record"):
        STORY.verify(log.prove_again(replace(evidence, outcome=outcome)))


def test_a_request_whose_leaf_shows_another_deadline():
    log = lying(SoftwareLog(LOG, "org-1"), REQUESTED, {"deadline": "2026-01-31T12:16:00Z"})
    with fails("leaf.record"):
        approved(log=log).verify()


def test_a_log_of_another_organisation():
    with fails("leaf.record"):
        approved(log=SoftwareLog(LOG, "org-2")).verify()


STORY = approved()
SAID = json.loads(STORY.evidence().outcome.record)["votes"][0]
OUTCOMES = {
    "another confirmation": {"confirmation": "c-2"},
    "other terms": {"terms": b64u(bytes(32))},
    "no votes": {"votes": []},
    "more votes": {"votes": [SAID, SAID]},
    "votes that are none": {"votes": None},
    "a vote that is none": {"votes": ["x"]},
    "another context": {"votes": [{**SAID, "context": SAID["credential"]}]},
    "another passkey": {"votes": [{**SAID, "credential": ""}]},
    "another assertion": {"votes": [{**SAID, "assertion": b64u(bytes(32))}]},
    "a vote that says more": {"votes": [{**SAID, "extra": ""}]},
    "a vote without a time": {"votes": [{**SAID, "counted_at": None}]},
    "a vote with another time": {"votes": [{**SAID, "counted_at": "12:01"}]},
    "no e-mails": {"emails": ...},
    "e-mails in a list": {"emails": []},
    "something else too": {"decided_at": ""},
}


@pytest.mark.parametrize("changes", OUTCOMES.values(), ids=OUTCOMES.keys())
def test_an_outcome_that_is_logged_otherwise(changes):
    with fails("leaf.record"):
        STORY.verify(STORY.evidence(log=lying(STORY.log, APPROVED, **changes)))


def test_an_outcome_of_another_request():
    with fails("leaf.record"):
        STORY.verify(STORY.evidence(log=lying(STORY.log, APPROVED, {"request": "another"})))


def test_an_outcome_in_another_organisation():
    log = STORY.log.copy()
    log.organisation = "org-2"
    with fails("leaf.record"):
        STORY.verify(STORY.evidence(log=log))


ENROLMENTS = {
    "another person": {"person": "bob"},
    "another id": {"credential": ""},
    "another key": {"public_key": ""},
    "a synced one": {"backup_eligible": True},
    "without a role": {"role": ...},
    "with a role that is no text": {"role": 1},
    "attested by a text": {"attested": "no"},
    "something else too": {"extra": ""},
}


@pytest.mark.parametrize("changes", ENROLMENTS.values(), ids=ENROLMENTS.keys())
def test_a_passkey_that_is_logged_otherwise(changes):
    with fails("leaf.record"):
        approved(log=lying(SoftwareLog(LOG, "org-1"), ENROLLED, **changes)).verify()


def test_a_passkey_that_was_enrolled_in_another_organisation():
    story = Story(ONE_OF_TWO)
    story.log.organisation = "org-2"
    story.enrol(story.passkeys["alice"])
    story.log.organisation = "org-1"
    with fails("leaf.record"):
        story.vote("alice").verify()


def test_a_checkpoint_of_another_form():
    evidence = STORY.evidence()
    for code, raw in (
        ("note.form", b"x"),
        ("note.form", evidence.checkpoint + b"x"),
        ("checkpoint.form", evidence.checkpoint.replace(b"\n", b"\nx\n", 1)),
    ):
        with fails(code):
            STORY.verify(replace(evidence, checkpoint=raw))


def test_a_log_that_is_not_the_trusted_one():
    for log in (SoftwareLog("other.example/log", "org-1"), SoftwareLog(LOG, "org-1")):
        with is_not_authenticated("trust.log"):
            STORY.verify(trust=STORY.trust(log=log.pinned))


def test_every_key_that_is_pinned_has_to_have_signed():
    first, second = STORY.trust().log.keys
    other = PinnedLogKey(SigningKey(LOG, Kind.ED25519, bytes(32)).public)
    assert STORY.verify(trust=STORY.trust(log=PinnedLog((first,)))).decision == "approved"
    for keys in ((first, other), (first, second, other)):
        with is_not_authenticated("trust.log"):
            STORY.verify(trust=STORY.trust(log=PinnedLog(keys)))


def test_a_rotated_key_signs_up_to_the_size_that_is_stated():
    first, size = STORY.trust().log.keys[0], STORY.evidence().outcome.index + 1
    other = replace(PinnedLogKey(SigningKey(LOG, Kind.ED25519, bytes(32)).public), start=size + 1)
    assert STORY.verify(trust=STORY.trust(log=PinnedLog((replace(first, end=size), other)))).decision == "approved"
    for keys in (
        (replace(first, end=size - 1),),
        (replace(first, start=size + 1),),
        (first, replace(other, start=size)),
    ):
        with is_not_authenticated("trust.log"):
            STORY.verify(trust=STORY.trust(log=PinnedLog(keys)))


@pytest.mark.parametrize("which", [0, 1])
def test_a_signature_of_the_log_that_does_not_verify(which):
    evidence = STORY.evidence()
    note = Note.parse(evidence.checkpoint)
    forged = list(note.signatures)
    forged[which] = replace(forged[which], signature=flip(forged[which].signature, 8 * 70 if which else 0))
    raw = Note(note.text, tuple(forged)).to_bytes()
    with fails("log.signature"):
        STORY.verify(replace(evidence, checkpoint=raw))
