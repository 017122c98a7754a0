"""A worker of the minimal workflow alone, in a process of its own, with its module passed through as ours are."""

import asyncio
import gc
import signal

from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from settings import connect_temporal
from tests.workflow.minimal import MinimalApproval

TASK_QUEUE = "minimal"


async def main() -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("tests"))
    client = await connect_temporal()
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[MinimalApproval], workflow_runner=runner):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
    gc.collect()
