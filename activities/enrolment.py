"""How an invited person enrols a passkey: a single-use challenge, a checked answer, one transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ceremonies import claimed_challenge
from activities.deployment import Deployment
from activities.second_opinion import require_second_opinion_on_key
from cosignet.core.assertion import Credential
from cosignet.core.consistency import enrolment_record
from cosignet.core.leaf import ENROLLED
from cosignet.core.registration import NewCredential, verify_registration
from cosignet.errors import TooMany
from store.credentials import (
    CEREMONY_LIFETIME,
    active_credentials,
    add_credential,
    begin_registration,
    count_open_registrations,
    find_invite,
    finish_registration,
)
from store.events import add_event
from store.organisations import get_organisation
from store.rows import CredentialRow, Organisation, Person

MAX_OPEN_REGISTRATIONS = 20


@dataclass(frozen=True)
class Enrolment:
    """A challenge (32 bytes) for a new passkey of `person`, who has the passkeys `known` already."""

    person: Person
    organisation: Organisation
    challenge: bytes
    known: list[CredentialRow]


@dataclass(frozen=True)
class Registration:
    """What the browser returned from `navigator.credentials.create()`, verbatim."""

    credential_id: bytes
    attestation_object: bytes
    client_data: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True)
class Enrolled:
    """A passkey that is enrolled now, and whose it is."""

    person: Person
    credential: NewCredential


async def begin_enrolment(deployment: Deployment, invite: str) -> Enrolment:
    """Issue a challenge under an open invite, which stays open.

    Raises `Unauthenticated("invite.invalid")`, `TooMany("ceremony.too_many")`, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        at = await deployment.database.clock(tx)
        found = await find_invite(tx, invite, at=at)
        if await count_open_registrations(tx, found, at=at) >= MAX_OPEN_REGISTRATIONS:
            wait = int(CEREMONY_LIFETIME.total_seconds())
            raise TooMany("ceremony.too_many", "too many unfinished attempts", retry_after=wait)
        return Enrolment(
            person=found.person,
            organisation=await get_organisation(tx, found.person.organisation_id),
            challenge=await begin_registration(tx, found, at=at),
            known=await active_credentials(tx, [found.person.id]),
        )


async def finish_enrolment(deployment: Deployment, invite: str, registration: Registration) -> Enrolled:
    """Enrol the passkey and use up challenge and invite, all or nothing.

    Raises `Unauthenticated("invite.invalid")`, `Refused` with `assertion.…` or `ceremony.invalid`,
    `Malformed("credential.key")`, `Conflict("credential.exists")`, `Unavailable`.
    """
    async with deployment.database.write() as tx:
        at = await deployment.database.clock(tx)
        found = await find_invite(tx, invite, at=at)
        challenge = claimed_challenge(registration.client_data)
        new = _verify(deployment, registration, challenge)
        await finish_registration(tx, found, challenge, at=at)
        await enrol(tx, found.person, new, registration.transports, at=at)
    return Enrolled(found.person, new)


async def enrol(
    tx: AsyncConnection, person: Person, new: NewCredential, transports: tuple[str, ...], *, at: datetime
) -> None:
    """Record a passkey that was checked, and the event that says so. Raises `Conflict("credential.exists")`."""
    event = await add_event(tx, person.organisation_id, ENROLLED, _record(person, new), at=at)
    await add_credential(tx, person, new, transports=transports, event=event, at=at)


def _verify(deployment: Deployment, registration: Registration, challenge: bytes) -> NewCredential:
    answer = {
        "attestation_object": registration.attestation_object,
        "client_data": registration.client_data,
        "challenge": challenge,
    }
    new = verify_registration(credential_id=registration.credential_id, rp=deployment.rp, **answer)
    require_second_opinion_on_key(new, rp=deployment.rp, **answer)
    return new


def _record(person: Person, new: NewCredential) -> dict[str, object]:
    passkey = Credential(new.id, person.id, new.public_key, new.backup_eligible)
    return {**enrolment_record(passkey), "attested": False, "role": person.role}
