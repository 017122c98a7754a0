"""The real worker, which kills the Temporal server and itself as soon as a vote is committed."""

import asyncio
import os
import signal
import sys
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker


class _Fatal(ActivityInboundInterceptor):
    async def execute_activity(self, call: ExecuteActivityInput) -> Any:
        answer = await self.next.execute_activity(call)
        if activity.info().activity_type == "cosignet.record_vote":
            os.kill(int(sys.argv[1]), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class FatalInterceptor(Interceptor):
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Fatal(next)


if __name__ == "__main__":
    asyncio.run(worker.main(interceptors=[FatalInterceptor()]))
