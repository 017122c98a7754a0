"""Records the histories that test_example.py replays: `python -m tests.library.record_histories`.

Recorded once per released shape of `require_approval`. A history is never replaced by one of newer code: workflows
that wait for days were started by the old one.
"""

import asyncio
import contextlib
import gc
import sysconfig
from pathlib import Path

from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from cosignet.temporal.testing import APPROVE, EXPIRE, FakeApprovals, reject
from examples.wire_transfer.transfers import PayInvoice, Transfer, wire_transfer

HISTORIES = Path(__file__).parent / "histories"
TRANSFER = Transfer("ACME GmbH", "DE02120300000000202051", "250.00", "EUR")
ANSWERS = {"approved": APPROVE, "rejected": reject("wrong IBAN"), "expired": EXPIRE}


async def record(environment, name, answer):
    approvals = FakeApprovals(lambda ask: answer)
    options = {"workflows": [PayInvoice], "activities": [wire_transfer], "plugins": [approvals.plugin]}
    async with (
        approvals.worker(environment.client),
        Worker(environment.client, task_queue="payments", identity="agent", **options),
    ):
        handle = await environment.client.start_workflow(
            PayInvoice.run, TRANSFER, id=f"invoice-{name}", task_queue="payments"
        )
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
    (HISTORIES / f"{name}.json").write_text((await handle.fetch_history()).to_json() + "\n")


async def main():
    binary = Path(sysconfig.get_path("scripts")) / "temporal"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(binary), identity="recorder"
    ) as environment:
        for name, answer in ANSWERS.items():
            await record(environment, name, answer)


if __name__ == "__main__":
    asyncio.run(main())
    gc.collect()
