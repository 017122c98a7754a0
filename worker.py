"""The worker: connects to Temporal, registers workflows and activities, and runs until it is told to stop."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.approvals import ApprovalWorkflows, has_search_attributes
from activities.deployment import Deployment
from activities.key_file import KeyFile
from activities.log_steps import LogSteps
from activities.mark import MarkFile
from activities.notifying import OutboxNotifier
from activities.publishing import Publisher
from activities.steps import ApprovalSteps
from activities.sweeping import HousekeepingSteps
from cosignet.errors import CosignetError
from cosignet.temporal.contract import LOG_TASK_QUEUE, TASK_QUEUE
from settings import Settings, connect_temporal, read_settings
from workflows.approval import Approval
from workflows.housekeeping import Housekeeping, schedule_housekeeping
from workflows.publishing import Publishing, schedule_publishing

logger = logging.getLogger("cosignet.worker")


async def build_worker(
    client: Client, settings: Settings, deployment: Deployment, interceptors: Sequence[Interceptor] = ()
) -> Worker:
    """A worker of this deployment on `client`'s namespace."""
    attributes = await has_search_attributes(client)
    steps = ApprovalSteps(
        deployment,
        OutboxNotifier(settings.data_dir / "outbox"),
        namespace=client.namespace,
        organisation=settings.temporal_organisation,
        search_attributes=attributes,
    )
    sweeping = HousekeepingSteps(deployment, ApprovalWorkflows(client, search_attributes=attributes))
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Approval, Housekeeping, Publishing],
        activities=[
            steps.open,
            steps.read_voters,
            steps.notify,
            steps.record_vote,
            steps.close,
            steps.read_outcome,
            sweeping.sweep,
        ],
        interceptors=interceptors,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )


def build_publisher(client: Client, settings: Settings, deployment: Deployment) -> Worker:
    """What signs the log's heads on this machine, which has the key and the high-water mark."""
    mark = MarkFile(settings.log_mark_path)
    interval = timedelta(seconds=settings.log_interval)
    publisher = Publisher(deployment, KeyFile(settings.log_key_path), mark, interval=interval)
    return Worker(
        client,
        task_queue=LOG_TASK_QUEUE,
        activities=[LogSteps(publisher, mark).publish],
        max_concurrent_activities=1,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )


async def main(interceptors: Sequence[Interceptor] = ()) -> None:
    """Run until SIGTERM or SIGINT; `interceptors` are for whoever wraps this worker (tracing, fault tests)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings, deployment = read_settings()
    await deployment.prepare()
    client = await connect_temporal()
    worker = await build_worker(client, settings, deployment, interceptors)
    await schedule_housekeeping(client)
    await schedule_publishing(client)
    async with AsyncExitStack() as running:
        await running.enter_async_context(worker)
        if settings.log_publisher:
            await running.enter_async_context(build_publisher(client, settings, deployment))
        logger.info("Serving task queue %s in namespace %s", TASK_QUEUE, client.namespace)
        await stop.wait()
    await deployment.database.close()


def run() -> int:
    """Exit status: 0 after a signal, 1 when something is missing that a worker needs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(main())
    except CosignetError as error:
        logger.error("Not started: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    try:
        status = run()
    finally:
        # The SDK's runtime can abort at interpreter exit when a connection is still to be collected.
        gc.collect()
    sys.exit(status)
