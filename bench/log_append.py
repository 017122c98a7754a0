"""Leaves per second into the tree, by how many wait for one transaction, beside bare inserts of the same rows."""

import time

from activities.appending import BATCH, Appender
from bench import bare
from bench.figures import Section, ratios, spread
from bench.logs import a_leaf, fresh_log, put
from bench.scale import Scale
from bench.site import Site
from store.database import Database
from store.events import new_event_id

COLUMNS = ["database", "leaves a transaction", "appended per s", "bare inserts per s", "ratio"]
SIZES = (1, 16, 64, 256, 1_024, BATCH)


async def measure(site: Site, scale: Scale) -> Section:
    """Both sides in turns, in one database."""
    section = Section("Appending to the log", COLUMNS)
    rounds = scale.amount(quick=3, full=25)
    async with fresh_log(site) as (database, _):
        await bare.create(database)
        appender = Appender(database)
        for size in SIZES:
            ours, theirs = [], []
            for turn in range(rounds):
                scale.progress(f"append, {site.kind}, {size} at once", turn + 1, rounds)
                ours.append(size / await _append(database, appender, size))
                theirs.append(size / await _insert(database, size))
            rates = [spread(side, 0) for side in (ours, theirs)]
            section.rows.append([site.kind, f"{size:,}", *rates, spread(ratios(ours, theirs))])
            section.raw[f"{site.kind}, {size}"] = {"appended_per_second": ours, "bare_per_second": theirs}
    return section


async def _append(database: Database, appender: Appender, size: int) -> float:
    await put(database, size)
    before = time.perf_counter()
    await appender.append_to_log()
    return time.perf_counter() - before


async def _insert(database: Database, size: int) -> float:
    events = [new_event_id() for _ in range(size)]
    rows: list[dict[str, object]] = [{"event_id": event, "leaf": a_leaf(event)} for event in events]
    before = time.perf_counter()
    await bare.remember(database, rows)
    return time.perf_counter() - before
