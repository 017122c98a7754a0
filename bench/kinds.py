"""What is measured side by side: one of our approvals and one minimal workflow, each from its start to its result."""

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from temporalio.client import Client

from activities.approvals import workflow_id
from activities.voting import find_vote
from bench.minimal_worker import TASK_QUEUE
from bench.site import Site
from cosignet.core.encoding import from_b64u, sha256
from cosignet.temporal.contract import Outcome, VoteAnswer, VoteInput
from store.rows import Confirmation
from tests.workflow.minimal import MinimalApproval

TOLD_TIMEOUT = 120


class Starting(Protocol):
    """A workflow up to where it waits for its decision."""

    async def start(self) -> None:
        """Start the workflow."""

    async def waiting(self) -> None:
        """Return once it waits for its decision, and everything before that is done."""


class Life(Starting, Protocol):
    """One workflow, from its start to its result."""

    async def decide(self) -> None:
        """Send the decision and get its answer."""

    async def result(self) -> None:
        """Get what the workflow returned."""


@dataclass
class Asked:
    """A confirmation of ours that is recorded; what is measured is the workflow that counts its vote."""

    site: Site
    row: Confirmation

    async def start(self) -> None:
        """As the API does after it recorded the request."""
        await self.site.workflows.start(self.row)

    async def waiting(self) -> None:
        """The message to the approver is the last thing that happens before the wait."""
        await told(self.site, self.row.id)


@dataclass
class Approval(Asked):
    """As `Asked`, with a vote by Anna that is signed already."""

    nonce: str
    vote: VoteInput

    async def decide(self) -> None:
        """As the API does after it checked the vote. Raises `RuntimeError` unless it approves."""
        answer = await self.site.workflows.vote(self.row.id, self.nonce, self.vote, self._find)
        if answer != VoteAnswer(accepted=True, status="approved"):
            raise RuntimeError(f"not approved: {answer}")

    async def result(self) -> None:
        """Raises `RuntimeError` unless it is an approval."""
        handle = self.site.client.get_workflow_handle(workflow_id(self.row.id), result_type=Outcome)
        if (await handle.result()).status != "approved":
            raise RuntimeError("the workflow did not return an approval")

    async def _find(self) -> VoteAnswer | None:
        return await find_vote(self.site.acme.deployment, self.row.id, from_b64u(self.nonce))


@dataclass
class Minimal:
    """A minimal workflow: its Update takes nothing and checks nothing."""

    client: Client
    id: str

    async def start(self) -> None:
        """Start it on the task queue of its own worker."""
        await self.client.start_workflow(MinimalApproval.run, id=self.id, task_queue=TASK_QUEUE)

    async def waiting(self) -> None:
        """Its history says so: started, one task done, the timer running."""
        handle = self.client.get_workflow_handle(self.id)
        while (await handle.describe()).history_length < _WAITING_EVENTS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def decide(self) -> None:
        """Send the Update and get its answer."""
        await self.client.get_workflow_handle(self.id).execute_update(MinimalApproval.approve)

    async def result(self) -> None:
        """Raises `RuntimeError` unless the Update ended it."""
        if not await self.client.get_workflow_handle_for(MinimalApproval.run, self.id).result():
            raise RuntimeError("the minimal workflow timed out")


_WAITING_EVENTS = 5


async def approvals(site: Site, count: int) -> list[Life]:
    """Confirmations whose workflow is to be started, each with a vote by Anna that is signed already."""
    return [await _approval(site) for _ in range(count)]


async def minimals(site: Site, count: int) -> list[Life]:
    """Minimal workflows to be started."""
    return [Minimal(site.client, f"minimal-{secrets.token_hex(16)}") for _ in range(count)]


# Ours first: the order of the columns, not of the runs.
SIDES = {"cosignet": approvals, "minimal": minimals}


async def start_all(lives: Iterable[Starting], *, at_once: int = 16) -> None:
    """Start these workflows and wait until every one of them waits."""
    todo = iter(lives)

    async def starting() -> None:
        for life in todo:
            await life.start()
            await life.waiting()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(starting())


async def told(site: Site, confirmation: str) -> str:
    """Wait until Anna was sent her link to this confirmation, and return its token."""
    key = f"{confirmation}/{site.acme.people['anna'].id}/0"
    letter = site.outbox / f"{sha256(key.encode()).hex()[:32]}.json"
    async with asyncio.timeout(TOLD_TIMEOUT):
        while not letter.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return str(json.loads(letter.read_text())["link"]).partition("#")[2]


async def _approval(site: Site) -> Approval:
    row = await site.acme.ask(secrets.token_hex(16))
    return Approval(site, row, *(await sign(site, row.id)))


async def sign(site: Site, confirmation: str) -> tuple[str, VoteInput]:
    """Anna's vote, as from a synced passkey: those count no signatures, so their order does not matter."""
    site.acme.passkeys["anna"].sign_count = -1
    return await site.acme.sign(confirmation, "anna")
