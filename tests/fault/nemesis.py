"""Kills, at chosen points or at any moment, and starts again what it killed."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.fault.fuse import API_POINTS, WORKER_POINTS, light
from tests.fault.installation import Installation

# How long everything stays up before, and whatever was killed stays down, at most.
QUIET = 1.0
OUTAGE = 0.5
FUSE_PATIENCE = 120

# The vote is committed, and the workflow does not know.
WORST = "after cosignet.record_vote"


@dataclass(frozen=True)
class Strike:
    """Whom to kill, and at which point of the work of one of them; without a point, whenever it happens to be."""

    targets: tuple[str, ...]
    point: str = ""


@dataclass
class Nemesis:
    """`probe` returns when the service has answered somebody."""

    installation: Installation
    probe: Callable[[], Awaitable[None]]
    kills: Counter[str] = field(default_factory=Counter)
    points: set[str] = field(default_factory=set)
    off: int = 0
    resumed: list[float] = field(default_factory=list)

    async def strike(self, strike: Strike) -> None:
        await asyncio.sleep(random.uniform(0, QUIET))  # noqa: S311
        if strike.point:
            await self._wait_for(strike)
        self.installation.kill(strike.targets)
        self.kills.update(strike.targets)
        self.off += len(strike.targets) == len(self.installation.parts)
        await asyncio.sleep(random.uniform(0, OUTAGE))  # noqa: S311
        began = time.monotonic()
        await self.installation.start(strike.targets)
        await self.probe()
        self.resumed.append(time.monotonic() - began)

    async def _wait_for(self, strike: Strike) -> None:
        host = "worker" if strike.point in WORKER_POINTS else "api"
        others = [target for target in strike.targets if target != host]
        light(self.installation.fuse, strike.point, *self.installation.pids(others))
        async with asyncio.timeout(FUSE_PATIENCE):
            while self.installation.pids([host]):
                await asyncio.sleep(0.02)
        self.points.add(strike.point)


def plan(parts: list[str], *, off: int, kills: int) -> list[Strike]:
    """So many kills: every point once, the worst with each other part and all, all `off` times, then at random."""
    strikes = [Strike(("worker", part), WORST) for part in parts if part != "worker"] + [Strike(tuple(parts), WORST)]
    strikes += [Strike(("worker",), point) for point in WORKER_POINTS]
    strikes += [Strike(("api",), point) for point in API_POINTS]
    strikes += [Strike(tuple(parts))] * off
    while sum(len(strike.targets) for strike in strikes) < kills:
        number = random.randint(1, len(parts))  # noqa: S311
        strikes.append(Strike(tuple(random.sample(parts, number))))
    return random.sample(strikes, len(strikes))
