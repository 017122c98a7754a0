"""Public reveal: what everybody may read of an approval whose terms say so, for ever. docs/protocol.md §5 and §7.

Nobody's address becomes public who was not told before they signed, and none that no mail has reached.
"""

import asyncio
import secrets
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from cosignet.core.addresses import SALT_BYTES, HashedAddress
from cosignet.core.decision import Status
from cosignet.core.terms import DecisionWord, Terms
from cosignet.errors import Refused
from store.organisations import get_people
from store.rows import Person, VoteRow
from store.votes import get_hashed_emails, set_hashed_email


def is_public(terms: Terms, status: str) -> bool:
    """Whether everybody may read it: only what was approved, for whoever refused has not agreed to it."""
    return terms.reveal == "yes" and status == Status.APPROVED


def require_reachable(terms: Terms, person: Person) -> None:
    """Refuse whom nothing that was sent has reached, where their address would be public.

    Raises `Refused("email.unverified")`.
    """
    if terms.reveal == "yes" and person.email_verified_at is None:
        raise Refused("email.unverified", "open the link that was sent to your e-mail address first")


async def address_to_publish(tx: AsyncConnection, terms: Terms, person: str, decision: DecisionWord) -> str:
    """The address whose hash becomes public if this person signs that, or empty. Raises as `require_reachable`."""
    if terms.reveal == "no":
        return ""
    (found,) = await get_people(tx, [person])
    require_reachable(terms, found)
    return found.email if decision == "approve" else ""


async def hash_address(deployment: Deployment, nonce: bytes, email: str) -> None:
    """Hash the address for an issued context that nobody knows yet: slow, so not while the database is held."""
    address = await asyncio.to_thread(HashedAddress.of, email, secrets.token_bytes(SALT_BYTES))
    async with deployment.database.write() as tx:
        await set_hashed_email(tx, nonce, address.salt + address.hash)


async def public_addresses(tx: AsyncConnection, votes: Sequence[VoteRow]) -> dict[str, HashedAddress]:
    """The hashed addresses of those who approved, by person. Raises `Refused("email.unverified")`."""
    found = await get_hashed_emails(tx, [vote.nonce for vote in votes if vote.decision == "approve"])
    return {person: _read(hashed) for person, hashed in found.items()}


def _read(hashed: bytes | None) -> HashedAddress:
    if hashed is None:
        raise Refused("email.unverified", "this would be public, and the address of somebody who approved is not known")
    return HashedAddress(hashed[:SALT_BYTES], hashed[SALT_BYTES:])
