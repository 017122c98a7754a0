"""One approved call of a guarded activity, with the real interceptor and verifier around it, and no server."""

import asyncio
import inspect
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from cosignet.errors import Conflict
from cosignet.temporal._action import payload_of
from cosignet.temporal._guard import GuardInterceptor
from cosignet.temporal._held import HEADER
from cosignet.temporal._verification import Verifier
from cosignet.temporal.contract import Ask
from cosignet.temporal.testing import APPROVE, PERSON, FakeApprover
from cosignet.testing import SoftwarePasskey
from tests.library.agents import Transfer, wire

TRANSFER = Transfer("ACME", "250.00")
CONVERTER = PayloadConverter.default
EXECUTION = "temporal:default/w1/wire"


class Memory:
    """The service: what it holds, who consumed, and what it fails with."""

    def __init__(self):
        self.documents = {}
        self.consumed = []
        self.evidence_fails = None
        self.consume_fails = None

    async def evidence(self, confirmation):
        if self.evidence_fails:
            raise self.evidence_fails
        return self.documents[confirmation]

    async def consume(self, confirmation, payload_hash, consumer):
        if self.consume_fails:
            raise self.consume_fails
        self.consumed.append((confirmation, payload_hash, consumer))
        if len({consumer for _, _, consumer in self.consumed}) > 1:
            raise Conflict("confirmation.consumed", "used by another consumer")


class Body(ActivityInboundInterceptor):
    """The end of the chain: runs the function as the SDK does, in a thread when it is not asynchronous."""

    def __init__(self):
        self.runs = 0

    async def execute_activity(self, input):  # noqa: A002
        if inspect.iscoroutinefunction(input.fn) or inspect.iscoroutinefunction(type(input.fn).__call__):
            result = await input.fn(*input.args)
        else:
            result = await asyncio.to_thread(input.fn, *input.args)
        self.runs += 1
        return result


class Desk:
    """One approved call of `wire`, and everything needed to run it or something else."""

    def __init__(self):
        self.approver = FakeApprover(SoftwarePasskey(PERSON))
        self.service = Memory()
        self.body = Body()
        self.trust = self.approver.trust
        self.file(self.sign())

    def ask(self, activity_type="wire", arguments=(TRANSFER,), execution=EXECUTION):
        payload = payload_of(activity_type, arguments, CONVERTER)
        return Ask("Wire money", payload.canonical.decode(), execution=execution)

    def sign(self, ask=None, answer=APPROVE, *, approver=None, age=timedelta(0), confirmation="c1", **changes):
        ask, approver = ask or self.ask(), approver or self.approver
        terms = approver.terms(confirmation, ask)
        past = {name: getattr(terms, name) - age for name in ("created_at", "deadline", "valid_until")}
        return approver.evidence(replace(terms, **past, **changes), ask, answer)

    def file(self, document, confirmation="c1"):
        self.service.documents[confirmation] = document

    async def run(self, function=wire, arguments=(TRANSFER,), *, header="c1", **info):
        headers = {} if header is None else {HEADER: CONVERTER.to_payload(header)}
        call = ExecuteActivityInput(fn=function, args=list(arguments), executor=None, headers=headers)
        return await self.as_activity(self.guard.execute_activity, call, **info)

    @property
    def guard(self):
        return GuardInterceptor(self.body, Verifier(self.service, self.trust))

    async def as_activity(self, function, *arguments, **info):
        environment = ActivityEnvironment()
        defaults = {"activity_type": "wire", "workflow_id": "w1", "workflow_run_id": "r1", "activity_id": "1"}
        environment.info = replace(environment.info, **{**defaults, **info})
        return await environment.run(function, *arguments)

    @contextmanager
    def refuses(self, code, *, again=False):
        """Whatever happens, the function does not run, and the failure says why and whether to come back."""
        with pytest.raises(ApplicationError) as caught:
            yield caught
        error = caught.value
        assert (error.type, error.details[0], error.non_retryable) == ("cosignet.guard", code, not again)
        assert self.body.runs == 0
