"""The real service for a real browser: uvicorn on localhost, Temporal, a worker, SQLite, and one organisation."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalWorkflows
from activities.steps import ApprovalSteps
from api.main import create_app
from cosignet.client import CosignetClient
from cosignet.confirmation import Confirmation
from cosignet.core.client_data import RelyingParty
from cosignet.temporal.contract import TASK_QUEUE
from cosignet.testing import SoftwarePasskey
from stack import free_port
from store.api_keys import create_api_key
from store.credentials import create_invite, revoke_credential
from store.database import Database, database_clock
from store.organisations import add_person, revoke_person
from store.rows import Person
from store.votes import create_link
from tests.acme import Acme, Deployment, Inbox, found_acme
from tests.publishing import publishing
from workflows.approval import Approval

ASK = {
    "action": "Wire 250 EUR to ACME Ltd",
    "payload": {"amount": "250.00", "currency": "EUR", "to": "ACME Ltd"},
}


@dataclass(frozen=True)
class Signer:
    """A person, and the passkey that a browser may be given."""

    person: Person
    passkey: SoftwarePasskey | None = None

    def virtual_credential(self) -> dict[str, Any]:
        """The passkey as `WebAuthn.addCredential` of the DevTools protocol takes it."""
        key = self.passkey._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return {
            "credentialId": base64.b64encode(self.passkey.id).decode(),
            "isResidentCredential": True,
            "rpId": "localhost",
            "privateKey": base64.b64encode(key).decode(),
            "userHandle": base64.b64encode(self.person.id.encode()).decode(),
            "signCount": 0,
        }


@dataclass
class Site:
    """A running service, an agent with a key, and the messages that approvers got."""

    url: str
    acme: Acme
    inbox: Inbox
    agent: CosignetClient

    async def newcomer(self, name: str = "Anna Meier") -> Signer:
        """A person of the organisation without a passkey."""
        email = f"p{len(self.acme.people)}@example.com"
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            person = await add_person(tx, self.acme.organisation.id, email=email, name=name, role="approver", at=at)
        self.acme.people[email] = person
        return Signer(person)

    async def signer(self, name: str = "Anna Meier") -> Signer:
        """A person of the organisation with a passkey."""
        newcomer = await self.newcomer(name)
        return replace(newcomer, passkey=await self.acme.enrol(newcomer.person.email))

    async def invite(self, signer: Signer) -> str:
        """The link with which somebody enrols a passkey."""
        async with self.acme.database.write() as tx:
            token = await create_invite(tx, signer.person.id, at=await self.acme.database.clock(tx))
        return f"{self.url}/register#{token}"

    async def ask(self, *signers: Signer, **changes: Any) -> Confirmation:
        """The agent asks these people."""
        approvers = [signer.person.email for signer in signers]
        return await self.agent.request(**{**ASK, "approvers": approvers, **changes})

    async def link(self, asked: Confirmation, signer: Signer) -> str:
        """The personal link in the message that this person got."""
        async with asyncio.timeout(10):
            while True:
                for message in self.inbox.messages:
                    if message.to == signer.person.email and asked.id in message.link:
                        return message.link
                await asyncio.sleep(0.02)

    async def passed_on(self, asked: Confirmation, signer: Signer) -> str:
        """A personal link for somebody whom nobody asked."""
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            token = await create_link(tx, asked.id, signer.person.id, delivered=True, at=at)
        return f"{self.url}/approve/{asked.id}#{token}"

    async def revoke_passkey(self, signer: Signer) -> None:
        async with self.acme.database.write() as tx:
            assert await revoke_credential(tx, signer.passkey.id, at=await self.acme.database.clock(tx))

    async def revoke(self, signer: Signer) -> None:
        async with self.acme.database.write() as tx:
            assert await revoke_person(tx, signer.person.id, at=await self.acme.database.clock(tx))

    @asynccontextmanager
    async def later(self, **amount: int) -> AsyncIterator[None]:
        """Inside the block the database's clock is ahead by this much."""

        async def ahead(tx):
            return await database_clock(tx) + timedelta(**amount)

        self.acme.database.clock = ahead
        try:
            yield
        finally:
            self.acme.database.clock = database_clock


@asynccontextmanager
async def running_site(temporal: Client, folder: Path) -> AsyncIterator[Site]:
    """The whole service on a free port of localhost."""
    port = free_port()
    url = f"http://localhost:{port}"
    database = Database(f"sqlite:///{folder}/cosignet.db")
    deployment = Deployment(database, RelyingParty("localhost", frozenset({url})), url)
    await deployment.prepare()
    acme = replace(await found_acme(database), deployment=deployment)
    inbox = Inbox()
    steps = ApprovalSteps(deployment, inbox, namespace=temporal.namespace, organisation="", search_attributes=False)
    app = create_app(deployment, ApprovalWorkflows(temporal, search_attributes=False))
    async with database.write() as tx:
        at = await database.clock(tx)
        _, key = await create_api_key(tx, acme.organisation.id, name="agent", owner=None, at=at)
    try:
        async with (
            publishing(database.url, folder),
            _serving(app, port),
            _working(temporal, steps),
            CosignetClient(url, key, timeout=30) as agent,
        ):
            yield Site(url, acme, inbox, agent)
    finally:
        await database.close()


@asynccontextmanager
async def _serving(app: Any, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, server_header=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        app.state.service.poller.stop()
        server.should_exit = True
        await task


@asynccontextmanager
async def _working(temporal: Client, steps: ApprovalSteps) -> AsyncIterator[None]:
    activities = [steps.open, steps.read_voters, steps.notify, steps.record_vote, steps.close, steps.read_outcome]
    async with Worker(
        temporal,
        task_queue=TASK_QUEUE,
        workflows=[Approval],
        activities=activities,
    ):
        yield
