"""Passkeys, the invites that let a person enrol one, and the ceremonies of enrolment."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.encoding import b64u, sha256
from cosignet.core.registration import NewCredential
from cosignet.errors import Conflict, Refused, Unauthenticated
from store.rows import CredentialRow, Person, read, read_all
from store.schema import credentials, invites, people, registrations
from store.upsert import insert_new

INVITE_LIFETIME = timedelta(days=7)
CEREMONY_LIFETIME = timedelta(minutes=5)

_BY_ID = select(credentials).where(credentials.c.id == bindparam("credential"))
_CHANGE = update(credentials).where(credentials.c.id == bindparam("credential"))


@dataclass(frozen=True)
class Invite:
    """An open invite; `token_hash` is SHA-256 of the secret in its link."""

    token_hash: bytes
    person: Person
    expires_at: datetime


async def create_invite(tx: AsyncConnection, person: str, *, at: datetime) -> str:
    """Make a single-use invite and return its secret (base64url, 256 random bits), which is kept nowhere."""
    token = b64u(secrets.token_bytes(32))
    values = {
        "token_hash": sha256(token.encode()),
        "person_id": person,
        "created_at": at,
        "expires_at": at + INVITE_LIFETIME,
    }
    await tx.execute(insert(invites).values(values))
    return token


async def find_invite(tx: AsyncConnection, token: str, *, at: datetime) -> Invite:
    """The open invite with this secret. Raises `Unauthenticated("invite.invalid")`, not saying why it is not open."""
    token_hash = sha256(token.encode())
    open_now = (invites.c.token_hash == token_hash) & invites.c.used_at.is_(None) & (invites.c.expires_at > at)
    query = select(people, invites.c.expires_at).join(invites).where(open_now, people.c.revoked_at.is_(None))
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise Unauthenticated("invite.invalid", "this invite is unknown, used or expired; ask for a new one")
    values = dict(row._mapping)  # noqa: SLF001
    expires_at = values.pop("expires_at")
    return Invite(token_hash, Person(**values), expires_at)


async def begin_registration(tx: AsyncConnection, invite: Invite, *, at: datetime) -> bytes:
    """Issue a single-use registration challenge (32 bytes) under an open invite."""
    challenge = secrets.token_bytes(32)
    values = {"challenge": challenge, "token_hash": invite.token_hash, "expires_at": at + CEREMONY_LIFETIME}
    await tx.execute(insert(registrations).values(values))
    return challenge


async def count_open_registrations(tx: AsyncConnection, invite: Invite, *, at: datetime) -> int:
    """How many challenges issued under this invite could still be answered."""
    c = registrations.c
    still_open = (c.token_hash == invite.token_hash) & (c.expires_at > at) & c.used_at.is_(None)
    return (await tx.execute(select(func.count()).select_from(registrations).where(still_open))).scalar_one()


async def finish_registration(tx: AsyncConnection, invite: Invite, challenge: bytes, *, at: datetime) -> None:
    """Use up the challenge and the invite.

    Raises `Refused("ceremony.invalid")` or `Unauthenticated("invite.invalid")`.
    """
    fresh = (
        (registrations.c.challenge == challenge)
        & (registrations.c.token_hash == invite.token_hash)
        & registrations.c.used_at.is_(None)
        & (registrations.c.expires_at > at)
    )
    if (await tx.execute(update(registrations).where(fresh).values(used_at=at))).rowcount != 1:
        raise Refused("ceremony.invalid", "this ceremony was not issued, is used or took too long; start again")
    unused = (invites.c.token_hash == invite.token_hash) & invites.c.used_at.is_(None)
    if (await tx.execute(update(invites).where(unused).values(used_at=at))).rowcount != 1:
        raise Unauthenticated("invite.invalid", "this invite is used")


async def add_credential(
    tx: AsyncConnection,
    person: Person,
    new: NewCredential,
    *,
    transports: Collection[str],
    event: str,
    at: datetime,
) -> None:
    """Enrol a passkey, as `event` says. Raises `Conflict("credential.exists")` when its id is known, to anybody."""
    values = {
        "id": new.id,
        "organisation_id": person.organisation_id,
        "person_id": person.id,
        "public_key": new.public_key,
        "backup_eligible": new.backup_eligible,
        "backed_up": new.backed_up,
        "sign_count": new.sign_count,
        "aaguid": new.aaguid,
        "transports": " ".join(transports),
        "created_at": at,
        "enrolled_event": event,
    }
    if not await insert_new(tx, credentials, values):
        raise Conflict("credential.exists", "this passkey is enrolled already")


async def get_credential(tx: AsyncConnection, credential_id: bytes) -> CredentialRow | None:
    """A passkey by its id, revoked or not."""
    return read(CredentialRow, (await tx.execute(_BY_ID, {"credential": credential_id})).one_or_none())


async def get_credentials(tx: AsyncConnection, ids: Collection[bytes]) -> list[CredentialRow]:
    """The passkeys with these ids, revoked or not."""
    return read_all(CredentialRow, await tx.execute(select(credentials).where(credentials.c.id.in_(ids))))


async def active_credentials(tx: AsyncConnection, person_ids: Collection[str]) -> list[CredentialRow]:
    """The passkeys with which these people may vote now."""
    query = (
        select(credentials)
        .join(people, people.c.id == credentials.c.person_id)
        .where(people.c.id.in_(person_ids), people.c.revoked_at.is_(None), credentials.c.revoked_at.is_(None))
        .order_by(credentials.c.created_at, credentials.c.id)
    )
    return read_all(CredentialRow, await tx.execute(query))


async def list_credentials(tx: AsyncConnection, organisation: str) -> list[CredentialRow]:
    """All passkeys of the organisation, revoked or not, oldest first."""
    query = select(credentials).where(credentials.c.organisation_id == organisation)
    return read_all(CredentialRow, await tx.execute(query.order_by(credentials.c.created_at, credentials.c.id)))


async def record_use(
    tx: AsyncConnection, credential: CredentialRow, *, sign_count: int, backed_up: bool, at: datetime
) -> bool:
    """Record the authenticator's counter; True when it went backwards, which a cloned key does."""
    decreased = (sign_count or credential.sign_count) and sign_count <= credential.sign_count
    values = {"sign_count": max(sign_count, credential.sign_count), "backed_up": backed_up}
    flagged = {"flagged_at": at} if decreased else {}
    await tx.execute(_CHANGE, {"credential": credential.id, **values, **flagged})
    return bool(decreased)


async def revoke_credential(tx: AsyncConnection, credential_id: bytes, *, at: datetime) -> bool:
    """Take a passkey out of use for good; False when there is no active one with this id."""
    active = (credentials.c.id == credential_id) & credentials.c.revoked_at.is_(None)
    return (await tx.execute(update(credentials).where(active).values(revoked_at=at))).rowcount == 1


async def note_revocation(tx: AsyncConnection, credential_id: bytes, event: str) -> None:
    """Remember which event says that this passkey was revoked."""
    await tx.execute(update(credentials).where(credentials.c.id == credential_id).values(revoked_event=event))
