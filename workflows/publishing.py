"""Publishing: one activity that some worker always runs, and that signs the log's heads.

A schedule starts the workflow again should it ever end; as long as it runs, the schedule has nothing to do.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

from activities.log_steps import LogSteps
from cosignet.temporal.contract import LOG_TASK_QUEUE
from workflows.scheduling import create_schedule

WORKFLOW = "cosignet.Publisher"
SCHEDULE_ID = WORKFLOW_ID = "cosignet-publisher"
INTERVAL = timedelta(minutes=1)
# So long after a worker died without a word another one takes over.
HEARTBEAT = timedelta(seconds=3)


@workflow.defn(name=WORKFLOW, sandboxed=False)
class Publishing:
    """Keep the publisher running, on whichever worker has the log's key."""

    @workflow.run
    async def run(self) -> None:
        """Never returns: the activity fails when its worker stops, and is tried again on the next."""
        await workflow.execute_activity_method(
            LogSteps.publish,
            task_queue=LOG_TASK_QUEUE,
            start_to_close_timeout=timedelta(days=1),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1),
            summary="Sign the log's heads",
        )


async def schedule_publishing(client: Client) -> None:
    """Create the schedule and have the publisher started; where it runs already nothing happens."""
    create = create_schedule(client, SCHEDULE_ID, WORKFLOW, workflow_id=WORKFLOW_ID, every=INTERVAL, at_once=True)
    if not await create:
        await client.get_schedule_handle(SCHEDULE_ID).trigger()
