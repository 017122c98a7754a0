"""The real worker with a fuse before and after every activity, and with a housekeeping that is in a hurry."""

import gc
import logging
import sys
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker
from activities import sweeping
from tests.fault.fuse import reached
from workflows import housekeeping


class _Fused(ActivityInboundInterceptor):
    async def execute_activity(self, call: ExecuteActivityInput) -> Any:
        name = activity.info().activity_type
        reached(f"before {name}")
        answer = await self.next.execute_activity(call)
        reached(f"after {name}")
        return answer


class FuseInterceptor(Interceptor):
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Fused(next)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sweeping.GRACE = timedelta(seconds=2)
    housekeeping.INTERVAL = timedelta(seconds=5)
    worker.main = partial(worker.main, interceptors=[FuseInterceptor()])
    try:
        status = worker.run()
    finally:
        gc.collect()
    sys.exit(status)
