"""Forgetting: what the log committed to is deleted, its leaves stay. docs/protocol.md §5."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.errors import Conflict
from store.log_schema import events
from store.rows import Confirmation, Person
from store.schema import ceremonies, confirmations, erased, idempotency, invites, links, people, registrations, votes

_OF_CONFIRMATIONS: Sequence[Table] = (votes, ceremonies, links)
# No address ends so, RFC 2606 §2.
_NOWHERE = "erased.invalid"


async def erase_confirmation(tx: AsyncConnection, row: Confirmation, *, at: datetime) -> None:
    """Delete all of a confirmation but its id, and with the salts of its events what leads from a leaf to anything."""
    for table in _OF_CONFIRMATIONS:
        await tx.execute(delete(table).where(table.c.confirmation_id == row.id))
    # The key stays taken, so that nothing is asked anew in its name.
    answered = update(idempotency).where(idempotency.c.confirmation_id == row.id)
    await tx.execute(answered.values(request_hash=b"", answer=None))
    await tx.execute(update(events).where(events.c.confirmation_id == row.id).values(salt=b"", record=b""))
    await tx.execute(delete(confirmations).where(confirmations.c.id == row.id))
    tombstone = {"confirmation_id": row.id, "organisation_id": row.organisation_id, "erased_at": at}
    await tx.execute(insert(erased).values(tombstone))


async def is_erased(tx: AsyncConnection, confirmation: str) -> bool:
    """Whether there was a confirmation with this id, once."""
    found = select(erased.c.confirmation_id).where(erased.c.confirmation_id == confirmation)
    return (await tx.execute(found)).first() is not None


async def list_erased(tx: AsyncConnection, organisation: str) -> list[tuple[str, datetime]]:
    """The ids of the organisation's erased confirmations, and when each was erased, oldest first."""
    found = select(erased.c.confirmation_id, erased.c.erased_at).where(erased.c.organisation_id == organisation)
    rows = await tx.execute(found.order_by(erased.c.erased_at, erased.c.confirmation_id))
    return [(row.confirmation_id, row.erased_at) for row in rows]


async def erase_person(tx: AsyncConnection, person: Person) -> list[str]:
    """Forget who a revoked person was; the confirmations that they signed, which name them by id alone from now on.

    Raises `Conflict("person.erased")`.
    """
    unnamed = {"email": f"{person.id}@{_NOWHERE}", "name": "", "email_verified_at": None}
    if person.email == unnamed["email"]:
        raise Conflict("person.erased", "this person is erased already")
    own = select(invites.c.token_hash).where(invites.c.person_id == person.id)
    await tx.execute(delete(registrations).where(registrations.c.token_hash.in_(own)))
    await tx.execute(delete(invites).where(invites.c.person_id == person.id))
    await tx.execute(delete(links).where(links.c.person_id == person.id))
    await tx.execute(update(ceremonies).where(ceremonies.c.person_id == person.id).values(hashed_email=None))
    await tx.execute(update(people).where(people.c.id == person.id).values(unnamed))
    signed = select(votes.c.confirmation_id).where(votes.c.person_id == person.id).order_by(votes.c.position)
    # Whoever lost a passkey after they had voted has voted again.
    return list(dict.fromkeys((await tx.execute(signed)).scalars()))
