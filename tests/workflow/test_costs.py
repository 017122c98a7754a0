"""What one approval costs Temporal, exactly, beside the least that any waiting workflow costs."""

import asyncio
import secrets
from dataclasses import dataclass

from temporalio.worker import Worker

from tests.workflow.minimal import MinimalApproval

MAX_EVENTS = 22
MAX_TRANSITIONS = 7


@dataclass
class Cost:
    events: int
    transitions: int


async def cost_of(handle):
    info = (await handle.describe()).raw_description.workflow_execution_info
    return Cost(info.history_length, info.state_transition_count)


async def test_an_approval_costs_at_most_22_events_and_7_transitions(service):
    queue = f"minimal-{secrets.token_hex(4)}"
    async with service.worker(), Worker(service.client, task_queue=queue, workflows=[MinimalApproval]):
        minimal = await service.client.start_workflow(MinimalApproval.run, id=queue, task_queue=queue)
        await asyncio.sleep(0.2)
        await minimal.execute_update(MinimalApproval.approve)
        await minimal.result()
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        # The notification's completion reaches the history a moment after the message arrived.
        await asyncio.sleep(0.3)
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await service.vote(confirmation, nonce, vote)
        await handle.result()
        least, ours = await cost_of(minimal), await cost_of(handle)
    assert least == Cost(events=12, transitions=4)
    assert ours.events <= MAX_EVENTS
    assert ours.transitions <= MAX_TRANSITIONS
