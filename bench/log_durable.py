"""Events that are recorded, appended and acknowledged per second, by many writers at once, heads signed beside them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from activities.appending import Appender
from bench import bare
from bench.figures import Section, ratios, spread
from bench.logs import a_leaf, fresh_log, signing
from bench.scale import Scale
from bench.site import Site
from store.database import Database
from store.events import add_event, new_event_id
from store.organisations import create_organisation
from tests.store.builders import NOW

COLUMNS = ["database", "writers", "durable events per s", "bare inserts per s", "ratio"]
WRITERS = 16


async def measure(site: Site, scale: Scale) -> Section:
    """Each writer is an organisation of its own and waits for its leaf before it goes on."""
    section = Section("Durable events", COLUMNS)
    rounds, events = scale.amount(quick=2, full=9), scale.amount(quick=5, full=150)
    async with fresh_log(site) as (database, publisher):
        await bare.create(database)
        organisations = [await _organisation(database, number) for number in range(WRITERS)]
        appender = Appender(database)
        ours, theirs = [], []
        async with signing(publisher):
            for turn in range(rounds):
                scale.progress(f"durable, {site.kind}", turn + 1, rounds)
                ours.append(await _rate(organisations, events, lambda name: _ours(database, appender, name)))
                theirs.append(await _rate(organisations, events, lambda _: _theirs(database)))
    rates = [spread(side, 0) for side in (ours, theirs)]
    section.rows.append([site.kind, str(WRITERS), *rates, spread(ratios(ours, theirs))])
    section.raw[site.kind] = {"durable_per_second": ours, "bare_per_second": theirs}
    return section


async def _rate(names: list[str], events: int, remember: Callable[[str], Awaitable[None]]) -> float:
    async def write(name: str) -> None:
        for _ in range(events):
            await remember(name)

    before = time.perf_counter()
    await asyncio.gather(*map(write, names))
    return len(names) * events / (time.perf_counter() - before)


async def _ours(database: Database, appender: Appender, organisation: str) -> None:
    async with database.write() as tx:
        await add_event(tx, organisation, "admin.changed", {"change": "none"}, at=NOW)
    await appender.append_to_log()


async def _theirs(database: Database) -> None:
    event = new_event_id()
    await bare.remember(database, [{"event_id": event, "leaf": a_leaf(event)}])


async def _organisation(database: Database, number: int) -> str:
    async with database.write() as tx:
        return (await create_organisation(tx, f"writer {number}", at=NOW)).id
