"""How latency and throughput grow with what waits: as many workflows of both sides in one server, ours with rows.

Those that are decided are taken at random from all that wait: most are in no worker's memory any more.
"""

import random
import secrets
import time
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TypeVar

from bench.figures import Section, ratios, spread
from bench.kinds import Approval, Asked, Life, Starting, minimals, sign, start_all
from bench.latency import compare, decide_in_turn
from bench.scale import Scale
from bench.site import Site
from bench.throughput import rates
from cosignet.core.encoding import sha256
from cosignet.core.terms import Terms
from store.confirmations import insert_confirmation
from store.rows import Confirmation

COLUMNS = [
    "database",
    "waiting",
    "cosignet p50 / p95 / p99 ms",
    "minimal p50 / p95 / p99 ms",
    "ratio of p50",
    "cosignet per s",
    "minimal per s",
    "ratio",
]
# Ten thousand take some twenty minutes to start: once, with the database of production.
WAITING = {"sqlite": (100, 1_000), "postgresql": (100, 1_000, 10_000)}
FEWER = {"quick": 50, "tiny": 100, "full": 1}
FILL_SECONDS = 1_500
BATCH = 200
AT_ONCE = 8
A_DAY = 24 * 3600

T = TypeVar("T")


@dataclass
class Crowd:
    """All that waits on a site."""

    ours: list[Asked] = field(default_factory=list)
    theirs: list[Life] = field(default_factory=list)


async def measure(site: Site, scale: Scale) -> Section:
    """Fill up in steps, and at each decide some of those that wait, and live some whole lives beside them."""
    section = Section("With many waiting", COLUMNS)
    crowd, until = Crowd(), time.monotonic() + FILL_SECONDS
    for waiting in sorted({max(count // FEWER[scale.size], 5) for count in WAITING[site.kind]}):
        await _fill(site, scale, crowd, waiting, until)
        what = f"pending, {site.kind}, {len(crowd.ours)} waiting"
        number = f"{len(crowd.ours):,}"
        times = await decide_in_turn(await _chosen(site, crowd, scale.amount(quick=5, full=60)), scale, what)
        speeds = await rates(site, scale, what, at_once=AT_ONCE, lives=scale.amount(quick=8, full=64))
        ours, theirs = speeds.values()
        per_second = [f"{median(ours):.1f}", f"{median(theirs):.1f}", spread(ratios(ours, theirs))]
        section.rows.append([site.kind, number, *compare(times)[:3], *per_second])
        section.raw[f"{site.kind}, {number}"] = {"seconds": times, "rates": speeds}
    return section


async def _fill(site: Site, scale: Scale, crowd: Crowd, waiting: int, until: float) -> None:
    """Start workflows of both sides until so many wait, or the time for it is over."""
    while len(crowd.ours) < waiting and time.monotonic() < until:
        count = min(BATCH, waiting - len(crowd.ours))
        new: list[Starting] = [Asked(site, row) for row in await _rows(site, count)]
        await start_all(new)
        crowd.ours += new
        lives = await minimals(site, count)
        await start_all(lives)
        crowd.theirs += lives
        scale.progress(f"pending, {site.kind}, filling up", len(crowd.ours), waiting)


async def _rows(site: Site, count: int) -> list[Confirmation]:
    """Recorded requests: one is asked, the others are like it."""
    first = await site.acme.ask(secrets.token_hex(16), expires_in=A_DAY)
    others = [_like(first) for _ in range(count - 1)]
    async with site.acme.database.write() as tx:
        for row in others:
            await insert_confirmation(tx, row)
    return [first, *others]


def _like(row: Confirmation) -> Confirmation:
    confirmation = secrets.token_hex(16)
    terms = replace(Terms.parse(row.terms), confirmation=confirmation).to_bytes()
    return replace(row, id=confirmation, terms=terms, terms_hash=sha256(terms))


async def _chosen(site: Site, crowd: Crowd, count: int) -> dict[str, list[Life]]:
    """Take some of both sides out of the crowd, ours with a signed vote."""
    asked = [_take(crowd.ours) for _ in range(min(count, len(crowd.ours)))]
    ours: list[Life] = [Approval(site, found.row, *(await sign(site, found.row.id))) for found in asked]
    return {"cosignet": ours, "minimal": [_take(crowd.theirs) for _ in asked]}


def _take(waiting: list[T]) -> T:
    # Only which ones are measured depends on it.
    return waiting.pop(random.randrange(len(waiting)))  # noqa: S311
