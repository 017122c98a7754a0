"""Housekeeping: rows and workflows that lost sight of each other find together again, and never as an approval."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus

from activities.approvals import ApprovalWorkflows
from activities.closing import close_confirmation
from activities.deployment import Deployment
from cosignet.core.decision import Status
from store.confirmations import get_confirmation, get_statuses, list_overdue, list_pending

# Younger rows may still be on their way to their workflow.
GRACE = timedelta(seconds=30)
# So long after its deadline a workflow that could have ended its row has done so.
OVERDUE = timedelta(minutes=2)
_BATCH = 500


@dataclass(frozen=True)
class Sweep:
    """How many workflows were started that were missing, rows closed that no workflow would close, workflows told."""

    started: int
    closed: int
    told: int


class HousekeepingSteps:
    """The activity of `cosignet.Housekeeping`."""

    def __init__(self, deployment: Deployment, workflows: ApprovalWorkflows) -> None:
        self._deployment = deployment
        self._workflows = workflows

    @activity.defn(name="cosignet.sweep")
    async def sweep(self) -> Sweep:
        """Compare every pending row with its workflow, and every running workflow with its row."""
        # Visibility lags behind, so it only tells where to look; each finding is checked with the workflow itself.
        running = await self._workflows.running()
        async with self._deployment.database.read() as tx:
            now = await self._deployment.database.clock(tx)
            pending = await list_pending(tx, created_before=now - GRACE)
            overdue = await list_overdue(tx, deadline_before=now - OVERDUE)
        started = closed = 0
        for confirmation in pending:
            if confirmation in overdue:
                closed += await self._close(confirmation)
            elif confirmation not in running:
                status = await self._workflows.status(confirmation)
                started += status is None and await self._start(confirmation)
                closed += status not in (None, WorkflowExecutionStatus.RUNNING) and await self._close(confirmation)
            activity.heartbeat()
        return Sweep(started, closed, await self._tell(sorted(running)))

    async def _start(self, confirmation: str) -> bool:
        async with self._deployment.database.read() as tx:
            row = await get_confirmation(tx, confirmation)
        if row is None:
            return False
        await self._workflows.start(row)
        return True

    async def _close(self, confirmation: str) -> bool:
        async with self._deployment.database.read() as tx:
            row = await get_confirmation(tx, confirmation)
            now = await self._deployment.database.clock(tx)
        if row is None or row.status != Status.PENDING:
            return False
        await close_confirmation(self._deployment, confirmation, "expired" if now >= row.deadline else "cancelled")
        return True

    async def _tell(self, running: list[str]) -> int:
        told = 0
        for first in range(0, len(running), _BATCH):
            async with self._deployment.database.read() as tx:
                statuses = await get_statuses(tx, running[first : first + _BATCH])
            for confirmation in (c for c, status in statuses.items() if Status(status).final):
                await self._workflows.sync(confirmation)
                told += 1
            activity.heartbeat()
        return told
