"""Proofs out of a large tree, and what it occupies."""

import random
import time
from collections.abc import Awaitable, Callable

from activities.appending import BATCH, Appender
from activities.deployment import Deployment
from activities.log_reading import prove_consistency, prove_event
from bench.figures import Section, percentile
from bench.logs import bytes_of, fresh_log, put
from bench.scale import Scale
from bench.site import Site
from cosignet.core.leaf import Leaf
from store.database import Database
from store.log import read_leaves
from tests.acme import ORIGIN, RP

COLUMNS = ["database", "leaves", "inclusion p50 / p99 ms", "consistency p50 / p99 ms", "bytes a leaf beyond its own"]


async def measure(site: Site, scale: Scale) -> Section:
    """Random events and random pairs of sizes, one after the other."""
    section = Section("Proofs", COLUMNS)
    leaves, asked = scale.amount(quick=2_000, full=1_000_000), scale.amount(quick=20, full=2_000)
    dice = random.Random(11)  # noqa: S311
    async with fresh_log(site) as (database, publisher):
        size = await _fill(database, leaves, lambda done: scale.progress(f"proofs, {site.kind}, filling", done, leaves))
        await publisher.step()
        deployment = Deployment(database, RP, ORIGIN)
        events = [await _event(database, dice.randrange(2, leaves)) for _ in range(asked)]
        inclusion = [await _seconds(prove_event(deployment, event)) for event in events]
        pairs = [sorted((dice.randint(1, leaves), dice.randint(1, leaves))) for _ in range(asked)]
        consistency = [await _seconds(prove_consistency(deployment, first, second)) for first, second in pairs]
        async with database.read() as tx:
            beyond = (await bytes_of(tx) - size) / leaves
    both = [
        f"{percentile(times, 50) * 1e3:.2f} / {percentile(times, 99) * 1e3:.2f}" for times in (inclusion, consistency)
    ]
    section.rows.append([site.kind, f"{leaves:,}", *both, f"{beyond:.0f}"])
    section.raw[site.kind] = {"inclusion_seconds": inclusion, "consistency_seconds": consistency, "bytes": beyond}
    return section


async def _fill(database: Database, leaves: int, said: Callable[[int], None]) -> int:
    appender, size = Appender(database), 0
    for done in range(0, leaves, BATCH):
        size += await put(database, min(BATCH, leaves - done))
        await appender.append_to_log()
        said(min(leaves, done + BATCH))
    return size


async def _event(database: Database, index: int) -> str:
    async with database.read() as tx:
        return Leaf.parse((await read_leaves(tx, index, index + 1))[0]).id


async def _seconds(work: Awaitable[object]) -> float:
    before = time.perf_counter()
    await work
    return time.perf_counter() - before
