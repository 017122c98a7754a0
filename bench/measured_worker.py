"""The product's worker with instruments on its activities; at the end it writes what they show to the given file."""

import asyncio
import gc
import json
import logging
import sys
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

import worker
from bench.instruments import Instruments


class Measuring(Interceptor):
    """Every activity is a step."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Put the instruments around it."""
        return _Measured(next, self.instruments)


class _Measured(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, instruments: Instruments) -> None:  # noqa: A002
        super().__init__(next)
        self._instruments = instruments

    async def execute_activity(self, call: ExecuteActivityInput) -> Any:
        with self._instruments.during(activity.info().activity_type):
            return await self.next.execute_activity(call)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    measured = Instruments()
    asyncio.run(worker.main(interceptors=[Measuring(measured)]))
    Path(sys.argv[1]).write_text(json.dumps(measured.as_json()))
    gc.collect()
