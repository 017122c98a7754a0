"""Agents and approvers over HTTP, who send everything again that broke, and write down what they were told."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client
from temporalio.service import RPCError

from activities.approvals import workflow_id
from cosignet.core.assertion import Credential
from cosignet.core.encoding import sha256
from cosignet.errors import Unavailable
from cosignet.testing import SoftwarePasskey
from tests.api.world import ASK, Approver, World
from tests.fault.history import History

PATIENCE = 240
PAUSE = 0.2
TRY_AGAIN = (429, 503)


@dataclass
class Clients:
    """Everybody who uses one installation. `pinned` is what a relying party would trust: every passkey, by name."""

    world: World
    temporal: Client
    outbox: Path
    history: History = field(default_factory=History)
    pinned: dict[str, list[Credential]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pinned = {name: [passkey.credential] for name, passkey in self.world.acme.passkeys.items()}

    async def approve(self) -> None:
        """One approver, one approval, and two who would like to use it."""
        confirmation = await self.ask("anna")
        await self.vote(confirmation, "anna")
        await self.end(confirmation)
        await asyncio.gather(*(self.consume(confirmation, f"worker-{n}") for n in range(2)))

    async def approve_together(self) -> None:
        confirmation = await self.ask("anna", "ben", threshold=2)
        await asyncio.gather(self.vote(confirmation, "anna"), self.vote(confirmation, "ben"))
        await self.end(confirmation)

    async def reject(self) -> None:
        confirmation = await self.ask("ben")
        await self.vote(confirmation, "ben", "reject")
        await self.end(confirmation)

    async def cancel(self) -> None:
        confirmation = await self.ask("anna")
        await self.withdraw(confirmation)
        await self.end(confirmation)

    async def cancel_while_approving(self) -> None:
        confirmation = await self.ask("anna")
        # Nobody is told of what is withdrawn already.
        await self._token(confirmation, "anna")
        await asyncio.gather(self.vote(confirmation, "anna"), self.withdraw(confirmation))
        await self.end(confirmation)

    async def cancel_as_operator(self) -> None:
        """The operator ends the workflow in Temporal."""
        confirmation = await self.ask("anna")
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(RPCError):
                    await self.temporal.get_workflow_handle(workflow_id(confirmation)).cancel()
                    break
                await asyncio.sleep(PAUSE)
        await self.end(confirmation)

    async def approve_with_new_passkey(self) -> None:
        confirmation = await self.ask("cem")
        passkey = await self._enrol("cem")
        await self.vote(confirmation, "cem", passkey=passkey)
        await self.end(confirmation)

    async def stay_silent(self) -> None:
        await self.end(await self.ask("anna", expires_in=30))

    async def ask(self, *names: str, **changes: Any) -> str:
        """Ask for confirmation by these people; its id."""
        key = secrets.token_hex(8)
        payload = {**ASK["payload"], "invoice": key}
        people = [self.world.acme.people[name].email for name in names]
        body = {**ASK, "payload": payload, "approvers": people, "external_id": key, **changes}
        self.history.asked[key] = payload
        headers = {**self.world.bearer, "Idempotency-Key": key}
        answer = await self._insist("ask", lambda: self.world.ask(headers, **body))
        confirmation: str = answer.json()["id"]
        self.history.is_created(key, confirmation)
        return confirmation

    async def vote(
        self, confirmation: str, name: str, decision: str = "approve", passkey: SoftwarePasskey | None = None
    ) -> None:
        """Follow the link, sign once, and send that one vote until the service answers."""
        passkey = passkey or self.world.acme.passkeys[name]
        link = {"Authorization": f"Link {await self._token(confirmation, name)}"}
        approver = Approver(self.world, confirmation, passkey, link)
        touched = await self._insist("touch", lambda: approver.touch(decision))
        if touched.status_code != 200:
            return
        vote = approver.sign(touched.json())
        self.history.signed.add(vote["nonce"])
        answer = await self._insist("vote", lambda: approver.send(vote))
        if answer.status_code != 200:
            self.history.is_refused(vote["nonce"], answer.json()["code"])
        else:
            self.history.is_voted(vote["nonce"], confirmation, passkey.person)
            self.history.has_status(confirmation, answer.json()["status"])

    async def withdraw(self, confirmation: str) -> None:
        answer = await self._insist("cancel", lambda: self.world.post(f"/{confirmation}/cancel"))
        if answer.status_code == 200:
            self.history.has_status(confirmation, answer.json()["status"])

    async def consume(self, confirmation: str, consumer: str) -> None:
        payload_hash = (await self._read(confirmation))["payload_hash"]
        use = {"payload_hash": payload_hash, "consumer": consumer}
        answer = await self._insist("consume", lambda: self.world.post(f"/{confirmation}/consume", use))
        if answer.status_code == 200:
            self.history.is_consumed(confirmation, consumer)

    async def end(self, confirmation: str) -> str:
        """Wait for the outcome."""
        async with asyncio.timeout(PATIENCE):
            while (status := (await self._read(confirmation, wait=5))["status"]) == "pending":
                continue
        self.history.has_status(confirmation, status)
        return status

    async def _read(self, confirmation: str, **params: Any) -> dict[str, Any]:
        answer = await self._insist("read", lambda: self.world.get(f"/{confirmation}", **params))
        found: dict[str, Any] = answer.json()
        return found

    async def _token(self, confirmation: str, name: str) -> str:
        """The token of the personal link that was sent."""
        key = f"{confirmation}/{self.world.acme.people[name].id}/0"
        letter = self.outbox / f"{sha256(key.encode()).hex()[:32]}.json"
        async with asyncio.timeout(PATIENCE):
            while not letter.exists():
                await asyncio.sleep(PAUSE / 4)
        token: str = json.loads(letter.read_text())["link"].split("#")[1]
        return token

    async def _enrol(self, name: str) -> SoftwarePasskey:
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(Unavailable):
                    passkey = await self.world.acme.enrol(name)
                    self.pinned[name].append(passkey.credential)
                    return passkey
                await asyncio.sleep(PAUSE)

    async def _insist(self, what: str, call: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
        """Send the same request until there is an answer that does not ask for it again."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await call()
                except httpx2.TransportError as error:
                    self.history.answers[what, type(error).__name__] += 1
                else:
                    if answer.status_code not in TRY_AGAIN:
                        break
                    self.history.answers[what, answer.json()["code"]] += 1
                await asyncio.sleep(PAUSE)
        self.history.answers[what, str(answer.status_code) if answer.is_success else answer.json()["code"]] += 1
        return answer
