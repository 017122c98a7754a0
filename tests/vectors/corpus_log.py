"""Bundles that the log contradicts: other leaves, another order, other heads."""

from dataclasses import replace

from cosignet.core.checkpoint import Head
from cosignet.core.encoding import b64u
from cosignet.core.evidence import HeadProof
from cosignet.core.leaf import ENROLLED, REQUESTED, REVOKED
from cosignet.core.log_keys import Kind
from cosignet.core.note import Note
from tests.unit.builders import at, lying, revoked
from tests.vectors.corpus import ANY, a_log, a_story, false

APPROVED = "confirmation.approved"
SIMPLE = a_story(ANY).vote("alice")


def entry(check, which, **changes):
    evidence = SIMPLE.evidence()
    if which == "enrolled":
        (key,) = evidence.keys
        evidence = replace(evidence, keys=(replace(key, enrolled=replace(key.enrolled, **changes)),))
    else:
        evidence = replace(evidence, **{which: replace(getattr(evidence, which), **changes)})
    return false(check, SIMPLE, evidence=evidence)


def said(event, /, public=None, **changes):
    """The log says other things of this kind of event."""
    return false("leaf.record", a_story(ANY, log=lying(a_log(), event, public, **changes)).vote("alice"))


def decided(public=None, **changes):
    return false("leaf.record", SIMPLE, evidence=SIMPLE.evidence(log=lying(SIMPLE.log, APPROVED, public, **changes)))


def revocation(check, *, before, **changes):
    story = a_story(ANY).vote("alice")
    return false(check, story, evidence=revoked(story, before=before, log=lying(story.log, REVOKED, **changes)))


def enrolled_late():
    log = SIMPLE.log.copy()
    evidence = SIMPLE.evidence(log=log)
    late = log.enrol(SIMPLE.passkeys["alice"].credential, at(61))
    moved = log.prove_again(evidence)
    return false("log.order", SIMPLE, evidence=replace(moved, keys=(replace(moved.keys[0], enrolled=log.entry(late)),)))


def headed(check, head, **changes):
    story = a_story(ANY)
    story.vote("alice", head=head)
    log = story.log.copy()
    log.since = lambda size: HeadProof(size, changes.get("proof", ()))
    return false(check, story, evidence=story.evidence(log=log))


def before_the_request():
    story = a_story(ANY)
    log = a_log()
    for number in range(2):
        log.entries.append(story.log.entries[number])
    return false("log.order", story.vote("alice", head=log.head))


def headless():
    return false("log.consistency", a_story(ANY).vote("alice", head=None))


def heads(change):
    evidence = SIMPLE.evidence()
    return false("log.consistency", SIMPLE, evidence=replace(evidence, heads=change(evidence.heads)))


def checkpoint(check, change):
    evidence = SIMPLE.evidence()
    return false(check, SIMPLE, evidence=replace(evidence, checkpoint=change(evidence.checkpoint)))


def forged():
    """A signature of the pinned key over another text."""
    evidence = SIMPLE.evidence()
    other = a_story(ANY).vote("bob").evidence().checkpoint
    text, signed = evidence.checkpoint.split(b"\n\n")[0], other.split(b"\n\n")[1]
    return false("log.signature", SIMPLE, evidence=replace(evidence, checkpoint=text + b"\n\n" + signed))


def ml_dsa(place):
    """One byte of the log's ML-DSA-44 signature is another one; the one with Ed25519 is genuine."""
    story = a_story(ANY, log=a_log(kinds=(Kind.ED25519, Kind.ML_DSA_44))).vote("alice")
    evidence = story.evidence()
    note = Note.parse(evidence.checkpoint)
    genuine, line = note.signatures
    changed = bytearray(line.signature)
    changed[place] ^= 1
    forged = Note(note.text, (genuine, replace(line, signature=bytes(changed)))).to_bytes()
    return false("log.signature", story, evidence=replace(evidence, checkpoint=forged))


OUTCOME = SIMPLE.evidence().outcome

CASES = {
    "leaf_request_of_another_place": entry("log.inclusion", "request", index=1),
    "leaf_request_outside": entry("log.inclusion", "request", index=2**40),
    "leaf_outcome_proof_too_short": entry("log.inclusion", "outcome", proof=OUTCOME.proof[:-1]),
    "leaf_outcome_proof_too_long": entry("log.inclusion", "outcome", proof=(*OUTCOME.proof, bytes(32))),
    "leaf_outcome_proof_of_zeroes": entry("log.inclusion", "outcome", proof=(bytes(32), *OUTCOME.proof[1:])),
    "leaf_enrolment_of_another_place": entry("log.inclusion", "enrolled", index=1),
    "leaf_request_is_none": entry("leaf.form", "request", leaf=b"{}"),
    "leaf_outcome_not_canonical": entry("leaf.form", "outcome", leaf=OUTCOME.leaf + b" "),
    "leaf_enrolment_is_none": entry("leaf.form", "enrolled", leaf=b""),
    "record_of_another_salt": entry("leaf.record", "outcome", salt=bytes(32)),
    "record_of_another_time": entry("leaf.record", "outcome", record=OUTCOME.record.replace(b"12:01", b"12:02")),
    "record_of_another_kind": false(
        "leaf.record", SIMPLE, evidence=replace(SIMPLE.evidence(), request=SIMPLE.evidence().outcome)
    ),
    "request_of_another_confirmation": said(REQUESTED, confirmation="c-2"),
    "request_on_other_terms": said(REQUESTED, terms=b64u(bytes(32))),
    "request_with_another_deadline": said(REQUESTED, deadline="2026-01-31T12:14:59Z"),
    "request_that_shows_another_deadline": said(REQUESTED, {"deadline": "2026-01-31T12:16:00Z"}),
    "request_with_a_deadline_at_the_end_of_time": said(REQUESTED, deadline="9999-12-31T23:59:59Z"),
    "request_that_says_more": said(REQUESTED, extra=""),
    "outcome_of_another_request": decided({"request": "another"}),
    "outcome_of_another_confirmation": decided(confirmation="c-2"),
    "outcome_on_other_terms": decided(terms=b64u(bytes(32))),
    "outcome_of_no_votes": decided(votes=[]),
    "outcome_of_other_votes": false(
        "leaf.record",
        SIMPLE,
        evidence=replace(SIMPLE.evidence(), votes=a_story(ANY).vote("alice", seconds=70, reason="x").votes),
    ),
    "outcome_that_says_more": decided(extra=""),
    "enrolment_of_another_person": said(ENROLLED, person="bob"),
    "enrolment_of_another_key": said(ENROLLED, public_key=""),
    "enrolment_of_a_synced_key": said(ENROLLED, backup_eligible=True),
    "enrolment_after_the_vote": enrolled_late(),
    "revoked_before_the_decision": revocation("credential.revoked", before=True),
    "revocation_of_another_passkey": revocation("leaf.record", before=False, credential=""),
    "revocation_of_another_enrolment": revocation("leaf.record", before=False, enrolled="another"),
    "head_of_another_log": headed("log.consistency", Head(3, bytes(32))),
    "head_larger_than_the_tree": headed("log.consistency", Head(2**40, bytes(32))),
    "head_before_the_request": before_the_request(),
    "head_missing": headless(),
    "head_without_a_proof": heads(lambda known: ()),
    "head_with_a_proof_of_zeroes": heads(lambda known: (replace(known[0], proof=(bytes(32),) * len(known[0].proof)),)),
    "head_that_nobody_signed": heads(lambda known: (HeadProof(1, ()), *known)),
    "checkpoint_is_none": checkpoint("note.form", lambda raw: b"x"),
    "checkpoint_with_crlf": checkpoint("note.form", lambda raw: raw.replace(b"\n", b"\r\n")),
    "checkpoint_with_a_fourth_line": checkpoint("checkpoint.form", lambda raw: raw.replace(b"\n\n", b"\nmore\n\n", 1)),
    "checkpoint_with_a_zero_before_its_size": checkpoint("checkpoint.form", lambda raw: raw.replace(b"\n", b"\n0", 1)),
    "checkpoint_ml_dsa_time": ml_dsa(7),
    "checkpoint_ml_dsa_challenge": ml_dsa(8),
    "checkpoint_ml_dsa_response": ml_dsa(1_000),
    "checkpoint_ml_dsa_hint": ml_dsa(-1),
    "checkpoint_signed_for_another_tree": forged(),
}
