"""All processes of one installation, each of which can be killed and started again."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from temporalio.client import Client

from stack import Service, Stack, answers, is_ready
from tests.acme import ORIGIN
from tests.fault.fuse import SETTING
from tests.postgres_server import PostgresServer

# What the others need comes first.
STAGES = (("postgres", "temporal"), ("worker", "second-worker", "api"))


class Part(Protocol):
    def start(self) -> None:
        """Start it and wait until it does its work."""

    def kill(self) -> None:
        """`kill -9`, whether it runs or not."""

    def pids(self) -> list[int]:
        """What runs of it."""


@dataclass
class Process:
    """Temporal, worker or API."""

    stack: Stack
    service: Service
    ready: Callable[["Process"], bool]
    said: int = 0

    def start(self) -> None:
        self.said = self.service.log.stat().st_size if self.service.log.exists() else 0
        self.stack.start(self.service, lambda: self.ready(self))

    def kill(self) -> None:
        for pid in self.pids():
            os.killpg(pid, signal.SIGKILL)
        if self.service.process:
            self.service.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        self.service.stop()
        return self.service.process.returncode

    def pids(self) -> list[int]:
        process = self.service.process
        return [process.pid] if process and process.poll() is None else []

    def says(self, words: bytes) -> bool:
        """Whether its log holds these words since it was started."""
        return words in self.service.log.read_bytes()[self.said :]


@dataclass
class Postgres:
    """The postmaster and its children."""

    server: PostgresServer

    def start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self.pids():
            time.sleep(0.01)
        # As long as nobody has reaped the dead postmaster, its lock files keep a new one from starting.
        for lock in (self.server._data / "postmaster.pid", *self.server._home.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """All that are at work in its folder, also when their postmaster is gone; no zombies, they are nowhere."""
        home = self.server._data
        return [int(place.name) for place in Path("/proc").glob("[0-9]*") if _folder(place) == home]


def _folder(place: Path) -> Path | None:
    with contextlib.suppress(OSError):
        return (place / "cwd").readlink()
    return None


class Installation:
    """The parts by name. Without `postgres` the service's database is a file of SQLite."""

    def __init__(self, folder: Path, postgres: PostgresServer | None = None) -> None:
        self.stack = Stack(folder)
        self.url = f"http://127.0.0.1:{self.stack.http_port}"
        self.database_url = postgres.create_database() if postgres else f"sqlite:///{folder}/cosignet.db"
        self.fuse = folder / "fuse"
        self.parts: dict[str, Part] = {"postgres": Postgres(postgres)} if postgres else {}
        temporal, port = self.stack.temporal_command(), self.stack.temporal_port
        self._add("temporal", temporal, lambda _: answers("127.0.0.1", port))
        self.add_worker("worker")
        api = [sys.executable, "-m", "tests.fault.fatal_api"]
        self._add("api", api, lambda _: is_ready(f"{self.url}/readyz"))

    def add_worker(self, name: str) -> None:
        command = [sys.executable, "-m", "tests.fault.fatal_worker"]
        self._add(name, command, lambda process: process.says(b"Serving task queue"))

    async def start(self, names: Iterable[str]) -> None:
        """Start these, unless they run: first what the others need."""
        wanted = set(names)
        for stage in STAGES:
            parts = [self.parts[name] for name in stage if name in wanted]
            await asyncio.gather(*(asyncio.to_thread(part.start) for part in parts if not part.pids()))

    def kill(self, names: Iterable[str]) -> None:
        """`kill -9` of these at once."""
        for name in names:
            self.parts[name].kill()

    def pids(self, names: Iterable[str]) -> list[int]:
        return [pid for name in names for pid in self.parts[name].pids()]

    async def connect(self) -> Client:
        """A client of its Temporal."""
        return await Client.connect(self.stack.environment["TEMPORAL_ADDRESS"])

    def _add(self, name: str, command: list[str], ready: Callable[[Process], bool]) -> None:
        environment = {
            **self.stack.environment,
            "COSIGNET_PUBLIC_URL": ORIGIN,
            "COSIGNET_DATABASE_URL": self.database_url,
            "COSIGNET_CALLS_PER_KEY": "1000000",
            "COSIGNET_CALLS_PER_ADDRESS": "1000000",
            SETTING: str(self.fuse),
        }
        service = Service(name, command, environment, self.stack.data / f"{name}.log")
        self.parts[name] = Process(self.stack, service, ready)
