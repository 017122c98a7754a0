"""From a decision to a receipt that anybody can check, with more and more decisions a second."""

import asyncio
import secrets
import time

from activities.log_reading import prove_event
from activities.voting import record_vote
from bench.figures import Section, latencies
from bench.logs import fresh_log, signing
from bench.scale import Scale
from bench.site import Site
from cosignet.temporal.contract import VoteInput
from tests.acme import Acme, found_acme

COLUMNS = ["database", "decisions per s", "decided p50 / p95 / p99 ms", "receipt p50 / p95 / p99 ms"]
RATES = {"sqlite": (2, 10, 30), "postgresql": (2, 10, 30, 60)}
LOOK_AGAIN = 0.01


async def measure(site: Site, scale: Scale) -> Section:
    """A decision is measured from its vote, signed before, to the outcome, and to a signed head that covers it."""
    section = Section("From decision to receipt", COLUMNS)
    async with fresh_log(site) as (database, publisher):
        acme = await found_acme(database)
        async with signing(publisher):
            for rate in RATES[site.kind]:
                count = scale.amount(quick=8, full=max(60, 10 * rate))
                votes = [await _signed(acme) for _ in range(count)]
                scale.progress(f"receipts, {site.kind}, {rate} per s", count, count)
                decided, proven = await _decide(acme, votes, rate)
                section.rows.append([site.kind, str(rate), latencies(decided), latencies(proven)])
                section.raw[f"{site.kind}, {rate}"] = {"decided_seconds": decided, "receipt_seconds": proven}
    return section


async def _signed(acme: Acme) -> tuple[str, VoteInput]:
    confirmation = secrets.token_hex(16)
    await acme.ask(confirmation)
    acme.passkeys["anna"].sign_count = -1
    return confirmation, (await acme.sign(confirmation, "anna"))[1]


async def _decide(acme: Acme, votes: list[tuple[str, VoteInput]], rate: int) -> tuple[list[float], list[float]]:
    begin = time.perf_counter()

    async def one(number: int, confirmation: str, vote: VoteInput) -> tuple[float, float]:
        # Whether or not those before have been answered: people do not wait for each other.
        await asyncio.sleep(max(0, begin + number / rate - time.perf_counter()))
        before = time.perf_counter()
        recorded = await record_vote(acme.deployment, confirmation, vote)
        decided = time.perf_counter() - before
        event = recorded.outcome.event if recorded.outcome else ""
        while await prove_event(acme.deployment, event) is None:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_AGAIN)
        return decided, time.perf_counter() - before

    times = await asyncio.gather(*(one(number, *vote) for number, vote in enumerate(votes)))
    return [decided for decided, _ in times], [proven for _, proven in times]
