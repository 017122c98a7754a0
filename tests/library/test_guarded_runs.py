"""Guarded activities on the real server: each approval carries one call, and a call without one does not run."""

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from cosignet.temporal.testing import FakeApprovals
from tests.library.agents import ACTIVITIES, Transfer, wire
from tests.library.stage import Stage, failure, plan

ACME = Transfer("ACME", "250.00")
OTHER = Transfer("ACME", "250.01")


@pytest.fixture
async def stage(temporal_env):
    stage = Stage(temporal_env.client)
    async with stage.fake_service():
        yield stage


async def refused(running, code):
    error = await failure(running)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.details[0], error.non_retryable) == ("cosignet.guard", code, True)


@pytest.mark.parametrize("activity", ["wire", "wire_abroad", "wire_from_thread", "wire_by_method"])
@pytest.mark.parametrize("local", [False, True])
async def test_approved_call_runs(stage, activity, local):
    async with stage.up():
        (said,) = await stage.run(plan(ACME, activity=activity, run=[(activity, ACME)], local=local))
    assert said.startswith("250.00 to ACME")


@pytest.mark.parametrize("local", [False, True])
async def test_retry_is_the_same_execution(stage, local):
    activity = "wire_at_second_try"
    async with stage.up():
        said = await stage.run(plan(ACME, activity=activity, run=[(activity, ACME)], attempts=2, local=local))
    assert said == ["250.00 to ACME, at last"]


async def test_two_equal_transfers_need_two_approvals(stage):
    async with stage.up():
        assert await stage.run(plan(ACME, ACME)) == ["250.00 to ACME", "250.00 to ACME"]
        assert len(stage.approvals.asked) == 2
        await refused(stage.run(plan(ACME, run=[("wire", ACME), ("wire", ACME)])), "guard.no_approval")


async def test_approvals_find_their_calls_in_any_order(stage):
    async with stage.up():
        said = await stage.run(plan(ACME, OTHER, run=[("wire", OTHER), ("wire", ACME)]))
    assert said == ["250.01 to ACME", "250.00 to ACME"]


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize(
    "run", [("wire", OTHER), ("wire_abroad", ACME), ("wire_from_thread", ACME), ("wire", Transfer("Acme", "250.00"))]
)
async def test_approval_of_something_else_carries_nothing(stage, run, local):
    async with stage.up():
        await refused(stage.run(plan(ACME, run=[run], local=local)), "guard.no_approval")


async def test_workflow_that_never_asked_cannot_run_it(stage):
    async with stage.up():
        await refused(stage.run(plan(run=[("wire", ACME)])), "guard.no_approval")


async def test_worker_without_the_plugin_runs_nothing(stage):
    bare = Worker(stage.client, task_queue="bare", activities=[wire])
    async with stage.up(bare):
        await refused(stage.run(plan(ACME, activity_queue="bare")), "guard.no_plugin")


async def test_worker_that_trusts_others_runs_nothing(stage):
    strangers = Stage(stage.client, service=stage.approvals)
    strange = strangers.worker(task_queue="strange", workflows=[], activities=ACTIVITIES)
    async with stage.up(strange):
        await refused(stage.run(plan(ACME, activity_queue="strange")), "trust.log")


async def test_worker_of_another_service_runs_nothing(stage):
    strangers = Stage(stage.client, FakeApprovals())
    strange = strangers.worker(task_queue="strange", workflows=[], activities=ACTIVITIES)
    async with stage.up(strange):
        await refused(stage.run(plan(ACME, activity_queue="strange")), "confirmation.unknown")


async def test_nothing_is_remembered_outside_of_history(stage):
    async with stage.up(max_cached_workflows=0):
        assert await stage.run(plan(ACME, OTHER)) == ["250.00 to ACME", "250.01 to ACME"]
        await refused(stage.run(plan(ACME, run=[("wire", ACME), ("wire", ACME)])), "guard.no_approval")
