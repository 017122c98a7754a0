"""The log's record of a decision: which votes made it, and whose addresses are public with it. docs/protocol.md §5."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.addresses import HashedAddress, read_addresses
from cosignet.core.canonical import canonicalise, of_type
from cosignet.core.encoding import b64u, from_instant, instant, sha256
from cosignet.core.evidence import VoteEvidence, assertion_to_json
from cosignet.errors import Malformed, VerificationFailed


@dataclass(frozen=True)
class OutcomeRecord:
    """When each vote was counted, in their order, and the hashed addresses by person, if the approval is public."""

    counted_at: tuple[datetime, ...]
    addresses: Mapping[str, HashedAddress]


def outcome_record(
    confirmation: str,
    terms_hash: bytes,
    counted: Iterable[tuple[VoteEvidence, datetime]],
    addresses: Mapping[str, HashedAddress],
) -> dict[str, Any]:
    """The content of the record, with the votes in the order in which they were counted."""
    return {
        "confirmation": confirmation,
        "terms": b64u(terms_hash),
        "votes": [_counted(vote, at) for vote, at in counted],
        "emails": {person: address.to_json() for person, address in addresses.items()},
    }


def vote_record(vote: VoteEvidence) -> dict[str, str]:
    """A vote as records name it: what was signed, with which passkey, and the hash of the raw assertion."""
    return {
        "context": b64u(vote.context),
        "credential": b64u(vote.assertion.credential_id),
        "assertion": b64u(sha256(canonicalise(assertion_to_json(vote.assertion)))),
    }


def read_outcome(content: Mapping[str, Any], votes: Sequence[VoteEvidence]) -> OutcomeRecord:
    """Read `votes` and `emails` of a record. Raises `VerificationFailed("leaf.record")` for those of other votes."""
    try:
        addresses = read_addresses(content["emails"])
        counted_at = tuple(from_instant(of_type(said["counted_at"], str)) for said in of_type(content["votes"], list))
    except (Malformed, KeyError, TypeError) as error:
        raise VerificationFailed("leaf.record", f"the outcome in the log is of another form: {error}") from error
    same = len(counted_at) == len(votes) and content["votes"] == list(map(_counted, votes, counted_at))
    if not same:
        raise VerificationFailed("leaf.record", "the log has other votes")
    return OutcomeRecord(counted_at, addresses)


def _counted(vote: VoteEvidence, at: datetime) -> dict[str, str]:
    return {**vote_record(vote), "counted_at": instant(at)}
