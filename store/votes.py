"""Ceremonies that were issued, votes that were counted, links that were sent."""

import secrets
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.encoding import b64u, sha256
from store.rows import CeremonyRow, VoteRow, read, read_all
from store.schema import ceremonies, credentials, links, people, votes

MAX_OPEN_CEREMONIES = 20


@dataclass(frozen=True)
class Link:
    """Whom a personal link is for, and whether it was sent to their address."""

    person: str
    delivered: bool


_OF_CONFIRMATION = votes.c.confirmation_id == bindparam("confirmation")
_CEREMONY = select(ceremonies).where(ceremonies.c.nonce == bindparam("ceremony"))
_IF_FRESH = (
    update(ceremonies)
    .where(ceremonies.c.nonce == bindparam("ceremony"), ceremonies.c.used_at.is_(None))
    .where(ceremonies.c.expires_at > bindparam("at"))
)
_INSERT = insert(votes).returning(votes)
_VOTE = select(votes).where(votes.c.nonce == bindparam("vote"))
_EVER_CAST = select(votes).where(_OF_CONFIRMATION).order_by(votes.c.position)
_CAST = _EVER_CAST.where(votes.c.voided_at.is_(None))
_REVOKED = (
    select(votes.c.nonce)
    .join(people, people.c.id == votes.c.person_id)
    .join(credentials, credentials.c.id == votes.c.credential_id)
    .where(
        _OF_CONFIRMATION,
        votes.c.voided_at.is_(None),
        people.c.revoked_at.is_not(None) | credentials.c.revoked_at.is_not(None),
    )
)


async def insert_ceremony(tx: AsyncConnection, ceremony: CeremonyRow) -> None:
    """Record an issued context."""
    await tx.execute(insert(ceremonies).values(vars(ceremony)))


async def count_open_ceremonies(tx: AsyncConnection, confirmation: str, person: str, *, at: datetime) -> int:
    """How many contexts this person could still sign for this confirmation."""
    c = ceremonies.c
    still_open = (
        (c.confirmation_id == confirmation) & (c.person_id == person) & (c.expires_at > at) & c.used_at.is_(None)
    )
    return len((await tx.execute(select(c.nonce).where(still_open))).all())


async def get_ceremony(tx: AsyncConnection, nonce: bytes) -> CeremonyRow | None:
    """An issued context by its nonce, used or not."""
    return read(CeremonyRow, (await tx.execute(_CEREMONY, {"ceremony": nonce})).one_or_none())


async def set_hashed_email(tx: AsyncConnection, nonce: bytes, hashed: bytes) -> None:
    """Keep what becomes public of the approver's address with this context."""
    await tx.execute(update(ceremonies).where(ceremonies.c.nonce == nonce).values(hashed_email=hashed))


async def get_hashed_emails(tx: AsyncConnection, nonces: Collection[bytes]) -> dict[str, bytes | None]:
    """Salt and hash of the address that was to become public with each of these contexts, by person."""
    named = select(ceremonies.c.person_id, ceremonies.c.hashed_email).where(ceremonies.c.nonce.in_(nonces))
    return {row.person_id: row.hashed_email for row in await tx.execute(named)}


async def use_ceremony(tx: AsyncConnection, nonce: bytes, *, at: datetime) -> bool:
    """Use up an issued context; False when it is unknown, used or too old."""
    return (await tx.execute(_IF_FRESH, {"ceremony": nonce, "at": at, "used_at": at})).rowcount == 1


async def insert_vote(tx: AsyncConnection, **columns: object) -> VoteRow:
    """Record a counted vote; the columns of `VoteRow` without `position` and `voided_at`."""
    row = (await tx.execute(_INSERT, columns)).one()
    return VoteRow(**row._mapping)  # noqa: SLF001


async def get_vote(tx: AsyncConnection, nonce: bytes) -> VoteRow | None:
    """A vote by its nonce, voided or not."""
    return read(VoteRow, (await tx.execute(_VOTE, {"vote": nonce})).one_or_none())


async def list_votes(tx: AsyncConnection, confirmation: str, *, with_voided: bool = False) -> list[VoteRow]:
    """The counted votes, in the order they were counted."""
    query = _EVER_CAST if with_voided else _CAST
    return read_all(VoteRow, await tx.execute(query, {"confirmation": confirmation}))


async def list_votes_of(tx: AsyncConnection, confirmations: Collection[str]) -> dict[str, list[VoteRow]]:
    """The counted votes of each of these confirmations that has any, in the order they were counted."""
    query = select(votes).where(votes.c.confirmation_id.in_(confirmations), votes.c.voided_at.is_(None))
    found: dict[str, list[VoteRow]] = defaultdict(list)
    for vote in read_all(VoteRow, await tx.execute(query.order_by(votes.c.position))):
        found[vote.confirmation_id].append(vote)
    return found


async def revoked_votes(tx: AsyncConnection, confirmation: str) -> list[bytes]:
    """The nonces of counted votes whose passkey or person has been revoked since."""
    return list((await tx.execute(_REVOKED, {"confirmation": confirmation})).scalars())


async def void_votes(tx: AsyncConnection, nonces: list[bytes], *, at: datetime) -> None:
    """Stop counting these votes."""
    await tx.execute(update(votes).where(votes.c.nonce.in_(nonces)).values(voided_at=at))


async def create_link(tx: AsyncConnection, confirmation: str, person: str, *, delivered: bool, at: datetime) -> str:
    """Make a personal, view-only link token (base64url, 256 random bits) and keep its hash alone.

    `delivered` is one that is sent to the person's address, and handed out in no other way.
    """
    token = b64u(secrets.token_bytes(32))
    values = {
        "token_hash": sha256(token.encode()),
        "confirmation_id": confirmation,
        "person_id": person,
        "delivered": delivered,
        "created_at": at,
    }
    await tx.execute(insert(links).values(values))
    return token


async def find_link(tx: AsyncConnection, confirmation: str, token: str) -> Link | None:
    """Whose link to this confirmation has this token."""
    named = (links.c.token_hash == sha256(token.encode())) & (links.c.confirmation_id == confirmation)
    row = (await tx.execute(select(links.c.person_id, links.c.delivered).where(named))).one_or_none()
    return None if row is None else Link(row.person_id, row.delivered)
