"""`verify(evidence, trust) -> Verdict`: returns only when every check passed, else names the failed one.

The checks and their names are docs/protocol.md §7. There is no bare yes or no: a verdict names what is proven, what
rests on somebody's word, and what is not proven.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.authentication import Authentic, KeyState, authenticate
from cosignet.core.checkpoint import Head
from cosignet.core.consistency import Consistent, check
from cosignet.core.encoding import b64u, instant
from cosignet.core.evidence import DecisionStatus, Evidence
from cosignet.core.terms import Terms
from cosignet.core.trust import Level, Trust
from cosignet.errors import CosignetError, VerificationFailed


@dataclass(frozen=True)
class Signer:
    """Who signed: person id, the name the trust file gives them, their decision and reason, the passkey used.

    `key_state` says why the passkey is believed to be that person's.
    """

    person: str
    name: str
    decision: str
    reason: str
    credential_id: str
    synced_key: bool
    key_state: KeyState


@dataclass(frozen=True)
class Verdict:
    """A decision that verified under one trust file, and exactly what that means.

    `terms` and `payload` are `None` where the evidence withholds them. Every signature is younger than the log's head
    `after`, and older than `before`, where somebody other than the operator says so.
    """

    decision: DecisionStatus
    terms: Terms | None
    payload: dict[str, Any] | None
    signers: tuple[Signer, ...]
    level: Level
    after: Head
    before: datetime | None
    proven: tuple[str, ...]
    attested: tuple[str, ...]
    not_proven: tuple[str, ...]
    not_checked: tuple[str, ...]


def verify(
    raw: bytes, trust: Trust, *, expected_payload: bytes | None, now: datetime | None, email: str | None = None
) -> Verdict:
    """Check one evidence document against the relying party's trust.

    `expected_payload` are the canonical bytes of what is about to be executed, and `now` is when; whoever looks at the
    past passes neither. Evidence that withholds its payload is never about the expected one. `email` is a guess whose
    address is public with the approval, which takes some tenths of a second for each person. Raises
    `VerificationFailed(<named check>)`, and `NotAuthenticated` of it when the document agrees with itself and the trust
    file does not vouch for it. A document that cannot be read fails as `evidence.form`.
    """
    with _named_checks():
        authentic = authenticate(check(Evidence.parse(raw)), trust)
        _require_use(authentic.found, expected_payload, now)
        return _verdict(authentic, trust, _confirmed(email, authentic.found))


def require_consistent(
    raw: bytes, *, expected_payload: bytes | None, now: datetime | None, email: str | None = None
) -> Consistent:
    """As `verify` for those who trust nobody: what comes back agrees with itself, and may be a forgery as a whole."""
    with _named_checks():
        found = check(Evidence.parse(raw))
        _require_use(found, expected_payload, now)
        _confirmed(email, found)
        return found


@contextmanager
def _named_checks() -> Iterator[None]:
    try:
        yield
    except VerificationFailed:
        raise
    except CosignetError as error:
        raise VerificationFailed(_CHECK_OF.get(error.code, error.code), error.detail) from error


# The rules of the core speak of votes; the named checks of evidence say what that means for the decision.
_CHECK_OF = {
    "vote.nonce": "context.nonce",
    "vote.person": "policy.separation",
    "vote.credential": "policy.separation",
    "policy.approver": "policy.separation",
    "decision.final": "policy.quorum",
}


def _require_use(found: Consistent, expected: bytes | None, now: datetime | None) -> None:
    content = found.content
    if expected is not None and expected != (content.payload.canonical if content else None):
        raise VerificationFailed("payload.expected", "the decision is not known to be about the expected payload")
    if expected is not None and found.evidence.decision != "approved":
        raise VerificationFailed("decision.approved", f"it was {found.evidence.decision}, so nothing may be executed")
    if content and now and found.evidence.decision == "approved" and now >= content.terms.valid_until:
        until = instant(content.terms.valid_until)
        raise VerificationFailed("time.validity", f"the approval was valid until {until}")


def _confirmed(email: str | None, found: Consistent) -> dict[str, str]:
    """The guess, if there is one, by the person whose hashed address it is."""
    if email is None:
        return {}
    for person, address in found.addresses.items():
        if address.is_of(email):
            return {person: email}
    raise VerificationFailed("email.expected", "nobody who approved is known to have the expected e-mail address")


def _verdict(authentic: Authentic, trust: Trust, emails: Mapping[str, str]) -> Verdict:
    found = authentic.found
    names = {person.id: person.name for person in (*trust.roots, *trust.approvers)}
    signers = tuple(
        Signer(
            person=vote.context.approver,
            name=names.get(vote.context.approver, ""),
            decision=vote.context.decision,
            reason=shown.reason,
            credential_id=b64u(vote.proof.credential.id),
            synced_key=vote.proof.credential.backup_eligible,
            key_state=state,
        )
        for vote, shown, state in zip(found.votes, found.evidence.votes, authentic.states, strict=True)
    )
    return Verdict(
        decision=found.evidence.decision,
        terms=found.content.terms if found.content else None,
        payload=found.content.payload.value if found.content else None,
        signers=signers,
        level=authentic.receipt.level,
        after=_after(found),
        before=authentic.receipt.before,
        proven=_proven(authentic, signers),
        attested=_attested(authentic, signers, emails),
        not_proven=_not_proven(authentic),
        not_checked=_WITHHELD if found.content is None else (),
    )


def _after(found: Consistent) -> Head:
    heads = [vote.context.head for vote in found.votes if vote.context.head]
    return min(heads, key=lambda head: head.size)


def _proven(authentic: Authentic, signers: tuple[Signer, ...]) -> tuple[str, ...]:
    found = authentic.found
    who = tuple(
        f"{s.name or s.person} signed {s.decision} with a {'synced' if s.synced_key else 'device-bound'} passkey "
        f"{_WHOSE[s.key_state]}, after the authenticator verified its user"
        for s in signers
    )
    content = (
        (
            "each signature covers exactly this payload, requester, action, note, policy, deadline and validity",
            f"the votes satisfy the policy (threshold {found.content.policy.threshold}), cast by distinct people",
        )
        if found.content
        else ("each signature covers one and the same payload and terms, cast by distinct people",)
    )
    size = found.head.size
    log = (
        f"request, passkeys and outcome are in the log {found.head.origin}, whose keys signed its head of {size}",
        f"each signature is younger than the request's leaf: it names a head of at least {_after(found).size} leaves",
    )
    existed = tuple(f"the log's head existed at {instant(time)}, by {who}" for time, who in authentic.receipt.existed)
    return (*who, *content, *log, *existed)


def _attested(authentic: Authentic, signers: tuple[Signer, ...], emails: Mapping[str, str]) -> tuple[str, ...]:
    found = authentic.found
    operator = [
        f"the operator says it was decided at {instant(found.decided_at)}, before the deadline",
        *(["the operator says who the requester is"] if found.content else []),
        "the operator says that none of the passkeys had been revoked by then",
    ]
    whose = [f"the operator says that a passkey is {s.person}'s" for s in signers if s.key_state == "attested"]
    hashed = ["the operator hashed the e-mail address of each who approved: whoever guesses one can confirm it"]
    confirmed = [
        f"the operator says that {s.name or s.person} has the e-mail address {emails[s.person]}"
        for s in signers
        if s.person in emails
    ]
    return (*operator, *whose, *(hashed if found.addresses else ()), *confirmed)


def _not_proven(authentic: Authentic) -> tuple[str, ...]:
    found = authentic.found
    unseen = (
        ("that everybody is shown the same log: no witness has signed its head",)
        if not authentic.receipt.witnessed
        else ()
    )
    unanchored = (f"that its head is in Bitcoin: the trust file has none of the blocks {found.anchored}",)
    return (
        *unseen,
        *(unanchored if found.anchored and authentic.receipt.level is not Level.ANCHORED else ()),
        "that no vote was left out: one that the operator withholds shows in the log, as a leaf, and not here",
        "what the approver's screen showed",
        "that a passkey lives in hardware: no authenticator was attested",
    )


_WHOSE = {
    "pinned": "that the trust file pins",
    "root": "that the trust file pins as a root",
    "endorsed": "that a root of the trust file endorsed",
    "attested": "that only the operator says is theirs",
}
_WITHHELD = (
    "payload.hash: the payload is withheld",
    "terms.hash: requester, action, note and times are withheld",
    "policy.quorum: the policy is withheld",
    "time.validity: how long an approval holds is withheld",
)
