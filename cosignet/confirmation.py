"""A confirmation as the HTTP API serves it, read from JSON and typed.

What the service says of itself is a claim: only verified evidence (`cosignet.core.verdict`) proves an approval.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.canonical import of_type
from cosignet.core.encoding import from_instant
from cosignet.errors import Malformed, Unavailable


@dataclass(frozen=True)
class Vote:
    """One counted vote: person id, `approve` or `reject`, the reason they signed, when it was counted."""

    approver: str
    decision: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Confirmation:
    """Where a confirmation stands. Hashes are base64url, times aware; what has not happened yet is `None`.

    `status` is the service's word as it came, which may be one that this version does not know. Request and outcome are
    found in the public log by their events, the outcome as leaf `outcome_leaf`.
    """

    id: str
    status: str
    usable: bool
    action: str
    note: str
    payload: dict[str, Any]
    payload_hash: str
    terms_hash: str
    requester: str
    claim: str
    execution: str
    public_reveal: bool
    external_id: str
    url: str
    created_at: datetime
    deadline: datetime
    valid_until: datetime
    decided_at: datetime | None
    request_event: str
    outcome_event: str | None
    outcome_leaf: int | None
    consumed_at: datetime | None
    consumer: str | None
    votes: tuple[Vote, ...]
    warnings: tuple[str, ...]

    @property
    def approved(self) -> bool:
        """True for exactly the word `approved`."""
        return self.status == "approved"

    @property
    def final(self) -> bool:
        """True once nothing is left to wait for: any word but `pending`, so that no unknown one is waited on."""
        return self.status != "pending"


@dataclass(frozen=True)
class Page:
    """Some confirmations, and the cursor of the next page if there is one."""

    confirmations: tuple[Confirmation, ...]
    next_cursor: str | None


def read_confirmation(body: bytes) -> Confirmation:
    """Read one confirmation. Raises `Unavailable("answer.unexpected")`."""
    try:
        return _confirmation(json.loads(body))
    except _UNREADABLE as error:
        raise unexpected("not a confirmation") from error


def read_page(body: bytes) -> Page:
    """Read one page of a list. Raises `Unavailable("answer.unexpected")`."""
    try:
        value = json.loads(body)
        cursor = value["next_cursor"]
        return Page(
            confirmations=tuple(_confirmation(item) for item in of_type(value["confirmations"], list)),
            next_cursor=None if cursor is None else of_type(cursor, str),
        )
    except _UNREADABLE as error:
        raise unexpected("not a page of confirmations") from error


def unexpected(detail: str) -> Unavailable:
    """What an answer is that nobody can rely on."""
    return Unavailable("answer.unexpected", f"the service's answer is {detail}")


_UNREADABLE = (KeyError, TypeError, ValueError, RecursionError, Malformed)


def _confirmation(value: Any) -> Confirmation:
    status = of_type(value["status"], str)
    return Confirmation(
        id=of_type(value["id"], str),
        status=status,
        usable=of_type(value["usable"], bool) and status == "approved",
        action=of_type(value["action"], str),
        note=of_type(value["note"], str),
        payload=of_type(value["payload"], dict),
        payload_hash=of_type(value["payload_hash"], str),
        terms_hash=of_type(value["terms_hash"], str),
        requester=of_type(value["requester"], str),
        claim=of_type(value["claim"], str),
        execution=of_type(value["execution"], str),
        public_reveal=of_type(value["public_reveal"], bool),
        external_id=of_type(value["external_id"], str),
        url=of_type(value["url"], str),
        created_at=from_instant(value["created_at"]),
        deadline=from_instant(value["deadline"]),
        valid_until=from_instant(value["valid_until"]),
        decided_at=_optional_instant(value["decided_at"]),
        request_event=of_type(value["request_event"], str),
        outcome_event=None if value["outcome_event"] is None else of_type(value["outcome_event"], str),
        outcome_leaf=None if value["outcome_leaf"] is None else of_type(value["outcome_leaf"], int),
        consumed_at=_optional_instant(value["consumed_at"]),
        consumer=None if value["consumer"] is None else of_type(value["consumer"], str),
        votes=tuple(_vote(vote) for vote in of_type(value["votes"], list)),
        warnings=tuple(of_type(warning, str) for warning in of_type(value["warnings"], list)),
    )


def _vote(value: Any) -> Vote:
    return Vote(
        approver=of_type(value["approver"], str),
        decision=of_type(value["decision"], str),
        reason=of_type(value["reason"], str),
        at=from_instant(value["at"]),
    )


def _optional_instant(value: Any) -> datetime | None:
    return None if value is None else from_instant(value)
