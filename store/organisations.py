"""Organisations, their people, and what they require of every confirmation."""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.errors import Conflict, NotFound
from store.rows import Organisation, Person, Role, read, read_all
from store.schema import credentials, floors, organisations, people, policies
from store.upsert import insert_new, upsert


@dataclass(frozen=True)
class FloorRow:
    """An organisation's minimum for one action label, or for all (`action` empty); no `approvers`: anybody."""

    action: str
    threshold: int
    approvers: frozenset[str]


def normalise_email(email: str) -> str:
    """How addresses are compared and stored: without surrounding space, in lower case."""
    return email.strip().lower()


async def create_organisation(tx: AsyncConnection, name: str, *, at: datetime) -> Organisation:
    """Record a new tenant under a new immutable id (128 random bits, hex)."""
    organisation = Organisation(secrets.token_hex(16), name, 0, at)
    await tx.execute(insert(organisations).values(vars(organisation)))
    return organisation


async def find_organisation(tx: AsyncConnection, id_or_name: str) -> Organisation:
    """By id, or by name where only one has it. Raises `NotFound("organisation.unknown")`."""
    by_id_or_name = (organisations.c.id == id_or_name) | (organisations.c.name == id_or_name)
    found = read_all(Organisation, await tx.execute(select(organisations).where(by_id_or_name)))
    if len(found) != 1:
        raise NotFound("organisation.unknown", f"{len(found)} organisations are called {id_or_name!r}; name one by id")
    return found[0]


async def list_organisations(tx: AsyncConnection) -> list[Organisation]:
    """All tenants, oldest first."""
    query = select(organisations).order_by(organisations.c.created_at, organisations.c.id)
    return read_all(Organisation, await tx.execute(query))


async def get_organisation(tx: AsyncConnection, organisation: str) -> Organisation:
    """The organisation with this id, which the caller took from another row."""
    row = (await tx.execute(select(organisations).where(organisations.c.id == organisation))).one()
    return Organisation(**row._mapping)  # noqa: SLF001


async def add_person(
    tx: AsyncConnection, organisation: str, *, email: str, name: str, role: Role, at: datetime
) -> Person:
    """Record a person. Raises `Conflict("person.exists")` for an address the organisation has already."""
    email = normalise_email(email)
    person = Person(secrets.token_hex(16), organisation, email, name, role, at, None, None)
    if not await insert_new(tx, people, vars(person)):
        raise Conflict("person.exists", f"{email} is a person of this organisation already")
    return person


async def find_person(tx: AsyncConnection, organisation: str, id_or_email: str) -> Person | None:
    """A person of the organisation, revoked or not, by id or address."""
    named = (people.c.id == id_or_email) | (people.c.email == normalise_email(id_or_email))
    result = await tx.execute(select(people).where(people.c.organisation_id == organisation, named))
    return read(Person, result.one_or_none())


async def get_people(tx: AsyncConnection, ids: Collection[str]) -> list[Person]:
    """The people with these ids, in no particular order."""
    return read_all(Person, await tx.execute(select(people).where(people.c.id.in_(ids))))


async def list_people(tx: AsyncConnection, organisation: str, *, with_revoked: bool = False) -> list[Person]:
    """Everybody in the organisation, oldest first."""
    query = select(people).where(people.c.organisation_id == organisation)
    if not with_revoked:
        query = query.where(people.c.revoked_at.is_(None))
    return read_all(Person, await tx.execute(query.order_by(people.c.created_at, people.c.id)))


async def enrolled(tx: AsyncConnection, ids: Collection[str]) -> frozenset[str]:
    """Those of these people who are active and have an active passkey."""
    query = (
        select(people.c.id)
        .join(credentials, credentials.c.person_id == people.c.id)
        .where(people.c.id.in_(ids), people.c.revoked_at.is_(None), credentials.c.revoked_at.is_(None))
    )
    return frozenset((await tx.execute(query)).scalars())


async def verify_email(tx: AsyncConnection, person: str, *, at: datetime) -> None:
    """Record that what is sent to a person's address reaches somebody, if it is not on record."""
    unverified = (people.c.id == person) & people.c.email_verified_at.is_(None)
    await tx.execute(update(people).where(unverified).values(email_verified_at=at))


async def revoke_person(tx: AsyncConnection, person: str, *, at: datetime) -> bool:
    """Take away a person's right to vote; False when it was gone already."""
    active = (people.c.id == person) & people.c.revoked_at.is_(None)
    return (await tx.execute(update(people).where(active).values(revoked_at=at))).rowcount == 1


async def set_policy(tx: AsyncConnection, organisation: str, name: str, document: bytes, *, at: datetime) -> None:
    """Keep a policy (canonical bytes, by person ids) under a name."""
    keys = {"organisation_id": organisation, "name": name}
    await upsert(tx, policies, keys, {"document": document, "updated_at": at})


async def get_policy(tx: AsyncConnection, organisation: str, name: str) -> bytes | None:
    """The canonical bytes of a named policy."""
    named = (policies.c.organisation_id == organisation) & (policies.c.name == name)
    return (await tx.execute(select(policies.c.document).where(named))).scalar_one_or_none()


async def set_floor(tx: AsyncConnection, organisation: str, floor: FloorRow, *, at: datetime) -> None:
    """Keep a floor for one action label, or for all of them."""
    keys = {"organisation_id": organisation, "action": floor.action}
    approvers = json.dumps(sorted(floor.approvers))
    await upsert(tx, floors, keys, {"threshold": floor.threshold, "approvers": approvers, "updated_at": at})


async def get_floors(tx: AsyncConnection, organisation: str, action: str) -> list[FloorRow]:
    """The floors that this action must respect."""
    applies = (floors.c.organisation_id == organisation) & floors.c.action.in_(("", action))
    rows = (await tx.execute(select(floors.c.action, floors.c.threshold, floors.c.approvers).where(applies))).all()
    return [FloorRow(row.action, row.threshold, frozenset(json.loads(row.approvers))) for row in rows]
