"""`cosignet.Housekeeping`: one sweep, run by a Temporal schedule every minute."""

from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy

from activities.sweeping import HousekeepingSteps, Sweep
from workflows.scheduling import create_schedule

WORKFLOW = "cosignet.Housekeeping"
SCHEDULE_ID = "cosignet-housekeeping"
INTERVAL = timedelta(minutes=1)


@workflow.defn(name=WORKFLOW, sandboxed=False)
class Housekeeping:
    """Sweep once; what fails now is found again by the next sweep."""

    @workflow.run
    async def run(self) -> Sweep:
        """Run one sweep and return what it mended."""
        return await workflow.execute_activity_method(
            HousekeepingSteps.sweep,
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary="Compare rows and workflows",
        )


async def schedule_housekeeping(client: Client) -> None:
    """Create the schedule; one that exists is left as it is."""
    await create_schedule(client, SCHEDULE_ID, WORKFLOW, workflow_id="cosignet-sweep", every=INTERVAL)
