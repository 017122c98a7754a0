"""Bundles of evidence, each with the trust file it is held against and what every verifier has to say of it.

A bundle that fails does so by one check alone: whatever was changed in it, all else was signed anew to match.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta

from cosignet.core.encoding import instant
from cosignet.core.log_keys import Kind
from cosignet.core.policy import Fallback, Policy
from cosignet.core.trust import Floor
from tests.unit.builders import LOG, PAYLOAD, Story, at
from tests.vectors.fixed import FixedLog, FixedPasskey

AUTHENTIC, FALSE, UNREADABLE, CONSISTENT = 0, 1, 2, 3

TWO_OF_THREE = Policy(
    ("alice", "bob", "carol"),
    threshold=2,
    veto=True,
    exclude=("mallory",),
    fallback=(Fallback(300, ("erin",)),),
    delegates={"carol": ("dora",)},
)
ANY = Policy(("alice", "bob"))


@dataclass(frozen=True)
class Case:
    """One folder: the bytes of evidence and trust file, and what to expect at which time, for which payload."""

    evidence: bytes
    trust: bytes
    expected: dict


def a_log(*, kinds=(Kind.ED25519,), called="a log", origin=LOG):
    return FixedLog(origin, "org-1", secret=called.encode().ljust(32, b"."), kinds=kinds)


def a_story(policy=TWO_OF_THREE, *, log=None, **changes):
    """A story whose passkeys and log are the same each time."""
    people = sorted(policy.signers | {"mallory"})
    passkeys = {person: FixedPasskey(person) for person in people}
    passkeys |= {"dora": FixedPasskey("dora", algorithm="EdDSA", synced=True)} if "dora" in passkeys else {}
    passkeys |= changes.pop("passkeys", {})
    return Story(policy, passkeys=passkeys, log=log or a_log(), **changes)


def approved(**changes):
    """Alice, and Dora for Carol, have approved."""
    story = a_story(**{"note": "Invoice 2026-0117, due today.", **changes})
    return story.vote("alice", reason="Matches the order").vote("dora", stands_in_for="carol", seconds=90)


def genuine(story, *, decision="approved", evidence=None, trust=None, payload=PAYLOAD.canonical, now=600, email=None):
    """A case that verifies."""
    evidence = evidence or story.evidence(decision)
    signers = [json.loads(vote.context)["approver"] for vote in evidence.votes]
    return _case(story, evidence, trust, payload, now, email, exit=AUTHENTIC, decision=decision, signers=signers)


def false(check, story, *, evidence=None, trust=None, payload=PAYLOAD.canonical, now=600, email=None):
    """A case that fails by this check, whoever is trusted."""
    return _case(story, evidence or story.evidence(), trust, payload, now, email, exit=FALSE, check=check)


def unreadable(story, raw):
    """A case that is no evidence at all."""
    case = _case(story, story.evidence(), None, PAYLOAD.canonical, 600, None, exit=UNREADABLE, check="evidence.form")
    return replace(case, evidence=raw)


def unvouched(check, story, *, evidence=None, trust=None):
    """A case that agrees with itself, and that this trust file does not vouch for."""
    return _case(story, evidence or story.evidence(), trust, PAYLOAD.canonical, 600, None, exit=CONSISTENT, check=check)


def _case(story, evidence, trust, payload, now, email, **expected):
    pinned = trust or story.trust(floor=Floor(1, frozenset()))
    moment = instant(at(0) + timedelta(seconds=now))
    said = {"now": moment, "payload": payload.decode() if payload else None, "email": email}
    return Case(evidence.to_bytes(), pinned.to_bytes(), {**said, **expected})
