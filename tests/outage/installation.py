"""The service as production runs it, a process each, any of which is taken away and brought back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from temporalio.client import Client

from activities.approvals import ApprovalWorkflows
from stack import Service, Stack, answers, is_ready
from store.database import Database
from tests.acme import ORIGIN, Acme, found_acme
from tests.api.world import World


@dataclass
class Installation:
    """Temporal, worker and API over one database; `environment` is that of the worker and the API."""

    stack: Stack
    environment: dict[str, str]
    services: dict[str, Service] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.http_port}"

    @property
    def outbox(self) -> Path:
        return self.stack.data / "outbox"

    async def start(self, *names: str) -> None:
        """Start these, one after the other, and wait until each does its work."""
        for name in names:
            command, ready = self._parts()[name]
            environment = {} if name == "temporal" else self.environment
            service = Service(name, command, environment, self.stack.data / f"{name}.log")
            self.services[name] = service
            await asyncio.to_thread(self.stack.start, service, ready)

    async def stop(self, *names: str) -> None:
        for name in names:
            await asyncio.to_thread(self.services.pop(name).stop)

    async def workflows(self) -> ApprovalWorkflows:
        client = await Client.connect(self.stack.environment["TEMPORAL_ADDRESS"])
        return ApprovalWorkflows(client, search_attributes=False)

    def _parts(self):
        port, log = self.stack.temporal_port, self.stack.data / "worker.log"
        return {
            "temporal": (self.stack.temporal_command(), lambda: answers("127.0.0.1", port)),
            "worker": ([sys.executable, "worker.py"], lambda: b"Serving task queue" in log.read_bytes()),
            "api": ([sys.executable, "-m", "api"], lambda: is_ready(f"{self.url}/readyz")),
        }


@asynccontextmanager
async def installed(folder: Path, database: Database, **environment: str) -> AsyncIterator[tuple[Installation, World]]:
    """All of it up, and Acme's agents and approvers; the first thing they see of it is its API."""
    stack = Stack(folder)
    settings = {"COSIGNET_PUBLIC_URL": ORIGIN, "COSIGNET_DATABASE_URL": database.url, **environment}
    installation = Installation(stack, {**stack.environment, **settings})
    try:
        acme: Acme = await found_acme(database)
        await acme.deployment.prepare()
        await installation.start("temporal", "worker", "api")
        async with httpx2.AsyncClient(base_url=installation.url, timeout=60) as http:
            world = World(acme, None, None, http, key="")
            world.key = await world.new_key()
            yield installation, world
    finally:
        await installation.stop(*reversed(installation.services))
