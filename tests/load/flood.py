"""Many attempts at once, and one honest vote in the middle of them."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from tests.soak import Soak

AT_ONCE = 50
# What is promised, and what is asked of a slice that shares its machine with other tests.
PROMISED, LENIENT = 2.0, 10.0

Attempt = Callable[[int], Awaitable[str]]


@dataclass
class Flood:
    """`total` attempts, 50 at a time; each answers in one word how it was refused."""

    soak: Soak
    total: int
    refused: Counter[str] = field(default_factory=Counter)
    halfway: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, attempt: Attempt, *, at_once: int = AT_ONCE) -> None:
        """Make all of them."""
        numbers = iter(range(self.total))
        async with asyncio.TaskGroup() as runners:
            for _ in range(at_once):
                runners.create_task(self._work(attempt, numbers))

    async def run_beside(self, attempt: Attempt, honest: Callable[[], Awaitable[None]]) -> float:
        """Make all of them, and halfway an honest vote that is answered in time; how many seconds that took."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.run(attempt))
            await self.halfway.wait()
            before = time.monotonic()
            await honest()
            seconds = time.monotonic() - before
        assert seconds < (PROMISED if self.soak.full else LENIENT)
        return seconds

    async def _work(self, attempt: Attempt, numbers: Iterator[int]) -> None:
        for number in numbers:
            self.refused[await attempt(number)] += 1
            done = self.refused.total()
            self.soak.progress(done, self.total)
            if done * 2 >= self.total:
                self.halfway.set()
