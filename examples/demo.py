"""`make demo`: the main job end to end, told step by step, and what happens when somebody cheats or stays silent."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, FailureError
from temporalio.worker import Worker

from cosignet.client import Confirmation, CosignetClient
from cosignet.temporal import CosignetPlugin
from examples.approver import SoftwareApprover
from examples.cheating_agent import CheatingAgent
from examples.evidence_tour import show_evidence
from examples.log_tour import show_log
from examples.telling import say, tell
from examples.wire_transfer.transfers import PayInvoice, Transfer, wire_transfer
from stack import Stack

QUEUE = "payments"
HONEST = Transfer("ACME GmbH", "DE02120300000000202051", "250.00", "EUR")
PATIENCE = 60


@dataclass
class Scene:
    """Everybody who plays a part."""

    stack: Stack
    anna: SoftwareApprover
    cosignet: CosignetClient
    temporal: Client
    trust: Path
    letters: set[Path]

    async def next_link(self) -> str:
        """Wait for the next message to Anna and return the personal link in it."""
        outbox = self.stack.data / "outbox"
        async with asyncio.timeout(PATIENCE):
            while not (new := set(outbox.glob("*.json")) - self.letters):
                self.stack.require_alive()
                await asyncio.sleep(0.1)
        self.letters |= new
        link: str = json.loads(new.pop().read_text())["link"]
        return link

    async def start(self, run: Any, *arguments: Transfer) -> WorkflowHandle[Any, str]:
        """Start an agent's workflow."""
        name = f"invoice-{datetime.now(UTC):%H%M%S%f}"
        return await self.temporal.start_workflow(run, args=arguments, id=name, task_queue=QUEUE, result_type=str)


async def run(stack: Stack) -> None:
    """Play all of it on a fresh stack. Raises when anything is not as promised."""
    # A refused activity is part of the story, which tells it better than the SDK's traceback.
    logging.getLogger("temporalio.activity").setLevel(logging.ERROR)
    say("Starting Temporal, the worker and the API, and founding the organisation Acme with Anna as its owner.")
    account = stack.admin("create-organisation", "Acme", "--owner-email", "anna@example.com", "--owner-name", "Anna")
    with stack.running(account["organisation"]):
        async with _scene(stack, account) as scene:
            silent = await _ask_and_stay_silent(scene, account)
            await _approve(scene)
            await _cheat(scene)
            await _reject(scene)
            await _expire(scene, account, silent)
            await show_log(stack, silent.id, account["api_key"])
    say(f"Done. Evidence, trust file and logs lie in {stack.data}.")
    gc.collect()


@asynccontextmanager
async def _scene(stack: Stack, account: dict[str, Any]) -> AsyncIterator[Scene]:
    anna = SoftwareApprover(stack.url)
    await anna.register(account["register_url"])
    tell("Anna has enrolled a passkey (in software here, by the same ceremonies as in a browser).")
    trust = stack.data / "trust.json"
    trust.write_text(json.dumps(stack.admin("trust", account["organisation"]), indent=2))
    tell(f"The agent's team keeps {trust}: it pins Anna's key, so not even the service could fake her approval.")
    key = stack.admin("create-key", account["organisation"], "payments", "--temporal", "default")["api_key"]
    plugin = CosignetPlugin(url=stack.url, api_key=key, trust=trust)
    temporal = await Client.connect(stack.environment["TEMPORAL_ADDRESS"], plugins=[plugin])
    worker = Worker(temporal, task_queue=QUEUE, workflows=[PayInvoice, CheatingAgent], activities=[wire_transfer])
    async with worker, CosignetClient(stack.url, key) as cosignet:
        yield Scene(stack, anna, cosignet, temporal, trust, set())
    await anna.close()


async def _approve(scene: Scene) -> None:
    say("1. An agent wants to wire 250 EUR. Its workflow asks, and waits.")
    handle = await scene.start(PayInvoice.run, HONEST)
    link = await scene.next_link()
    shown = await scene.anna.open(link)
    tell(f"Anna's link shows: {shown['action']}")
    tell(f"exactly this will run: {json.dumps(shown['payload'])}")
    tell(f"asked by: {shown['requester']}, until {shown['deadline']}")
    await scene.anna.decide(link, "approve")
    tell(f"Anna signs. The guarded activity runs: {await handle.result()}")
    await show_evidence(await scene.cosignet.evidence(shown["id"]), scene.trust, scene.stack.data)


async def _cheat(scene: Scene) -> None:
    say("2. An agent gets 250 EUR approved and tries to wire 9,250.")
    handle = await scene.start(CheatingAgent.run, HONEST, Transfer("Mallory", HONEST.iban, "9250.00", "EUR"))
    await scene.anna.decide(await scene.next_link(), "approve")
    tell(f"The worker refuses: {await _failure(handle)}")


async def _reject(scene: Scene) -> None:
    say("3. Anna rejects, and says why.")
    handle = await scene.start(PayInvoice.run, HONEST)
    await scene.anna.decide(await scene.next_link(), "reject", "we paid this invoice in October")
    tell(f"The agent's workflow gets: {await _failure(handle)}")


async def _ask_and_stay_silent(scene: Scene, account: dict[str, Any]) -> Confirmation:
    async with CosignetClient(scene.stack.url, account["api_key"]) as agent:
        asked = await agent.request(
            action="Delete the production database",
            payload={"database": "production"},
            approvers=["anna@example.com"],
            expires_in=30,
        )
    await scene.next_link()
    return asked


async def _expire(scene: Scene, account: dict[str, Any], silent: Confirmation) -> None:
    say("4. Half a minute ago another agent asked, over HTTP, to delete a database. Nobody has answered.")
    async with CosignetClient(scene.stack.url, account["api_key"]) as agent:
        ended = await agent.wait(silent.id, PATIENCE)
    if ended.status != "expired" or ended.usable:
        raise RuntimeError(f"silence ended in {ended.status}")
    tell(f"Silence is not approval: {ended.status}.")


async def _failure(handle: WorkflowHandle[Any, str]) -> str:
    """Why a workflow failed; it must have."""
    try:
        receipt = await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        return cause.message if isinstance(cause, FailureError) else str(cause)
    raise RuntimeError(f"this must not have run: {receipt}")
