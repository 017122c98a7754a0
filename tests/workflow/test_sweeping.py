"""What one sweep mends, and what it leaves alone: it may be wrong about a workflow, never about a row."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment

from activities.closing import close_confirmation, read_standing
from activities.sweeping import HousekeepingSteps
from tests.acme import found_acme

ENDED = [status for status in WorkflowExecutionStatus if status is not WorkflowExecutionStatus.RUNNING]


@dataclass
class Workflows:
    """What Temporal says of every workflow, and what it is asked to do."""

    says: WorkflowExecutionStatus | None
    meanwhile: object = None
    started: list[str] = field(default_factory=list)

    async def running(self):
        return set()

    async def status(self, confirmation):
        if self.meanwhile:
            await self.meanwhile(confirmation)
        return self.says

    async def start(self, row):
        self.started.append(row.id)


@pytest.fixture
async def acme(database):
    return await found_acme(database)


@pytest.fixture
def no_grace(monkeypatch):
    monkeypatch.setattr("activities.sweeping.GRACE", timedelta(0))


async def sweep(acme, workflows):
    """Of one confirmation that is pending: how it stands after a sweep, and what was done."""
    confirmation = secrets.token_hex(16)
    await acme.ask(confirmation)
    done = await ActivityEnvironment().run(HousekeepingSteps(acme.deployment, workflows).sweep)
    return (await read_standing(acme.deployment, confirmation)).row.status, done.started, done.closed


@pytest.mark.parametrize("says", ENDED)
async def test_a_row_whose_workflow_has_ended_is_cancelled(acme, no_grace, says):
    assert await sweep(acme, Workflows(says)) == ("cancelled", 0, 1)


async def test_a_row_whose_workflow_runs_is_left_alone(acme, no_grace):
    assert await sweep(acme, Workflows(WorkflowExecutionStatus.RUNNING)) == ("pending", 0, 0)


@pytest.mark.parametrize(("late", "ended"), [(-1, "pending"), (0, "pending"), (120, "pending"), (121, "expired")])
async def test_a_row_that_no_workflow_ends_in_time_expires(acme, late, ended):
    async def clock(tx):
        return row.deadline + timedelta(seconds=late)

    confirmation = secrets.token_hex(16)
    row = await acme.ask(confirmation)
    acme.database.clock = clock
    workflows = Workflows(WorkflowExecutionStatus.RUNNING)
    await ActivityEnvironment().run(HousekeepingSteps(acme.deployment, workflows).sweep)
    assert (await read_standing(acme.deployment, confirmation)).row.status == ended


async def test_a_row_without_a_workflow_gets_one(acme, no_grace):
    workflows = Workflows(None)
    assert await sweep(acme, workflows) == ("pending", 1, 0)
    assert len(workflows.started) == 1


async def test_a_row_that_ends_meanwhile_stays_as_it_ended(acme, no_grace):
    async def expire(confirmation):
        await close_confirmation(acme.deployment, confirmation, "expired")

    workflows = Workflows(WorkflowExecutionStatus.TERMINATED, expire)
    assert await sweep(acme, workflows) == ("expired", 0, 0)


@pytest.mark.parametrize("says", [None, WorkflowExecutionStatus.TERMINATED])
async def test_a_row_that_is_brand_new_is_left_alone(acme, says):
    assert await sweep(acme, Workflows(says)) == ("pending", 0, 0)
