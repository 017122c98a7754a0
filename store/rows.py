"""Rows as frozen values, named like the columns of `store.schema`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar, cast

from sqlalchemy import Row

from cosignet.core.checkpoint import Head
from cosignet.core.decision import Status

Role = Literal["owner", "admin", "approver"]


@dataclass(frozen=True)
class Organisation:
    """A tenant; `sequence` is the number of its newest event."""

    id: str
    name: str
    sequence: int
    created_at: datetime


@dataclass(frozen=True)
class Person:
    """Somebody who may approve, once a passkey is enrolled.

    `email_verified_at` is when a link that was sent to their address was first opened.
    """

    id: str
    organisation_id: str
    email: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None
    email_verified_at: datetime | None


@dataclass(frozen=True)
class CredentialRow:
    """An enrolled passkey; `flagged_at` is when its sign count was last seen to go backwards."""

    id: bytes
    organisation_id: str
    person_id: str
    public_key: bytes
    backup_eligible: bool
    backed_up: bool
    sign_count: int
    aaguid: bytes
    transports: str
    created_at: datetime
    flagged_at: datetime | None
    revoked_at: datetime | None
    enrolled_event: str | None
    revoked_event: str | None


@dataclass(frozen=True)
class ApiKey:
    """A key of the HTTP API. It sees, cancels and consumes the confirmations of its `owner` alone."""

    id: str
    organisation_id: str
    owner: str
    name: str
    prefix: str
    key_hash: bytes
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class Confirmation:
    """One confirmation. `terms`, `payload` and `policy` are canonical bytes, verbatim as hashed.

    `outcome_leaf` is where the outcome is in the log, and no column: until it is there, only the service itself may
    know the `status`; everybody else is told the `announced` one.
    """

    id: str
    organisation_id: str
    owner: str
    ask_hash: bytes
    request_event: str
    terms: bytes
    terms_hash: bytes
    payload: bytes
    policy: bytes
    note: str
    claim: str
    external_id: str
    status: str
    created_at: datetime
    deadline: datetime
    valid_until: datetime
    decided_at: datetime | None
    outcome_event: str | None
    consumer: str | None
    consumed_at: datetime | None
    outcome_leaf: int | None

    @property
    def announced(self) -> Status:
        """How it stands as far as the log says. Raises `ValueError` for a word that is not one of ours."""
        return Status.PENDING if self.outcome_leaf is None else Status(self.status)


@dataclass(frozen=True)
class CeremonyRow:
    """One issued context, usable once. `hashed_email` is salt and hash (32 bytes each) where it will be public."""

    nonce: bytes
    confirmation_id: str
    person_id: str
    context: bytes
    reason: str
    hashed_email: bytes | None
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class VoteRow:
    """One counted vote, the assertion verbatim; voided when its passkey or person was revoked before the decision."""

    position: int
    nonce: bytes
    confirmation_id: str
    person_id: str
    seat: str
    decision: str
    reason: str
    context: bytes
    credential_id: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    user_handle: bytes | None
    counted_at: datetime
    voided_at: datetime | None


@dataclass(frozen=True)
class Event:
    """Something that became true: its leaf commits to `salt` (32 bytes) and `record`, canonical JSON."""

    id: str
    organisation_id: str
    sequence: int
    type: str
    confirmation_id: str | None
    salt: bytes
    record: bytes
    created_at: datetime


@dataclass(frozen=True)
class Waiting:
    """The leaf of an event that is not in the tree yet."""

    position: int
    event_id: str
    leaf: bytes


@dataclass(frozen=True)
class Tree:
    """The log's tree: its name, how many leaves, their root, and why nothing may be appended, if so."""

    id: int
    origin: str
    size: int
    root: bytes
    read_only: str

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self.size, self.root)


@dataclass(frozen=True)
class SignedHead:
    """A head of the log, and the note that signs it."""

    origin: str
    size: int
    root: bytes
    note: bytes
    signed_at: datetime
    kept: bool

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self.size, self.root)


class _Value(Protocol):
    def __init__(self, **columns: Any) -> None: ...


T = TypeVar("T", bound=_Value)


def read(kind: type[T], row: Row[Any] | None) -> T | None:
    """A row of the table that `kind` mirrors, or nothing."""
    return None if row is None else kind(**cast(dict[str, Any], row._mapping))  # noqa: SLF001


def read_all(kind: type[T], rows: Any) -> list[T]:
    """As `read`, for every row of a result."""
    return [kind(**row._mapping) for row in rows]  # noqa: SLF001
