"""Rows for tests of the store: valid in form, about nothing."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.registration import NewCredential
from store.confirmations import insert_confirmation
from store.credentials import add_credential
from store.database import Database
from store.events import new_event_id
from store.log_schema import log_entries
from store.organisations import add_person, create_organisation
from store.rows import CeremonyRow, Confirmation, Person
from store.votes import insert_ceremony, insert_vote

T = TypeVar("T")

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)


@dataclass(frozen=True)
class Tenant:
    """An organisation's id and its people, each with one passkey."""

    id: str
    people: list[Person]
    passkeys: list[bytes]


async def found_tenant(database: Database, *, people: int = 3) -> Tenant:
    async with database.write() as tx:
        organisation = await create_organisation(tx, f"tenant {secrets.token_hex(4)}", at=NOW)
        found = [
            await add_person(tx, organisation.id, email=f"p{i}@example.com", name=f"P{i}", role="approver", at=NOW)
            for i in range(people)
        ]
        passkeys = [a_passkey() for _ in found]
        for person, passkey in zip(found, passkeys, strict=True):
            await add_credential(tx, person, passkey, transports=["internal", "hybrid"], event="enrolled", at=NOW)
    return Tenant(organisation.id, found, [passkey.id for passkey in passkeys])


def a_passkey(**changes: Any) -> NewCredential:
    passkey = NewCredential(
        id=secrets.token_bytes(16),
        public_key=b"a COSE key",
        aaguid=bytes(16),
        sign_count=0,
        backup_eligible=False,
        backed_up=False,
    )
    return replace(passkey, **changes)


def a_confirmation(organisation: str, **changes: Any) -> Confirmation:
    confirmation = Confirmation(
        id=secrets.token_hex(16),
        organisation_id=organisation,
        owner="key:1",
        ask_hash=secrets.token_bytes(32),
        request_event=new_event_id(),
        terms=b"{}",
        terms_hash=bytes(32),
        payload=b"{}",
        policy=b"{}",
        note="",
        claim="",
        external_id="",
        status="pending",
        created_at=NOW,
        deadline=LATER,
        valid_until=LATER,
        decided_at=None,
        outcome_event=None,
        consumer=None,
        consumed_at=None,
        outcome_leaf=None,
    )
    return replace(confirmation, **changes)


async def record(database: Database, *confirmations: Confirmation) -> None:
    async with database.write() as tx:
        for confirmation in confirmations:
            assert await insert_confirmation(tx, confirmation)


async def log(database: Database, event: str) -> int:
    """Put a leaf for this event into the log, and into nothing else of it; its index."""
    async with database.write() as tx:
        index = (await tx.execute(select(func.count()).select_from(log_entries))).scalar_one()
        await tx.execute(insert(log_entries).values(leaf_index=index, event_id=event, leaf=b"{}"))
    return index


async def issue(database: Database, confirmation: str, person: str, *, expires_at: datetime = LATER) -> bytes:
    nonce = secrets.token_bytes(32)
    async with database.write() as tx:
        await insert_ceremony(tx, CeremonyRow(nonce, confirmation, person, b"{}", "", None, NOW, expires_at, None))
    return nonce


async def vote(tx: AsyncConnection, confirmation: str, tenant: Tenant, voter: int, **changes: Any) -> bytes:
    nonce = secrets.token_bytes(32)
    columns = {
        "nonce": nonce,
        "confirmation_id": confirmation,
        "person_id": tenant.people[voter].id,
        "seat": tenant.people[voter].id,
        "decision": "approve",
        "reason": "",
        "context": b"{}",
        "credential_id": tenant.passkeys[voter],
        "authenticator_data": b"\x00\xff",
        "client_data": b"{}",
        "signature": b"\x30",
        "user_handle": None,
        "counted_at": NOW,
    }
    await insert_vote(tx, **{**columns, **changes})
    return nonce


async def race(database: Database, step: Callable[[AsyncConnection, int], Awaitable[T]], *, runners: int) -> list[T]:
    """Run `step` in that many write transactions at once."""

    async def run(number: int) -> T:
        async with database.write() as tx:
            return await step(tx, number)

    results = await asyncio.gather(*(run(number) for number in range(runners)), return_exceptions=True)
    # Where one of them fails, the others have come to their end before the database is closed.
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
