"""Where measuring happens: one Temporal server, the product's worker and the minimal one, each in its own process."""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from temporalio.client import Client

from activities.approvals import ApprovalWorkflows
from stack import Service, Stack, answers, is_ready
from store.api_keys import create_api_key
from store.database import Database
from tests.acme import ORIGIN, Acme, found_acme
from tests.postgres_server import PostgresServer

KINDS = ("sqlite", "postgresql")
WORKER = ("worker.py",)
MINIMAL = ("-m", "bench.minimal_worker")
NO_LIMIT = "1000000000"


@dataclass
class Site:
    """Acme's approvals as production runs them; the load comes from this process."""

    kind: str
    stack: Stack
    environment: dict[str, str]
    client: Client
    acme: Acme
    postgres: PostgresServer | None

    @property
    def workflows(self) -> ApprovalWorkflows:
        """The approvals, driven as the API drives them."""
        return ApprovalWorkflows(self.client, search_attributes=True)

    @property
    def outbox(self) -> Path:
        """Where the worker leaves its messages to approvers."""
        return self.stack.data / "outbox"

    async def run(self, name: str, *arguments: str, ready: str = "", **changes: str) -> Service:
        """Start one of our Python processes; `ready` is the address that answers 200 once it is."""
        log = self.stack.data / f"{name}.log"
        service = Service(name, [sys.executable, *arguments], {**self.environment, **changes}, log)
        self.stack.services.append(service)
        await asyncio.to_thread(self.stack.start, service, lambda: not ready or is_ready(ready))
        return service

    async def stop(self, name: str) -> None:
        """Stop what `run` started, and wait for its end."""
        service = next(service for service in self.stack.services if service.name == name)
        self.stack.services.remove(service)
        await asyncio.to_thread(service.stop)

    async def api(self) -> tuple[str, str]:
        """Start the API; its address, and a key for it."""
        limits = {"COSIGNET_CALLS_PER_KEY": NO_LIMIT, "COSIGNET_CALLS_PER_ADDRESS": NO_LIMIT}
        await self.run("api", "-m", "api", ready=f"{self.stack.url}/readyz", **limits)
        async with self.acme.database.write() as tx:
            at = await self.acme.database.clock(tx)
            _, key = await create_api_key(tx, self.acme.organisation.id, name="bench", owner=None, at=at)
        return self.stack.url, key

    def cpu_seconds(self) -> dict[str, float]:
        """What each process has used so far, this one included."""
        used = {s.name: _cpu_of(s.process.pid) for s in self.stack.services if s.process}
        if self.postgres:
            used["postgresql"] = sum(map(_cpu_of, _family_of(self.postgres)))
        return {**used, "load": sum(os.times()[:2])}


@asynccontextmanager
async def open_site(kind: str) -> AsyncIterator[Site]:
    """Everything up on free ports over a fresh database of this kind; stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="cosignet-bench-") as folder, _postgres(kind) as server:
        stack = Stack(Path(folder))
        url = server.create_database() if server else f"sqlite:///{folder}/cosignet.db"
        database = Database(url)
        try:
            temporal = Service("temporal", stack.temporal_command(), {}, stack.data / "temporal.log")
            stack.services.append(temporal)
            await asyncio.to_thread(stack.start, temporal, lambda: answers("127.0.0.1", stack.temporal_port))
            await database.migrate()
            client = await _connect(stack.environment["TEMPORAL_ADDRESS"])
            environment = {**stack.environment, "COSIGNET_DATABASE_URL": url, "COSIGNET_PUBLIC_URL": ORIGIN}
            site = Site(kind, stack, environment, client, await found_acme(database), server)
            await site.run("worker", *WORKER)
            await site.run("minimal", *MINIMAL)
            yield site
            stack.require_alive()
        finally:
            await database.close()
            for service in reversed(stack.services):
                await asyncio.to_thread(service.stop)


@contextmanager
def _postgres(kind: str) -> Iterator[PostgresServer | None]:
    if kind != "postgresql":
        yield None
        return
    with PostgresServer() as server:
        yield server


async def _connect(address: str) -> Client:
    async with asyncio.timeout(30):
        while True:
            # The port is open a moment before the server behind it answers.
            with contextlib.suppress(RuntimeError):
                return await Client.connect(address, identity=f"bench-{secrets.token_hex(4)}")
            await asyncio.sleep(0.1)


def _cpu_of(pid: int) -> float:
    """Seconds of CPU, those of children that have ended included."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return sum(map(int, _stat(pid)[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _family_of(server: PostgresServer) -> list[int]:
    """The server's main process, which is the parent of whatever serves a connection, and all its children."""
    with psycopg.connect(server.url) as connection:
        main = _parent_of(connection.info.backend_pid)
    everybody = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [main, *(pid for pid in everybody if _parent_of(pid) == main)]


def _parent_of(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int(_stat(pid)[1])
    return 0


def _stat(pid: int) -> list[str]:
    # Whatever the program is called, its name ends with the last parenthesis.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
