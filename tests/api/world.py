"""Acme behind the HTTP API: keys, links and passkeys, and a stand-in for the workflows where none is needed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.log_reading import pinned_log
from activities.voting import read_submission, record_vote
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.trust import Approver as TrustedApprover
from cosignet.core.trust import Floor, Trust
from cosignet.errors import Unavailable
from cosignet.temporal.contract import UNPINNED, VoteAnswer, VoteInput
from cosignet.testing import Ceremony, SoftwarePasskey, challenge_from
from store.api_keys import create_api_key
from store.credentials import create_invite, revoke_credential
from store.database import database_clock
from store.organisations import add_person, create_organisation, revoke_person
from store.rows import Confirmation, Person
from store.votes import create_link
from tests.acme import CEREMONY, RP, Acme

ASK = {
    "action": "Wire 250 EUR to ACME Ltd",
    "payload": {"amount": "250.00", "currency": "EUR", "to": "ACME Ltd"},
    "approvers": ["anna@example.com"],
}


@dataclass
class StandIn:
    """What `ApprovalWorkflows` does, with nothing between: votes are recorded at once. It can be `down`."""

    acme: Acme
    down: bool = False
    answers_lost: int = 0
    unpinned: set[bytes] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    voted: list[str] = field(default_factory=list)
    synced: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)

    async def check(self) -> None:
        self._require_up()

    async def start(self, row: Confirmation) -> None:
        self._require_up()
        self.started.append(row.id)

    async def vote(self, confirmation: str, nonce: str, vote: VoteInput, find: Any) -> VoteAnswer:
        self._require_up()
        self.voted.append(nonce)
        if read_submission(vote).assertion.credential_id in self.unpinned:
            return VoteAnswer(accepted=False, status="unknown", code=UNPINNED, detail="not pinned")
        recorded = await record_vote(self.acme.deployment, confirmation, vote)
        if self.answers_lost:
            self.answers_lost -= 1
            raise Unavailable("vote.unanswered", "the answer got lost")
        return recorded.answer

    async def refresh_keys(self, confirmation: str) -> None:
        self._require_up()
        self.refreshed.append(confirmation)
        self.unpinned.clear()

    async def sync(self, confirmation: str) -> None:
        self._require_up()
        self.synced.append(confirmation)

    def _require_up(self) -> None:
        if self.down:
            raise Unavailable("temporal.unavailable", "down")


@dataclass
class World:
    """One app over one database; `key` is Acme's own API key."""

    acme: Acme
    app: FastAPI
    workflows: StandIn
    http: httpx2.AsyncClient
    key: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    async def ask(self, headers: dict[str, str] | None = None, /, **changes: Any) -> httpx2.Response:
        return await self.http.post("/v1/confirmations", json={**ASK, **changes}, headers=headers or self.bearer)

    async def asked(self, **changes: Any) -> dict[str, Any]:
        response = await self.ask(**changes)
        assert response.status_code == 201, response.text
        return response.json()

    async def get(self, path: str, **params: Any) -> httpx2.Response:
        return await self.http.get(f"/v1/confirmations{path}", params=params, headers=self.bearer)

    async def post(self, path: str, body: Any = None) -> httpx2.Response:
        content = {} if body is None else {"json": body}
        return await self.http.post(f"/v1/confirmations{path}", headers=self.bearer, **content)

    async def status(self, confirmation: str) -> str:
        return (await self.get(f"/{confirmation}")).json()["status"]

    async def link(self, confirmation: str, name: str = "anna") -> dict[str, str]:
        """The header of a personal link."""
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            token = await create_link(tx, confirmation, self.acme.people[name].id, delivered=True, at=at)
        return {"Authorization": f"Link {token}"}

    async def approver(self, confirmation: str, name: str = "anna") -> "Approver":
        return Approver(self, confirmation, self.acme.passkeys[name], await self.link(confirmation, name))

    async def approved(self, **changes: Any) -> dict[str, Any]:
        """A confirmation that Anna has approved."""
        asked = await self.asked(**changes)
        response = await (await self.approver(asked["id"])).decide("approve")
        assert response.json() == {"status": "approved", "accepted": True}
        return asked

    async def invite(self, person: Person | None = None) -> dict[str, str]:
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            token = await create_invite(tx, (person or self.acme.people["anna"]).id, at=at)
        return {"Authorization": f"Invite {token}"}

    async def add_person(self, name: str) -> Person:
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            email, organisation = f"{name}@example.com", self.acme.organisation.id
            person = await add_person(tx, organisation, email=email, name=name.title(), role="admin", at=at)
        self.acme.people[name] = person
        return person

    async def new_key(self, *, organisation: str | None = None, owner: str | None = None) -> str:
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            organisation = organisation or self.acme.organisation.id
            _, text = await create_api_key(tx, organisation, name="agent", owner=owner, at=at)
        return text

    async def other_organisation(self) -> str:
        async with self.acme.database.write() as tx:
            return (await create_organisation(tx, "Other", at=await self.acme.database.clock(tx))).id

    async def revoke_passkey(self, name: str) -> None:
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            assert await revoke_credential(tx, self.acme.passkeys[name].id, at=at)

    async def revoke_person(self, name: str) -> None:
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            assert await revoke_person(tx, self.acme.people[name].id, at=at)

    async def trust(self, *names: str) -> Trust:
        """What a relying party pins that wants all of these people."""
        people = tuple(
            TrustedApprover(self.acme.people[name].id, name, (self.acme.passkeys[name].credential,)) for name in names
        )
        log = await pinned_log(self.acme.deployment)
        return Trust(self.acme.organisation.id, RP, log, people, Floor(len(names), frozenset()))

    def later(self, **amount: int) -> None:
        """From now on the database's clock is ahead by this much."""

        async def ahead(tx: AsyncConnection) -> datetime:
            return await database_clock(tx) + timedelta(**amount)

        self.acme.database.clock = ahead


@dataclass
class Approver:
    """Somebody on the page behind their personal link."""

    world: World
    confirmation: str
    passkey: SoftwarePasskey
    headers: dict[str, str]

    async def view(self) -> httpx2.Response:
        return await self._post("view")

    async def touch(self, decision: str, reason: str = "") -> httpx2.Response:
        return await self._post("ceremonies", {"decision": decision, "reason": reason})

    async def begin(self, decision: str = "approve", reason: str = "") -> dict[str, Any]:
        response = await self.touch(decision, reason)
        assert response.status_code == 200, response.text
        return response.json()

    def sign(self, issued: dict[str, Any], ceremony: Ceremony = CEREMONY) -> dict[str, Any]:
        """The body of a vote."""
        answer = self.passkey.answer(challenge_from(issued["options"]), ceremony)
        return {"nonce": issued["nonce"], "credential": answer}

    async def send(self, vote: dict[str, Any]) -> httpx2.Response:
        return await self._post("votes", vote)

    async def decide(self, decision: str = "approve", reason: str = "") -> httpx2.Response:
        return await self.send(self.sign(await self.begin(decision, reason)))

    async def _post(self, what: str, body: Any = None) -> httpx2.Response:
        content = {} if body is None else {"json": body}
        path = f"/v1/approvals/{self.confirmation}/{what}"
        return await self.world.http.post(path, headers=self.headers, **content)


def code_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and problem code."""
    return response.status_code, response.json().get("code", "")


def flip(text: str) -> str:
    """The base64url text of the same bytes with one bit changed."""
    raw = bytearray(from_b64u(text))
    raw[len(raw) // 2] ^= 1
    return b64u(bytes(raw))
