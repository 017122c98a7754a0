"""Schedules that start a workflow again and again, unless it runs."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from cosignet.temporal.contract import TASK_QUEUE


async def create_schedule(
    client: Client, schedule: str, workflow: str, *, workflow_id: str, every: timedelta, at_once: bool = False
) -> bool:
    """Create the schedule; one that exists is left as it is, and the answer is False."""
    action = ScheduleActionStartWorkflow(workflow, id=workflow_id, task_queue=TASK_QUEUE)
    wanted = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(schedule, wanted, trigger_immediately=at_once)
    except ScheduleAlreadyRunningError:
        return False
    return True
