"""The agent's worker: `python -m examples.wire_transfer.worker`."""

import asyncio
import gc

from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

from cosignet.temporal import CosignetPlugin
from examples.wire_transfer.transfers import PayInvoice, wire_transfer

TASK_QUEUE = "payments"


async def main() -> None:
    """Work until interrupted."""
    config = ClientConfig.load_client_connect_config()
    client = await Client.connect(**config, plugins=[CosignetPlugin()])
    worker = Worker(client, task_queue=TASK_QUEUE, workflows=[PayInvoice], activities=[wire_transfer])
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
    # The SDK's core must be gone before the interpreter is: https://github.com/temporalio/sdk-python/issues/300
    gc.collect()
