"""Genuine bundles held against trust files that vouch for them in the rarer ways, or not at all."""

from dataclasses import replace

from cosignet.core.canonical import Payload
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.client_data import RelyingParty
from cosignet.core.consistency import ENROLMENT, ENROLMENT_EXECUTION, enrolment_record
from cosignet.core.encoding import sha256
from cosignet.core.evidence import Anchor
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.note import Note
from cosignet.core.ots import block_hash
from cosignet.core.policy import Policy
from cosignet.core.trust import Approver, Floor, Level, PinnedLogKey
from cosignet.core.witnesses import WitnessPolicy
from tests.unit.builders import LOG, RP, at
from tests.vectors.corpus import ANY, a_log, a_story, approved, false, unvouched
from tests.vectors.fixed import FixedPasskey
from tests.vectors.timestamps import header_over, timestamp

WITNESSES = {
    name: SigningKey(f"{name}.example", Kind.COSIGNATURE, sha256(name.encode())) for name in ("wa", "wb", "wc")
}
SEEN_AT = int(at(120).timestamp())


def simple():
    return a_story(ANY).vote("alice")


def held(check, story=None, **changes):
    story = story or simple()
    return unvouched(check, story, trust=story.trust(**changes))


# Endorsements


def endorsement(story, log, *, by="owner", passkey=None, **changes):
    """The evidence of the confirmation in which somebody enrolled a passkey: story, log and evidence."""
    credential = (passkey or story.passkeys["alice"]).credential
    value = {"v": ENROLMENT, **enrolment_record(credential), "role": "approver", "email": "alice@example.com"}
    value |= changes.pop("payload", {})
    inner = a_story(
        Policy((by,)),
        log=log,
        payload=Payload.from_value(value),
        **{"execution": ENROLMENT_EXECUTION, "confirmation": "c-0", **changes},
    )
    return inner.vote(by)


def endorsed(*, through="", inner=None, **changes):
    """A bundle whose passkey a root endorsed, or somebody whom the root had endorsed as `through`; and its trust."""
    log = a_log()
    outer = a_story(ANY, log=log)
    first = endorsement(outer, a_log(), by="admin" if through else "owner", **(inner or {}))
    evidence = first.evidence()
    if through:
        second = endorsement(first, a_log(), by="owner", passkey=first.passkeys["admin"], payload={"role": through})
        (key,) = evidence.keys
        evidence = replace(evidence, keys=(replace(key, endorsement=second.evidence()),))
    outer.vote("alice")
    bundle = outer.evidence()
    (key,) = bundle.keys
    owner = Approver("owner", "Owner", (FixedPasskey("owner").credential,))
    trust = outer.trust(**{"approvers": (), "roots": (owner,), **changes})
    return outer, replace(bundle, keys=(replace(key, endorsement=evidence),)), trust


def endorsed_wrongly(**inner):
    story, evidence, trust = endorsed(inner=inner)
    return false("credential.endorsed", story, evidence=evidence, trust=trust)


def endorsed_elsewhere(**changes):
    story, evidence, trust = endorsed(**changes)
    return unvouched("credential.enrolled", story, evidence=evidence, trust=trust)


def endorsed_by_a_false_bundle():
    story, evidence, trust = endorsed()
    (key,) = evidence.keys
    broken = replace(key.endorsement, note="x")
    return false(
        "credential.endorsed", story, evidence=replace(evidence, keys=(replace(key, endorsement=broken),)), trust=trust
    )


# Witnesses


def cosigned(story, *names, forged=()):
    """The story's evidence, its checkpoint cosigned by these witnesses."""
    evidence = story.evidence()
    note = Note.parse(evidence.checkpoint)
    head = Checkpoint.parse(note.text)
    lines = [WITNESSES[name].sign(head, time=SEEN_AT + number) for number, name in enumerate(names)]
    lines += [replace(WITNESSES[name].sign(replace(head, size=1), time=SEEN_AT)) for name in forged]
    return replace(evidence, checkpoint=Note(note.text, (*note.signatures, *lines)).to_bytes())


def watched(story, level=Level.WITNESSED, *lines):
    known = [f"witness {name} {key.public.to_text()}" for name, key in WITNESSES.items()]
    return replace(story.log.pinned, witnesses=WitnessPolicy.parse([*known, *lines]), level=level)


TWO_OF_THREE = ("group all 2 wa wb wc", "quorum all")
NESTED = ("group inner any wb wc", "group outer all wa inner", "quorum outer")


def witnessed():
    story = simple()
    trust = story.trust(log=watched(story, Level.WITNESSED, *TWO_OF_THREE))
    return story, cosigned(story, "wa", "wc"), trust


def seen_at_the_end_of_time():
    story = simple()
    evidence = story.evidence()
    note = Note.parse(evidence.checkpoint)
    line = WITNESSES["wa"].sign(Checkpoint.parse(note.text), time=2**64 - 1)
    log = watched(story, Level.WITNESSED, "quorum wa")
    checkpoint = Note(note.text, (*note.signatures, line)).to_bytes()
    return story, replace(evidence, checkpoint=checkpoint), story.trust(log=log)


def seen_by(*names, lines=TWO_OF_THREE):
    story = simple()
    log = watched(story, Level.WITNESSED, *lines)
    return unvouched("witness.quorum", story, evidence=cosigned(story, *names), trust=story.trust(log=log))


def forged_witness():
    story = simple()
    log = watched(story, Level.WITNESSED, *TWO_OF_THREE)
    evidence = cosigned(story, "wa", "wb", forged=["wc"])
    return false("log.signature", story, evidence=evidence, trust=story.trust(log=log))


# Anchors


def stamped(story, *, ots=None, header=None):
    evidence = story.evidence()
    proof, root = timestamp(sha256(evidence.checkpoint), height=900_000)
    anchor = Anchor(proof if ots is None else ots(proof), header_over(root) if header is None else header)
    return replace(evidence, anchor=anchor)


def blocks(evidence, story, **changes):
    pinned = {"900000": block_hash(evidence.anchor.header)}
    return story.trust(log=replace(story.log.pinned, **{"blocks": pinned, "level": Level.ANCHORED, **changes}))


def anchored():
    story = simple()
    evidence = stamped(story)
    return story, evidence, blocks(evidence, story)


def badly_anchored(**changes):
    story = simple()
    evidence = stamped(story, **changes)
    return false("anchor.header", story, evidence=evidence, trust=blocks(stamped(story), story))


def not_anchored(**changes):
    story = simple()
    evidence = stamped(story)
    return unvouched("trust.level", story, evidence=evidence, trust=blocks(evidence, story, **changes))


def another_block():
    story = simple()
    evidence = stamped(story)
    return false("anchor.header", story, evidence=evidence, trust=blocks(evidence, story, blocks={"900000": "0" * 64}))


ALICE_ALONE = (Approver("alice", "Alice", (FixedPasskey("alice").credential,)),)
OTHER_KEY = PinnedLogKey(SigningKey(LOG, Kind.ED25519, bytes(32)).public)

CASES = {
    "trusted_another_organisation": held("trust.audience", organisation="org-2"),
    "trusted_another_deployment": held("trust.audience", rp=replace(RP, id="other.example")),
    "trusted_another_page": held("assertion.origin", rp=RelyingParty(RP.id, frozenset({"https://other.example"}))),
    "trusted_another_log": held("trust.log", log=a_log(origin="other.example/log").pinned),
    "trusted_another_log_key": held("trust.log", log=a_log(called="another").pinned),
    "trusted_a_further_log_key": held("trust.log", log=replace(a_log().pinned, keys=(*a_log().pinned.keys, OTHER_KEY))),
    "trusted_a_log_key_no_longer": held(
        "trust.log", log=replace(a_log().pinned, keys=(replace(a_log().pinned.keys[0], end=1),))
    ),
    "trusted_another_person": held(
        "credential.enrolled", approvers=(Approver("bob", "Bob", (FixedPasskey("bob").credential,)),)
    ),
    "trusted_another_key_under_its_id": held(
        "credential.enrolled",
        approvers=(
            Approver(
                "alice", "", (replace(FixedPasskey("bob").credential, id=FixedPasskey("alice").id, person="alice"),)
            ),
        ),
    ),
    "trusted_roots_without_an_endorsement": held(
        "credential.enrolled", approvers=(), roots=(Approver("owner", "", (FixedPasskey("owner").credential,)),)
    ),
    "floor_of_two": held("policy.floor", floor=Floor(2, frozenset())),
    "floor_of_others": held("policy.floor", floor=Floor(1, frozenset({"bob"}))),
    "floor_of_two_of_whom_one_signed": unvouched(
        "policy.floor", approved(), trust=approved().trust(floor=Floor(2, frozenset({"alice", "bob"})))
    ),
    "withheld_from_a_stranger": unvouched(
        "trust.audience",
        simple(),
        evidence=simple().evidence().without_content(),
        trust=simple().trust(organisation="org-2"),
    ),
    "witnessed_by_nobody": seen_by(),
    "witnessed_by_too_few": seen_by("wa"),
    "witnessed_by_the_wrong_group": seen_by("wb", "wc", lines=NESTED),
    "witnessed_by_a_forger": forged_witness(),
    "anchored_nowhere": held("trust.level", log=replace(a_log().pinned, level=Level.ANCHORED)),
    "anchored_in_a_block_that_nobody_pinned": not_anchored(blocks={}),
    "anchored_in_another_block": another_block(),
    "anchored_for_another_checkpoint": badly_anchored(ots=lambda proof: timestamp(bytes(32), height=900_000)[0]),
    "anchored_with_trailing_bytes": badly_anchored(ots=lambda proof: proof + b"\x00"),
    "anchored_truncated": badly_anchored(ots=lambda proof: proof[:-1]),
    "anchored_with_another_operation": badly_anchored(
        ots=lambda proof: proof.replace(b"\x08\x08\x00", b"\x08\x02\x00")
    ),
    "anchored_under_another_root": badly_anchored(header=header_over(bytes(32))),
    "endorsed_by_a_stranger": endorsed_elsewhere(
        roots=(Approver("owner", "", (FixedPasskey("another owner").credential,)),)
    ),
    "endorsed_through_an_approver": endorsed_elsewhere(through="approver"),
    "endorsed_another_person": endorsed_wrongly(payload={"person": "bob"}),
    "endorsed_another_key": endorsed_wrongly(payload={"public_key": ""}),
    "endorsed_something_else": endorsed_wrongly(payload={"v": "another"}),
    "endorsed_without_an_address": endorsed_wrongly(payload={"email": 1}),
    "endorsed_by_a_request_of_an_agent": endorsed_wrongly(execution=""),
    "endorsed_and_something_more": endorsed_wrongly(payload={"extra": ""}),
    "endorsed_by_a_false_bundle": endorsed_by_a_false_bundle(),
}
