"""Approvals a second, complete lives: started, opened, the approver told, the vote counted, the result read.

Each of the concurrent slots starts a workflow and then decides the one it started before: a person never
answers in the same millisecond, so what happens between start and vote is work here, never waiting.
"""

import asyncio
import time
from statistics import median

from bench.figures import Section, ratios, spread
from bench.kinds import SIDES, Life
from bench.scale import Scale
from bench.site import Site

COLUMNS = ["database", "at once", "cosignet per s", "minimal per s", "ratio"]
LIVES = {1: (6, 40), 8: (16, 96), 32: (32, 192)}


async def measure(site: Site, scale: Scale) -> Section:
    """Runs of ours and the minimal's in turn, at each concurrency."""
    section = Section("Approvals per second, complete lives", COLUMNS)
    for at_once, (quick, full) in LIVES.items():
        what = f"throughput, {site.kind}, {at_once} at once"
        found = await rates(site, scale, what, at_once=at_once, lives=scale.amount(quick=quick, full=full))
        ours, theirs = found.values()
        row = [site.kind, str(at_once), f"{median(ours):.1f}", f"{median(theirs):.1f}", spread(ratios(ours, theirs))]
        section.rows.append(row)
        section.raw[f"{site.kind}, {at_once}"] = found
    return section


async def rates(site: Site, scale: Scale, what: str, *, at_once: int, lives: int) -> dict[str, list[float]]:
    """Lives per second of both sides, in runs that take turns."""
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    rounds = scale.amount(quick=2, full=5)
    for turn in range(rounds):
        scale.progress(what, turn + 1, rounds)
        # Who goes first changes every time.
        for side in sorted(SIDES, reverse=bool(turn % 2)):
            prepared = await SIDES[side](site, lives)
            found[side].append(len(prepared) / await run_lives(prepared, at_once))
    return found


async def run_lives(lives: list[Life], at_once: int) -> float:
    """Live all of them, `at_once` at a time; the seconds that took."""
    before = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for slot in range(at_once):
            group.create_task(_one_after_the_other(lives[slot::at_once]))
    return time.perf_counter() - before


async def _one_after_the_other(lives: list[Life]) -> None:
    waiting = None
    for life in lives:
        await life.start()
        await _finish(waiting)
        waiting = life
    await _finish(waiting)


async def _finish(life: Life | None) -> None:
    if life:
        await life.decide()
        await life.result()
