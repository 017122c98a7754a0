"""Where the time of one approval goes: the processes' CPU, and what the worker's steps spend on the database."""

import asyncio
import json
from typing import Any

from bench.figures import Section
from bench.kinds import SIDES
from bench.scale import Scale
from bench.site import WORKER, Site
from bench.throughput import run_lives

COLUMNS = ["database", "of one approval", "cosignet", "minimal"]
AT_ONCE = 8
PROCESSES = ("temporal", "worker", "minimal", "postgresql", "load")


async def measure(site: Site, scale: Scale) -> Section:
    """Complete lives of both sides: the CPU each process used, then once more with instruments in the worker."""
    lives = scale.amount(quick=24, full=240)
    used = {}
    for done, side in enumerate(SIDES):
        scale.progress(f"anatomy, {site.kind}", done + 1, len(SIDES) + 1)
        used[side] = await _cpu(site, side, lives)
    scale.progress(f"anatomy, {site.kind}", len(SIDES) + 1, len(SIDES) + 1)
    work = await _work(site, lives)
    section = Section("Where the time goes", COLUMNS, raw={site.kind: {"cpu": used, "work": work}})
    section.rows = [
        [site.kind, f"CPU ms, {name}", *(f"{used[side].get(name, 0) * 1e3:.1f}" for side in SIDES)]
        for name in PROCESSES
        if name in used["cosignet"]
    ]
    for step, done in sorted(work.items()):
        if done["runs"]:
            section.rows.append([site.kind, f"ms in {step}", _times(done), ""])
    return section


async def _cpu(site: Site, side: str, lives: int) -> dict[str, float]:
    prepared = await SIDES[side](site, lives)
    before = site.cpu_seconds()
    await run_lives(prepared, AT_ONCE)
    after = site.cpu_seconds()
    return {name: (after[name] - before[name]) / lives for name in after if name in before}


async def _work(site: Site, lives: int) -> dict[str, Any]:
    file = site.stack.data / "work.json"
    await site.stop("worker")
    await site.run("worker", "-m", "bench.measured_worker", str(file))
    # One at a time: no step waits for another one's lock.
    await run_lives(await SIDES["cosignet"](site, lives // 2), 1)
    await site.stop("worker")
    await site.run("worker", *WORKER)
    found: dict[str, Any] = await asyncio.to_thread(lambda: json.loads(file.read_text()))
    return found


def _times(work: dict[str, Any]) -> str:
    per_run = {key: work[key] / work["runs"] * 1e3 for key in ("seconds", "statement_seconds", "commit_seconds")}
    statements = work["statements"] / work["runs"]
    return (
        f"{per_run['seconds']:.1f}: {per_run['statement_seconds']:.1f} in {statements:.0f} statements, "
        f"{per_run['commit_seconds']:.1f} in commits"
    )
