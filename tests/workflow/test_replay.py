"""Saved histories of earlier releases replay, and nothing depends on a workflow staying in memory."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from cosignet.core.encoding import b64u
from cosignet.temporal.contract import APPROVAL_SIGNAL
from workflows.approval import Approval

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


async def test_there_are_histories():
    endings = {path.stem.split("-")[-1] for path in HISTORIES}
    assert endings >= {"approved", "rejected", "expired", "cancelled", "quorum", "signalled"}


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_saved_history_replays(path):
    replayer = Replayer(workflows=[Approval])
    await replayer.replay_workflow(WorkflowHistory.from_json(f"approval-{path.stem}", path.read_text()))


async def test_without_a_cache_every_step_is_a_replay(service):
    service.max_cached_workflows = 0
    async with service.worker():
        confirmation, handle = await service.start(approvers=["anna@example.com", "ben@example.com"], threshold=2)
        await service.inbox.told("ben@example.com")
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(b"not a signature")))
        assert (await service.vote(confirmation, nonce, vote)).status == "pending"
        again = await service.vote(confirmation, nonce, vote)
        assert (again.accepted, again.status) == (True, "pending")
        nonce, vote = await service.acme.sign(confirmation, "ben")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await asyncio.wait_for(handle.result(), 30)).status == "approved"
