"""Hands the agent an invoice and waits for what becomes of it: `python -m examples.wire_transfer.start`."""

import asyncio
import gc
import uuid

from temporalio.client import Client, WorkflowFailureError
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError

from examples.wire_transfer.transfers import PayInvoice, Transfer
from examples.wire_transfer.worker import TASK_QUEUE


async def main() -> None:
    """Print the receipt, or why there is none."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    transfer = Transfer("ACME GmbH", "DE02120300000000202051", "250.00", "EUR")
    try:
        receipt = await client.execute_workflow(
            PayInvoice.run, transfer, id=f"invoice-{uuid.uuid4()}", task_queue=TASK_QUEUE
        )
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        print(f"not paid: {error.cause}")
    else:
        print(f"paid: {receipt}")


if __name__ == "__main__":
    asyncio.run(main())
    # The SDK's core must be gone before the interpreter is: https://github.com/temporalio/sdk-python/issues/300
    gc.collect()
