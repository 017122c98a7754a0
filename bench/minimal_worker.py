"""A worker of the minimal workflow alone, in a process of its own, outside the sandbox as ours are."""

import asyncio
import gc
import signal

from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from settings import connect_temporal
from tests.workflow.minimal import MinimalApproval

TASK_QUEUE = "minimal"


async def main() -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = UnsandboxedWorkflowRunner()
    client = await connect_temporal()
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[MinimalApproval], workflow_runner=runner):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
    gc.collect()
