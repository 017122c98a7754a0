"""Faults of both kinds: the activity failed, and the activity worked but its answer was lost."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor


@dataclass
class Faults(Interceptor):
    """The first `times` runs of activity `name` fail `before` or `after` its body, or are `slow` by `seconds`.

    `kind` is the error's: an activity's own, or that of a worker which breaks down.
    """

    name: str
    times: int = 1
    when: str = "before"
    seconds: float = 0
    kind: type[FailureError] = ApplicationError
    runs: Counter[str] = field(default_factory=Counter)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Faulty(next, self)


class _Faulty(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, faults: Faults) -> None:  # noqa: A002
        super().__init__(next)
        self._faults = faults

    async def execute_activity(self, call: ExecuteActivityInput) -> Any:
        name = activity.info().activity_type
        self._faults.runs[name] += 1
        due = name == self._faults.name and self._faults.runs[name] <= self._faults.times
        if due and self._faults.when == "before":
            raise self._faults.kind("injected: nothing was done")
        answer = await self.next.execute_activity(call)
        if due and self._faults.when == "after":
            raise self._faults.kind("injected: it was done, and the answer is lost")
        if due and self._faults.when == "slow":
            await asyncio.sleep(self._faults.seconds)
        return answer
