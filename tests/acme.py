"""Acme: an organisation with three people and their software passkeys, in any database, for tests of the service."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from activities.ceremonies import Ceremony as IssuedCeremony
from activities.ceremonies import issue_ceremony
from activities.deployment import Deployment
from activities.enrolment import enrol
from activities.notifying import Message
from activities.opening import Caller, open_confirmation
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u
from cosignet.core.evidence import assertion_to_json
from cosignet.core.registration import NewCredential
from cosignet.core.terms import DecisionWord
from cosignet.temporal.contract import Ask, VoteInput
from cosignet.testing import Algorithm, Ceremony, SoftwarePasskey
from store.database import Database
from store.organisations import add_person, create_organisation
from store.rows import Confirmation, Organisation, Person

ORIGIN = "http://localhost:8420"
RP = RelyingParty("localhost", frozenset({ORIGIN}))
CEREMONY = Ceremony(RP.id, ORIGIN)


@dataclass
class Inbox:
    """A channel that keeps what it is asked to deliver."""

    messages: list[Message] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send(self, message: Message) -> None:
        async with self.arrived:
            self.messages.append(message)
            self.arrived.notify_all()

    async def told(self, email: str) -> None:
        """Wait until this address was sent something."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: email in {message.to for message in self.messages})

    def token_for(self, email: str) -> str:
        return next(m.link.split("#")[1] for m in self.messages if m.to == email)


@dataclass
class Acme:
    """The organisation, its people by first name, and a passkey of each."""

    deployment: Deployment
    organisation: Organisation
    people: dict[str, Person]
    passkeys: dict[str, SoftwarePasskey]

    @property
    def database(self) -> Database:
        return self.deployment.database

    @property
    def caller(self) -> Caller:
        return Caller(self.organisation.id, "key:test", "API key test (ck_test)")

    async def enrol(
        self, name: str, *, algorithm: Algorithm = "ES256", synced: bool = False, credential_id: bytes | None = None
    ) -> SoftwarePasskey:
        person = self.people[name]
        passkey = SoftwarePasskey(person.id, algorithm=algorithm, synced=synced)
        passkey.id = credential_id or passkey.id
        public = passkey.credential
        new = NewCredential(public.id, public.public_key, bytes(16), 0, public.backup_eligible, synced)
        async with self.database.write() as tx:
            at = await self.database.clock(tx)
            await enrol(tx, person, new, ("internal",), at=at)
        self.passkeys[name] = passkey
        return passkey

    async def ask(self, confirmation: str, **changes: Any) -> Confirmation:
        return await open_confirmation(self.deployment, self.caller, confirmation, a_wire_transfer(**changes))

    async def ceremony(
        self, confirmation: str, name: str, decision: DecisionWord = "approve", reason: str = ""
    ) -> IssuedCeremony:
        return await issue_ceremony(self.deployment, confirmation, self.people[name].id, decision, reason)

    async def sign(
        self, confirmation: str, name: str, decision: DecisionWord = "approve", reason: str = ""
    ) -> tuple[str, VoteInput]:
        """A ceremony as the page runs it; the vote and its nonce in base64url."""
        return self.answer(name, await self.ceremony(confirmation, name, decision, reason))

    def answer(self, name: str, issued: IssuedCeremony) -> tuple[str, VoteInput]:
        """The person touches their passkey."""
        assertion = self.passkeys[name].sign(issued.challenge, CEREMONY)
        return b64u(issued.nonce), VoteInput(b64u(issued.context), **assertion_to_json(assertion))


def a_wire_transfer(**changes: Any) -> Ask:
    """A request that one of Anna and Ben may approve."""
    ask = Ask(
        action="Wire 250 EUR to ACME Ltd",
        payload='{"amount": "250.00", "currency": "EUR", "to": "ACME Ltd"}',
        approvers=["anna@example.com"],
    )
    return replace(ask, **changes)


async def found_acme(database: Database) -> Acme:
    """Create the organisation with Anna, Ben and Cem, each with a passkey."""
    deployment = Deployment(database, RP, ORIGIN)
    async with database.write() as tx:
        at: datetime = await database.clock(tx)
        organisation = await create_organisation(tx, "Acme", at=at)
        people = {
            name: await add_person(
                tx, organisation.id, email=f"{name}@example.com", name=name.title(), role="approver", at=at
            )
            for name in ("anna", "ben", "cem")
        }
    acme = Acme(deployment, organisation, people, {})
    for name in people:
        await acme.enrol(name)
    return acme
