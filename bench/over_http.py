"""The whole way over HTTP, as an agent and an approver go it: asked, told, shown, signed, counted, read."""

import asyncio
import time
from collections import defaultdict

import httpx2

from bench.figures import Section, latencies
from bench.kinds import told
from bench.scale import Scale
from bench.site import Site
from cosignet.testing import challenge_from
from tests.acme import CEREMONY
from tests.api.world import ASK

COLUMNS = ["database", "step", "p50 / p95 / p99 ms"]
STEPS = ("ask", "until the approver is told", "view", "ceremony", "vote", "read", "all of it")


async def measure(site: Site, scale: Scale) -> Section:
    """One after the other, then several at once for the rate."""
    url, key = await site.api()
    count = scale.amount(quick=6, full=120)
    times: dict[str, list[float]] = defaultdict(list)
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        agent = Agent(site, http, key)
        for done in range(count):
            scale.progress(f"over http, {site.kind}", done + 1, count)
            before = time.perf_counter()
            for step, seconds in (await agent.approval()).items():
                times[step].append(seconds)
            times["all of it"].append(time.perf_counter() - before)
        rates = [(at_once, await _rate(agent, at_once, count)) for at_once in (1, 8, 32)]
    await site.stop("api")
    section = Section("Over HTTP", COLUMNS, raw={site.kind: {**times, "rates": rates}})
    section.rows = [[site.kind, step, latencies(times[step])] for step in STEPS]
    section.rows += [[site.kind, f"approvals per second, {n} at once", f"{rate:.1f}"] for n, rate in rates]
    return section


async def _rate(agent: "Agent", at_once: int, count: int) -> float:
    todo = iter(range(count))

    async def caller() -> None:
        for _ in todo:
            await agent.approval()

    before = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(caller())
    return count / (time.perf_counter() - before)


class Agent:
    """Asks, and is Anna too."""

    def __init__(self, site: Site, http: httpx2.AsyncClient, key: str) -> None:
        self._site = site
        self._http = http
        self._key = {"Authorization": f"Bearer {key}"}

    async def approval(self) -> dict[str, float]:
        """One whole way; the seconds of each step. Raises `RuntimeError` unless it ends approved."""
        clock = _Clock()
        asked = (await self._http.post("/v1/confirmations", json=ASK, headers=self._key)).raise_for_status().json()
        clock.lap("ask")
        link = {"Authorization": f"Link {await told(self._site, asked['id'])}"}
        clock.lap("until the approver is told")
        approval = f"/v1/approvals/{asked['id']}"
        (await self._http.post(f"{approval}/view", headers=link)).raise_for_status()
        clock.lap("view")
        touched = {"decision": "approve", "reason": ""}
        begun = await self._http.post(f"{approval}/ceremonies", json=touched, headers=link)
        issued = begun.raise_for_status().json()
        clock.lap("ceremony")
        body = {"nonce": issued["nonce"], "credential": self._touch(challenge_from(issued["options"]))}
        (await self._http.post(f"{approval}/votes", json=body, headers=link)).raise_for_status()
        clock.lap("vote")
        read = (await self._http.get(f"/v1/confirmations/{asked['id']}", headers=self._key)).raise_for_status()
        clock.lap("read")
        if read.json()["status"] != "approved":
            raise RuntimeError(f"not approved: {read.json()['status']}")
        return clock.laps

    def _touch(self, challenge: bytes) -> dict[str, object]:
        passkey = self._site.acme.passkeys["anna"]
        passkey.sign_count = -1
        return passkey.answer(challenge, CEREMONY)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._since = now - self._since, now
