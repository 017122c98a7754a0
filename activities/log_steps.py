"""The activity that signs the log's heads, for as long as its worker runs."""

import asyncio
import logging

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.mark import MarkFile
from activities.publishing import Publisher
from cosignet.errors import Unavailable

logger = logging.getLogger(__name__)

PAUSE = 0.1
PAUSE_AFTER_FAILURE = 1.0


class LogSteps:
    """The activity of `cosignet.Publisher`: one process at a time holds the mark, and with it the right to sign."""

    def __init__(self, publisher: Publisher, mark: MarkFile) -> None:
        self._publisher = publisher
        self._mark = mark
        self._begun = False

    @activity.defn(name="cosignet.publish")
    async def publish(self) -> None:
        """Append what waits and sign what has grown, until the worker stops; then another one goes on."""
        stopping = asyncio.ensure_future(activity.wait_for_worker_shutdown())
        complaint = ""
        try:
            with self._mark.held():
                while not stopping.done():
                    said, complaint = complaint, await self._step()
                    if complaint and complaint != said:
                        logger.warning("No head of the log was signed: %s", complaint)
                    activity.heartbeat(complaint)
                    await asyncio.wait([stopping], timeout=PAUSE_AFTER_FAILURE if complaint else PAUSE)
        except Unavailable as error:
            raise ApplicationError(error.detail, type=error.code) from error
        finally:
            stopping.cancel()
        raise ApplicationError("this worker stops", type="worker.stops")

    async def _step(self) -> str:
        try:
            if not self._begun:
                await self._publisher.begin()
                self._begun = True
            await self._publisher.step()
        except Unavailable as error:
            return str(error)
        return ""
