"""Decision latency: from the sending of a signed vote to its answer, one at a time, ours and the minimal's in turn."""

import time
from statistics import median

from bench.figures import Section, chunks, latencies, percentile, ratios, spread
from bench.kinds import SIDES, Life, start_all
from bench.scale import Scale
from bench.site import Site

COLUMNS = ["database", "cosignet p50 / p95 / p99 ms", "minimal p50 / p95 / p99 ms", "ratio of p50", "ratio of p95"]
PARTS = 5


async def measure(site: Site, scale: Scale) -> Section:
    """Vote on workflows that all wait already."""
    count = scale.amount(quick=20, full=300)
    lives = {side: await make(site, count) for side, make in SIDES.items()}
    for waiting in lives.values():
        await start_all(waiting)
    times = await decide_in_turn(lives, scale, f"latency, {site.kind}")
    return Section("Decision latency", COLUMNS, [[site.kind, *compare(times)]], {site.kind: times})


async def decide_in_turn(lives: dict[str, list[Life]], scale: Scale, what: str) -> dict[str, list[float]]:
    """Decide one life of each side after the other; the seconds each answer took."""
    times: dict[str, list[float]] = {side: [] for side in lives}
    count = len(next(iter(lives.values())))
    for index in range(count):
        scale.progress(what, index + 1, count)
        # Who goes first changes every time.
        for side in sorted(lives, reverse=bool(index % 2)):
            life = lives[side][index]
            before = time.perf_counter()
            await life.decide()
            times[side].append(time.perf_counter() - before)
            await life.result()
    return times


def compare(times: dict[str, list[float]]) -> list[str]:
    """Both sides, the ratio of their medians, and of their 95th percentiles, over parts of the run."""
    ours, theirs = (chunks(times[side], PARTS) for side in SIDES)
    medians = ratios([median(part) for part in ours], [median(part) for part in theirs])
    tails = ratios([percentile(part, 95) for part in ours], [percentile(part, 95) for part in theirs])
    return [*(latencies(times[side]) for side in SIDES), spread(medians), spread(tails)]
