"""Evidence of every kind, by chance: honest, signed anew around a lie, or changed after it was signed."""

import json
from dataclasses import dataclass, replace

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.leaf import ENROLLED, REQUESTED
from cosignet.core.policy import Fallback, Policy
from cosignet.core.trust import Floor
from cosignet.errors import CosignetError
from cosignet.testing import BE, BS, ED, UP, UV
from tests.unit.builders import CEREMONY, Story, at, hashed_address, lying, sign
from tests.unit.documents import places, value_at
from tests.vectors.corpus import a_log
from tests.vectors.fixed import FixedPasskey

PEOPLE = ("alice", "bob", "carol", "dora", "erin")
POLICIES = (
    Policy(("alice", "bob")),
    Policy(("alice", "bob", "carol"), 2, veto=True, exclude=("erin",)),
    Policy(("alice", "bob", "carol"), 2, delegates={"carol": ("dora",)}),
    Policy(("alice",), fallback=(Fallback(60, ("bob",)), Fallback(120, ("carol",)))),
    Policy(("alice", "bob"), device_bound_only=True),
)
# What an attacker who re-signs everything may want to say, and the odds and ends of every encoding.
LIES = (
    {"flags": UP},
    {"flags": UV},
    {"flags": UP | UV | BE},
    {"flags": UP | UV | BS},
    {"flags": UP | UV | 0x22},
    {"flags": UP | UV | ED, "extensions": b"\xa1\x61\x61\x01"},
    {"flags": UP | UV | ED, "extensions": b"\xa2\x61\x61\x01\x61\x61\x02"},
    {"flags": UP | UV | ED, "extensions": b"\xa1\x61\x61"},
    {"extensions": b"\x00"},
    {"rp_id": "evil.example"},
    {"origin": "https://evil.example"},
    {"client_data": {"type": "webauthn.create"}},
    {"client_data": {"challenge": ""}},
    {"client_data": {"crossOrigin": True}},
    {"client_data": {"topOrigin": "x"}},
    {"client_data": {"tokenBinding": "x"}},
    {"client_data": {"origin": 1}},
    {"client_data": {"extra": [[{"a": "é\u2028😀", "n": 1e21}]]}},
)
WORDS = ("", "approve", "reject", "alice", "bob", "none", "2026-01-31T12:01:00Z", "7 x", "A", "AA", "yes", "no")
ODD = (*WORDS, None, True, False, 0, 1, -1, 2**53 - 1, 0.5, [], {}, [""], {"": ""}, "\u0000", "😀", "é")
HASHED = {person: hashed_address(person).to_json() for person in PEOPLE[:3]}
# What an operator may say of addresses, true and false.
EMAILS = (
    {},
    {"alice": HASHED["alice"]},
    {"alice": HASHED["bob"]},
    HASHED,
    {"alice": {**HASHED["alice"], "iterations": 2**53 - 1}},
    {"alice": {**HASHED["alice"], "iterations": 1}},
    {"alice": {**HASHED["alice"], "kdf": "scrypt"}},
    {"alice": {**HASHED["alice"], "salt": ""}},
    {"alice": {**HASHED["alice"], "n": 1}},
    {"alice": None, "bob": []},
    {str(number): HASHED["alice"] for number in range(101)},
    {"": HASHED["alice"]},
    {"a" * 65: HASHED["alice"]},
)
GUESSES = ("alice@example.com", "BOB@example.com ", "alice@example.com\0", "alice@example.com\ud800", "")


@dataclass(frozen=True)
class Forgery:
    """What to judge, as the verifiers take it."""

    evidence: bytes
    trust: bytes | None
    payload: str | None
    now: str | None
    email: str | None


def forge(dice):
    """One more, as the dice fall."""
    story = _story(dice)
    evidence = _told(dice, story)
    if dice.random() < 0.1:
        evidence = evidence.without_content()
    trust = _trust(dice, story)
    payload = dice.choice((None, story.payload.decode())) if _mostly(dice) else "{}"
    now = dice.choice((None, "2026-01-31T12:59:59Z")) if _mostly(dice) else "2026-01-31T13:00:00Z"
    # Seldom, because each guess costs a second.
    email = dice.choice(GUESSES) if dice.random() < 0.02 else None
    return Forgery(_spoiled(dice, evidence.to_bytes()), trust, payload, now, email)


def _mostly(dice):
    return dice.random() < 0.9


def _story(dice):
    policy = dice.choice(POLICIES)
    kinds = {
        person: FixedPasskey(person, algorithm=dice.choice(("ES256", "EdDSA")), synced=dice.random() < 0.2)
        for person in PEOPLE
    }
    log = a_log()
    if dice.random() < 0.15:
        event, changes = dice.choice(
            (
                (REQUESTED, {"confirmation": "c-2"}),
                (REQUESTED, {"deadline": "2026-01-31T12:14:30Z"}),
                (ENROLLED, {"role": dice.choice(ODD)}),
                (ENROLLED, {"backup_eligible": True}),
                (ENROLLED, {"attested": dice.choice(ODD)}),
            )
        )
        log = lying(log, event, **changes)
    note, reveal = dice.choice(("", "a note", "é\u202e")), dice.choice(("no", "no", "yes"))
    story = Story(policy, passkeys=kinds, log=log, note=note, reveal=reveal)
    for number in range(policy.threshold if _mostly(dice) else dice.randint(1, 3)):
        _vote(dice, story, policy, number)
    return story


def _vote(dice, story, policy, number):
    person = policy.approvers[number % len(policy.approvers)] if _mostly(dice) else dice.choice(PEOPLE)
    seat = dice.choice(("", "", "", "carol")) if person == "dora" else ""
    options = {
        "seconds": 60 + number if _mostly(dice) else dice.choice((60, 899, 900, 59, 120)),
        "reason": dice.choice(("", "fine", "é\u2028")),
        "stands_in_for": seat,
        "issued_at": at(30 if _mostly(dice) else dice.choice((0, -1, 61))),
    }
    story.vote(person, "approve" if _mostly(dice) else "reject", **options)


def _told(dice, story):
    votes = list(story.votes)
    if dice.random() < 0.3:
        which = dice.randrange(len(votes))
        context = json.loads(votes[which].context)
        ceremony = replace(CEREMONY, **dice.choice(LIES))
        votes[which] = replace(
            votes[which],
            assertion=sign(story.passkeys[context["approver"]], story.matter, votes[which].context, ceremony),
        )
    log = story.log.copy()
    if dice.random() < 0.2:
        what = dice.choice(("emails", "emails", "votes", "terms"))
        said = dice.choice(EMAILS if what == "emails" and _mostly(dice) else ODD)
        log = lying(log, f"confirmation.{dice.choice(('approved', 'rejected'))}", **{what: said})
    return story.evidence("approved" if _mostly(dice) else "rejected", votes=votes, log=log)


def _trust(dice, story):
    if dice.random() < 0.1:
        return None
    trust = story.trust(
        floor=Floor(dice.choice((1, 1, 2)), frozenset(dice.choice(((), (), ("alice", "bob"))))),
        attested_keys=dice.random() < 0.2,
        organisation="org-1" if _mostly(dice) else "org-2",
    )
    if dice.random() < 0.2:
        trust = replace(trust, approvers=tuple(dice.sample(trust.approvers, 3)))
    raw = trust.to_bytes()
    return raw if _mostly(dice) else _changed(dice, raw)


def _spoiled(dice, raw):
    roll = dice.random()
    if roll < 0.4:
        return raw
    if roll < 0.75:
        return _changed(dice, raw)
    if roll < 0.85:
        return _changed_inside(dice, raw)
    bit = dice.randrange(8 * len(raw))
    if roll < 0.95:
        return raw[: bit // 8] + bytes([raw[bit // 8] ^ 1 << bit % 8]) + raw[bit // 8 + 1 :]
    return raw[: bit // 8] if roll < 0.98 else raw + bytes([dice.randrange(256)])


def _changed(dice, raw):
    """One member of the document replaced, removed, doubled or added; in canonical form where there is one."""
    document = json.loads(raw)
    paths = [path for path in places(document) if path]
    *parents, last = dice.choice(paths)
    inside = value_at(document, parents)
    roll = dice.random()
    if roll < 0.15 and isinstance(inside, dict):
        del inside[last]
    elif roll < 0.3 and isinstance(inside, dict):
        inside[dice.choice(WORDS)] = dice.choice(ODD)
    elif roll < 0.45 and isinstance(inside, list):
        inside.append(inside[last])
    elif roll < 0.7:
        inside[last] = value_at(json.loads(raw), dice.choice(paths))
    else:
        inside[last] = dice.choice(ODD)
    return _written(document)


def _changed_inside(dice, raw):
    """As `_changed`, in something that travels as base64url."""
    document = json.loads(raw)
    inner = [
        path
        for path in places(document)
        if path and path[-1] in ("terms", "policy", "context", "client_data", "leaf", "record", "payload")
    ]
    path = dice.choice(inner)
    place, held = value_at(document, path[:-1]), from_b64u(value_at(document, path))
    if held:
        place[path[-1]] = b64u(_changed(dice, held))
    return _written(document)


def _written(document):
    try:
        return canonicalise(document)
    except CosignetError:
        return json.dumps(document).encode()
