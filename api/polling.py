"""Long-polls: one poller per process reads the rows that anybody waits for; those who wait hold no connection."""

import asyncio
import logging
from collections import defaultdict
from itertools import islice

from cosignet.core.decision import Status
from store.confirmations import get_statuses
from store.database import Database

logger = logging.getLogger(__name__)

INTERVAL = 0.25
MAX_WAIT = 55
_BATCH = 500


class Poller:
    """`wait` for a confirmation to end, while `run` is a task of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._somebody = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Look at the rows every quarter of a second as long as somebody waits, for ever."""
        while True:
            await self._somebody.wait()
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001
                # The one poller outlives whatever a single look runs into. Nobody is told anything: to those who
                # wait it looks like a confirmation still pending, and the read after their wait says what is wrong.
                logger.warning("Long-polls go on waiting: %s", type(error).__name__)
            await asyncio.sleep(INTERVAL)

    async def wait(self, confirmation: str, seconds: float) -> None:
        """Return when the confirmation has ended, or after `seconds`: the caller reads the row to know which."""
        if self._stopping:
            return
        ended = asyncio.get_running_loop().create_future()
        self._waiting[confirmation].add(ended)
        self._somebody.set()
        try:
            await asyncio.wait([ended], timeout=seconds)
        finally:
            self._forget(confirmation, ended)

    def stop(self) -> None:
        """Let everybody answer at once with what is known: this process is to end."""
        self._stopping = True
        for confirmation in list(self._waiting):
            self._wake(confirmation)

    async def _look(self) -> None:
        ids = iter(list(self._waiting))
        while batch := list(islice(ids, _BATCH)):
            async with self._database.read() as tx:
                statuses = await get_statuses(tx, batch)
            for confirmation in batch:
                # A row that is gone has nothing left to wait for either.
                if statuses.get(confirmation) != Status.PENDING:
                    self._wake(confirmation)

    def _wake(self, confirmation: str) -> None:
        for ended in self._waiting.get(confirmation, ()):
            if not ended.done():
                ended.set_result(None)

    def _forget(self, confirmation: str, ended: asyncio.Future[None]) -> None:
        others = self._waiting[confirmation]
        others.discard(ended)
        if not others:
            del self._waiting[confirmation]
        if not self._waiting:
            self._somebody.clear()
