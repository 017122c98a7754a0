"""The lock on a guarded function: shut in every place where our interceptor has not opened it for this one run."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ExecuteActivityInput

from cosignet.temporal import guarded
from cosignet.temporal._held import HEADER
from tests.library.agents import Bank, Transfer, WireByInstance, wire, wire_abroad, wire_from_thread
from tests.library.desk import CONVERTER, TRANSFER, Body


async def test_locked_function_refuses_a_plain_call(desk):
    with desk.refuses("guard.no_plugin"):
        await wire(TRANSFER)
    with desk.refuses("guard.no_plugin"):
        wire_from_thread(TRANSFER)
    with desk.refuses("guard.no_plugin"):
        await Bank("the bank").wire_by_method(TRANSFER)


async def test_locked_function_refuses_a_worker_without_the_plugin(desk):
    with desk.refuses("guard.no_plugin"):
        await ActivityEnvironment().run(wire, TRANSFER)


async def test_key_opens_no_other_function(desk):
    @activity.defn(name="wire")
    @guarded
    async def two_in_one(transfer: Transfer) -> str:
        return await wire_abroad(transfer)

    with desk.refuses("guard.no_plugin"):
        await desk.run(two_in_one)


async def test_key_opens_once(desk):
    class Twice(Body):
        async def execute_activity(self, input):  # noqa: A002
            await input.fn(*input.args)
            return await super().execute_activity(input)

    desk.body = Twice()
    with desk.refuses("guard.no_plugin"):
        await desk.run()


async def test_key_is_gone_after_the_run(desk):
    await desk.run()
    desk.body.runs = 0
    with desk.refuses("guard.no_plugin"):
        await wire(TRANSFER)


async def test_key_that_nobody_used_is_taken_back(desk):
    class Lost(Body):
        async def execute_activity(self, input):  # noqa: A002
            raise ZeroDivisionError

    async def run_and_call(call):
        with pytest.raises(ZeroDivisionError):
            await desk.guard.execute_activity(call)
        await wire(TRANSFER)

    desk.body = Lost()
    call = ExecuteActivityInput(fn=wire, args=[TRANSFER], executor=None, headers={HEADER: CONVERTER.to_payload("c1")})
    with desk.refuses("guard.no_plugin"):
        await desk.as_activity(run_and_call, call)


@pytest.mark.parametrize(
    ("activity_type", "function", "result"),
    [
        ("wire_abroad", wire_abroad, "250.00 to ACME, abroad"),
        ("wire_from_thread", wire_from_thread, "250.00 to ACME, from a thread"),
        ("wire_by_method", Bank("the bank").wire_by_method, "250.00 to ACME, by the bank"),
        ("WireByInstance", WireByInstance(), "250.00 to ACME, by an instance"),
    ],
)
async def test_every_kind_of_activity_can_be_guarded(desk, activity_type, function, result):
    desk.file(desk.sign(desk.ask(activity_type, execution=f"temporal:default/w1/{activity_type}")))
    assert await desk.run(function, activity_type=activity_type) == result
    desk.body.runs = 0
    with desk.refuses("guard.no_approval"):
        await desk.run(function, header=None, activity_type=activity_type)


def test_key_does_not_reach_another_process():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool, pytest.raises(ApplicationError, match=r"guard\.no_plugin"):
        pool.submit(wire_from_thread, TRANSFER).result()


def test_guarding_twice_is_guarding_once():
    assert guarded(wire) is wire


@pytest.mark.parametrize("thing", [WireByInstance, WireByInstance(), len, "wire", None])
def test_only_functions_can_be_guarded(thing):
    with pytest.raises(TypeError):
        guarded(thing)


async def test_code_inside_can_be_tested_alone():
    assert await wire.__wrapped__(TRANSFER) == "250.00 to ACME"
