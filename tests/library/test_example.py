"""The example that README shows: what it costs its author, that it runs over HTTP, and that its histories replay."""

import asyncio
import difflib
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, Worker
from temporalio.workflow import NondeterminismError

from cosignet.temporal import CosignetPlugin
from cosignet.temporal.testing import FakeApprovals, reject
from examples.wire_transfer import before
from examples.wire_transfer.before import transfers as transfers_before
from examples.wire_transfer.transfers import PayInvoice, Transfer, wire_transfer
from examples.wire_transfer.worker import TASK_QUEUE
from tests.library.http_double import KEY
from tests.library.stage import failure

ROOT = Path(__file__).parents[2]
BEFORE = Path(before.__file__).parent
HISTORIES = Path(__file__).parent / "histories"
TRANSFER = Transfer("ACME GmbH", "DE02120300000000202051", "250.00", "EUR")
RECEIPT = "sent 250.00 EUR to ACME GmbH, DE02120300000000202051"


def added_lines(name):
    """The lines of the guarded agent that the unguarded one does not have; where a file lies is no change."""
    old = (BEFORE / name).read_text().replace("wire_transfer.before", "wire_transfer").splitlines()
    new = (BEFORE.parent / name).read_text().splitlines()
    return [line for line in difflib.ndiff(old, new) if line.startswith("+ ") and line[2:].strip()]


def test_author_adds_at_most_ten_lines():
    assert 0 < len(added_lines("transfers.py")) + len(added_lines("worker.py")) <= 10


class Agent:
    """The example's worker over HTTP: a double serves what fake approvals decided."""

    def __init__(self, client, double, approvals, *, api_key=KEY):
        double.fake = approvals
        self.client = client
        self.double = double
        self.plugin = CosignetPlugin(url=double.url, api_key=api_key, trust=approvals._approver.trust)
        self.worker = Worker(
            client, task_queue=TASK_QUEUE, workflows=[PayInvoice], activities=[wire_transfer], plugins=[self.plugin]
        )

    async def pay(self):
        return await self.client.execute_workflow(
            PayInvoice.run,
            TRANSFER,
            id=f"invoice-{uuid.uuid4()}",
            task_queue=TASK_QUEUE,
            task_timeout=timedelta(seconds=2),
        )


async def test_invoice_is_paid_over_http(temporal_env, double):
    approvals = FakeApprovals()
    agent = Agent(temporal_env.client, double, approvals)
    async with approvals.worker(agent.client), agent.worker:
        assert await agent.pay() == RECEIPT
    assert approvals.asked[0].action == "Wire 250.00 EUR to ACME GmbH"
    calls = [(method, path.rpartition("/")[2]) for method, path, _, _, _ in double.seen]
    assert calls == [("GET", "evidence"), ("GET", "evidence"), ("POST", "consume")]


async def test_rejected_invoice_is_not_paid(temporal_env, double):
    approvals = FakeApprovals(lambda ask: reject("wrong IBAN"))
    agent = Agent(temporal_env.client, double, approvals)
    async with approvals.worker(agent.client), agent.worker:
        error = await failure(agent.pay())
    assert (error.type, list(error.details)) == ("cosignet.rejected", ["rejected", ["wrong IBAN"]])


async def test_wrong_api_key_pays_nothing(temporal_env, double):
    approvals = FakeApprovals()
    agent = Agent(temporal_env.client, double, approvals, api_key="ck_another")
    async with approvals.worker(agent.client), agent.worker:
        error = await failure(agent.pay())
    assert error.type == "cosignet.unverified"
    assert "key.unknown" in error.message


def script(module, client=None):
    """One of the example's scripts, run as README says, with the environment's configuration."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("COSIGNET_")}
    if client is not None:
        found["TEMPORAL_ADDRESS"] = client.service_client.config.target_host
    command = [sys.executable, "-m", f"examples.wire_transfer.{module}"]
    return {"args": command, "env": found, "cwd": ROOT, "capture_output": True, "text": True, "timeout": 60}


async def test_starter_prints_what_became_of_the_invoice(temporal_env, double):
    approvals = FakeApprovals()
    agent = Agent(temporal_env.client, double, approvals)
    async with approvals.worker(agent.client), agent.worker:
        ended = await asyncio.to_thread(subprocess.run, **script("start", agent.client), check=False)
    assert (ended.returncode, ended.stdout) == (0, f"paid: {RECEIPT}\n")


def test_worker_does_not_start_without_trust():
    ended = subprocess.run(**script("worker"), check=False)
    assert ended.returncode != 0
    assert "plugin.trust: no trust file is named" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["approved", "rejected", "expired"])
async def test_recorded_history_replays(name):
    """Under a trust that would not believe its evidence today: what was verified once is history."""
    history = WorkflowHistory.from_json(f"invoice-{name}", (HISTORIES / f"{name}.json").read_text())
    replayer = Replayer(workflows=[PayInvoice], plugins=[FakeApprovals().plugin])
    await replayer.replay_workflow(history)


async def test_replay_would_notice_another_workflow():
    history = WorkflowHistory.from_json("invoice-approved", (HISTORIES / "approved.json").read_text())
    replayer = Replayer(workflows=[transfers_before.PayInvoice], plugins=[FakeApprovals().plugin])
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history)
