"""Honest objects, one default each, so that a test changes a single thing and names it."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from cosignet.core.addresses import HashedAddress
from cosignet.core.canonical import Payload
from cosignet.core.checkpoint import Head
from cosignet.core.client_data import RelyingParty
from cosignet.core.decision import Matter, verify_vote
from cosignet.core.encoding import sha256
from cosignet.core.evidence import VoteEvidence
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.core.trust import Approver, Floor, Trust
from cosignet.core.verdict import verify
from cosignet.errors import CosignetError, NotAuthenticated, VerificationFailed
from cosignet.testing import Ceremony, SoftwareLog, SoftwarePasskey

ORIGIN = "https://approve.example"
RP = RelyingParty("approve.example", frozenset({ORIGIN}))
CEREMONY = Ceremony(RP.id, ORIGIN)
HEAD = Head(7, sha256(b"a tree of seven leaves"))
LOG = "approve.example/public/log"
CHALLENGE = bytes(range(64))
CREATED_AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
PAYLOAD = Payload.from_value({"amount": "1200.00", "currency": "EUR", "to": "Acme GmbH"})


def fails(check):
    """Require that evidence fails by this named check, whoever is trusted."""
    return raises(VerificationFailed, check)


def is_not_authenticated(check):
    """Require that evidence agrees with itself, and that the trust file does not vouch for it in this way."""
    return raises(NotAuthenticated, check)


@contextmanager
def raises(kind, code):
    """Require exactly this error: a test that accepts any refusal cannot tell which rule refused."""
    with pytest.raises(CosignetError) as caught:
        yield
    assert (type(caught.value), caught.value.code) == (kind, code)


@cache
def hashed_address(person):
    """What is public of the address of `person`, if anything is."""
    return HashedAddress.of(f"{person}@example.com", sha256(person.encode()))


def at(seconds):
    return CREATED_AT + timedelta(seconds=seconds)


def make_terms(policy=None, *, payload=PAYLOAD, **changes):
    terms = Terms(
        confirmation="c-1",
        audience=RP.id,
        organisation="org-1",
        requester="agent-1",
        action="Pay an invoice",
        note=None,
        payload=payload.hash,
        policy=(policy or Policy(("alice",))).hash,
        created_at=CREATED_AT,
        deadline=at(900),
        valid_until=at(3600),
        reveal="no",
        execution="",
    )
    return replace(terms, **changes)


def make_context(terms, approver="alice", **changes):
    context = Context(
        terms=sha256(terms.to_bytes()),
        approver=approver,
        stands_in_for="",
        decision="approve",
        reason=None,
        issued_at=at(30),
        head=HEAD,
        random=bytes(32),
    )
    return replace(context, **changes)


def make_matter(policy, **changes):
    terms = make_terms(policy, **changes)
    return Matter(terms, sha256(terms.to_bytes()), policy, RP)


def sign(passkey, matter, context, ceremony=CEREMONY):
    """The assertion over one context, made with the real ceremony."""
    return passkey.sign(challenge_of(nonce_of(context), matter.terms.payload), ceremony)


def make_vote(matter, passkey, **changes):
    """A genuine vote of the passkey's person."""
    context = make_context(matter.terms, **{"approver": passkey.person, **changes}).to_bytes()
    return verify_vote(matter, context, sign(passkey, matter, context), passkey.credential)


def lying(log, event, /, public=None, **changes):
    """The same log, which from now on says other things of this kind of event."""
    twin = log.copy()
    honest = twin.append

    def append(what, content, when, shown=None):
        if what == event:
            content, shown = {**content, **changes}, {**(shown or {}), **(public or {})}
        return honest(what, {name: value for name, value in content.items() if value is not ...}, when, shown)

    twin.append = append
    return twin


class Story:
    """One confirmation from its terms to its evidence. Whatever a test changes, the rest is signed to match."""

    def __init__(self, policy, *, note="", passkeys=None, log=None, **changes):
        self.policy = policy
        self.note = note
        self.payload = changes.get("payload", PAYLOAD).canonical
        self.matter = make_matter(policy, note=hash_text(note), **changes)
        self.passkeys = {person: SoftwarePasskey(person) for person in sorted(policy.signers)} | (passkeys or {})
        self.log = log or SoftwareLog(LOG, self.matter.terms.organisation)
        self.enrolments = {}
        for passkey in self.passkeys.values():
            self.enrol(passkey)
        self.request = self.log.request(self.matter.terms)
        self.votes = []
        self.counted = []
        self.heads = set()

    def enrol(self, passkey, **changes):
        """Let the log know a passkey, as it is or with `changes`; the index of the leaf."""
        credential = replace(passkey.credential, **changes)
        self.enrolments[credential.id] = self.log.enrol(credential, CREATED_AT)
        return self.enrolments[credential.id]

    def vote(self, person, decision="approve", *, seconds=60, reason="", shown_reason=None, passkey=None, **changes):
        """Add a vote by `person`, counted after `seconds`; `changes` are of its context before it is signed."""
        fields = {
            "decision": decision,
            "reason": hash_text(reason),
            "head": self.log.head,
            "random": sha256(b"%d" % len(self.votes)),
        }
        context = make_context(self.matter.terms, person, **{**fields, **changes})
        self.heads |= {context.head.size} if context.head else set()
        context = context.to_bytes()
        assertion = sign(passkey or self.passkeys[person], self.matter, context)
        shown = reason if shown_reason is None else shown_reason
        self.votes.append(VoteEvidence(context, shown, assertion))
        self.counted.append(at(seconds))
        return self

    def evidence(self, decision="approved", *, votes=None, decided_at=None, log=None, **changes):
        """The evidence as the log has it; `changes` are of the document, which nothing is signed to match."""
        log = log or self.log.copy()
        votes = self.votes if votes is None else votes
        counted = [*self.counted, *self.counted[-1:] * len(votes)][: len(votes)]
        decided = decided_at or max(counted, default=at(60))
        addresses = self._addresses(votes) if decision == "approved" and self.matter.terms.reveal == "yes" else {}
        outcome = log.decide(
            decision, self.request, self.matter.terms, list(zip(votes, counted, strict=True)), decided, addresses
        )
        document = log.evidence(
            decision,
            self.matter.terms,
            votes,
            self._used(votes),
            self.heads,
            request=self.request,
            outcome=outcome,
            payload=self.payload,
            policy=self.policy.to_bytes(),
            note=self.note,
        )
        return replace(document, **changes)

    def _addresses(self, votes):
        contexts = [Context.parse(vote.context) for vote in votes]
        approved = [context.approver for context in contexts if context.decision == "approve"]
        return {person: hashed_address(person) for person in approved}

    def _used(self, votes):
        used = {vote.assertion.credential_id for vote in votes}
        everybody = [passkey.credential for passkey in self.passkeys.values()]
        return {self.enrolments[key.id]: key for key in everybody if key.id in used}

    def trust(self, **changes):
        people = tuple(Approver(p, p.title(), (key.credential,)) for p, key in sorted(self.passkeys.items()))
        trust = Trust(self.matter.terms.organisation, RP, self.log.pinned, people, Floor(1, frozenset()))
        return replace(trust, **changes)

    def verify(self, evidence=None, trust=None, *, expected_payload=PAYLOAD.canonical, now=None):
        """The verdict an honest relying party reaches a minute after the last vote."""
        return verify(
            (evidence or self.evidence()).to_bytes(),
            trust or self.trust(),
            expected_payload=expected_payload,
            now=now or max(self.counted, default=at(60)) + timedelta(minutes=1),
        )


def revoked(story, *, before, log=None):
    """The evidence of Alice's vote, with the revocation of her passkey before or after the decision."""
    log, passkey = log or story.log.copy(), story.passkeys["alice"].credential
    if before:
        leaf = log.revoke(passkey, story.enrolments[passkey.id], at(50))
        evidence = story.evidence(log=log)
    else:
        decided = story.evidence(log=log)
        leaf = log.revoke(passkey, story.enrolments[passkey.id], at(70))
        evidence = log.prove_again(decided)
    (key,) = evidence.keys
    return replace(evidence, keys=(replace(key, revoked=log.entry(leaf)),))
