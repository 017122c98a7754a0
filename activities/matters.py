"""From stored rows to the values that the core decides on."""

from collections.abc import Iterable
from datetime import datetime

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.client_data import RelyingParty
from cosignet.core.decision import Matter, Vote, verify_vote
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.evidence import VoteEvidence
from cosignet.core.policy import Policy
from cosignet.core.terms import Terms, hash_text
from cosignet.errors import Refused
from cosignet.temporal.contract import Outcome, OutcomeVote
from store.rows import Confirmation, CredentialRow, VoteRow


def matter_of(row: Confirmation, rp: RelyingParty) -> Matter:
    """What a stored confirmation is about, from its bytes as signed.

    Raises `Refused("terms.hash")` when the rest of the row is no longer what its terms say, `Malformed` when it is
    not even of that form.
    """
    terms = Terms.parse(row.terms)
    signed = (terms.confirmation, terms.organisation, terms.payload, terms.policy, terms.note)
    stored = (row.id, row.organisation_id, sha256(row.payload), sha256(row.policy), hash_text(row.note))
    times = (terms.created_at, terms.deadline, terms.valid_until) == (row.created_at, row.deadline, row.valid_until)
    if signed != stored or not times or sha256(row.terms) != row.terms_hash:
        raise Refused("terms.hash", "the record was changed: it is no longer what its terms say")
    return Matter(terms, row.terms_hash, Policy.parse(row.policy), rp)


def credential_of(row: CredentialRow) -> Credential:
    """The public side of an enrolled passkey."""
    return Credential(row.id, row.person_id, row.public_key, row.backup_eligible)


def assertion_of(row: VoteRow) -> Assertion:
    """The stored assertion, verbatim."""
    return Assertion(
        credential_id=row.credential_id,
        authenticator_data=row.authenticator_data,
        client_data=row.client_data,
        signature=row.signature,
        user_handle=row.user_handle,
    )


def vote_evidence(row: VoteRow) -> VoteEvidence:
    """A stored vote, as evidence holds it."""
    return VoteEvidence(row.context, row.reason, assertion_of(row))


def verified_votes(
    matter: Matter, votes: Iterable[VoteRow], credentials: Iterable[CredentialRow]
) -> list[tuple[Vote, datetime]]:
    """Stored votes, each verified again from its bytes, with the time it was counted at."""
    by_id = {row.id: credential_of(row) for row in credentials}
    return [
        (verify_vote(matter, vote.context, assertion_of(vote), by_id[vote.credential_id]), vote.counted_at)
        for vote in votes
    ]


def outcome_of(row: Confirmation, votes: Iterable[VoteRow]) -> Outcome:
    """How a stored confirmation stands, in the form callers get: as far as the log says."""
    return Outcome(
        confirmation=row.id,
        status=row.announced,
        payload_hash=b64u(Terms.parse(row.terms).payload),
        terms_hash=b64u(row.terms_hash),
        decided_at=instant(row.decided_at) if row.announced.final and row.decided_at else "",
        valid_until=instant(row.valid_until),
        event=row.outcome_event or "",
        votes=[OutcomeVote(vote.person_id, vote.decision, vote.reason) for vote in votes],
        leaf_index=row.outcome_leaf,
    )
