"""`make up` and `make demo`: the whole service on this machine, as three child processes.

Each runs production's own command in a process session of its own, its output drained into a log file (an
undrained pipe stops a Temporal worker), and is stopped in reverse order.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from activities.approvals import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parent
START_TIMEOUT = 60
STOP_TIMEOUT = 15


def find_temporal(explicit: str | None = None) -> str:
    """The Temporal CLI: given, from COSIGNET_TEMPORAL_CLI, of this environment, or on the PATH.

    Raises `FileNotFoundError`; nothing is ever downloaded.
    """
    scripts = str(Path(sysconfig.get_path("scripts")) / "temporal")
    for candidate in (explicit, os.environ.get("COSIGNET_TEMPORAL_CLI"), scripts, shutil.which("temporal")):
        if candidate and Path(candidate).is_file():
            return candidate
    raise FileNotFoundError("no Temporal CLI found: run `make install`, or set COSIGNET_TEMPORAL_CLI to its path")


@dataclass
class Service:
    """One child process and its log."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in a process session of its own, so that Ctrl-C reaches only the supervisor."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ask it to stop, and after a while make it."""
        if self.process is None:
            return
        for number, patience in ((signal.SIGTERM, STOP_TIMEOUT), (signal.SIGKILL, STOP_TIMEOUT)):
            if self.process.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)

    def require_alive(self) -> None:
        """Raise `RuntimeError` with the end of the log when it has stopped."""
        if self.process is None or self.process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"{self.name} stopped; the end of {self.log}:\n{tail}")


@dataclass
class Stack:
    """Temporal, API and worker over one data directory. Port 0 takes a free one."""

    data: Path
    http_port: int = 0
    temporal_port: int = 0
    ui_port: int = 0
    services: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.http_port = self.http_port or free_port()
        self.temporal_port = self.temporal_port or free_port()
        self.ui_port = self.ui_port or free_port()

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://localhost:{self.http_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of API, worker and admin commands."""
        return {
            "COSIGNET_PUBLIC_URL": self.url,
            "COSIGNET_HTTP_PORT": str(self.http_port),
            "COSIGNET_DATA_DIR": str(self.data),
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.temporal_port}",
            "PYTHONUNBUFFERED": "1",
        }

    def admin(self, *arguments: str) -> dict[str, Any]:
        """Run an administration command and return what it prints. Raises `RuntimeError` with its complaint."""
        done = subprocess.run(
            [sys.executable, "-m", "api.admin", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"api.admin {arguments[0]}: {done.stderr.decode(errors='replace')}")
        return cast(dict[str, Any], json.loads(done.stdout))

    @contextlib.contextmanager
    def running(self, organisation: str) -> Iterator["Stack"]:
        """Everything up, workflows of the namespace asking for `organisation`; stopped at the end of the block."""
        environment = {**self.environment, "COSIGNET_TEMPORAL_ORGANISATION": organisation}
        self.services = [
            Service("temporal", self.temporal_command(), {}, self.data / "temporal.log"),
            Service("worker", [sys.executable, "worker.py"], environment, self.data / "worker.log"),
            Service("api", [sys.executable, "-m", "api"], environment, self.data / "api.log"),
        ]
        try:
            self.start(self.services[0], lambda: answers("127.0.0.1", self.temporal_port))
            self.services[1].start()
            self.start(self.services[2], lambda: is_ready(f"{self.url}/readyz"))
            self.require_alive()
            yield self
        finally:
            with _undisturbed():
                for service in reversed(self.services):
                    service.stop()

    def require_alive(self) -> None:
        """Raise `RuntimeError` when one of the processes has stopped."""
        for service in self.services:
            service.require_alive()

    def start(self, service: Service, ready: Callable[[], bool]) -> None:
        """Start a process and wait until it is `ready`. Raises `RuntimeError` when it stops or takes too long."""
        service.start()
        end = time.monotonic() + START_TIMEOUT
        while not ready():
            service.require_alive()
            if time.monotonic() > end:
                raise RuntimeError(f"{service.name} did not answer within {START_TIMEOUT} s; see {service.log}")
            time.sleep(0.1)

    def temporal_command(self) -> list[str]:
        """The Temporal development server, its data in this directory, our search attributes registered."""
        attributes = [f"--search-attribute={name}={_TYPE_NAMES[kind]}" for name, kind in SEARCH_ATTRIBUTES.items()]
        return [
            find_temporal(),
            "server",
            "start-dev",
            f"--port={self.temporal_port}",
            f"--ui-port={self.ui_port}",
            f"--db-filename={self.data / 'temporal.db'}",
            "--sqlite-pragma=journal_mode=WAL",
            "--sqlite-pragma=synchronous=NORMAL",
            *attributes,
        ]


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Whoever asks a second time to stop, or sends Ctrl-C and SIGTERM, must not leave processes behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def is_ready(url: str) -> bool:
    """Whether a GET of this loopback address answers 200."""
    with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


# The CLI's names of `IndexedValueType` keyword (2) and datetime (6).
_TYPE_NAMES = {2: "Keyword", 6: "Datetime"}


def up() -> None:
    """Run the stack until Ctrl-C, say what can be done with it, and pass on what approvers are sent."""
    stack = Stack(ROOT / ".local", http_port=8420, temporal_port=7233, ui_port=8233)
    account = _account(stack)
    delivered = set(_letters(stack))
    with stack.running(account["organisation"]):
        print(_WELCOME.format(url=stack.url, ui=stack.ui_port, data=stack.data, **account), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(1)
                stack.require_alive()
                for letter in sorted(set(_letters(stack)) - delivered):
                    delivered.add(letter)
                    message = json.loads(letter.read_text())
                    print(f"To {message['to']}: {message['subject']}\n  {message['link']}", flush=True)
        print("\nStopping …", flush=True)


def _letters(stack: Stack) -> list[Path]:
    return list((stack.data / "outbox").glob("*.json"))


def _account(stack: Stack) -> dict[str, str]:
    """The local organisation, created at the first start and kept with the data."""
    kept = stack.data / "account.json"
    if kept.exists():
        return cast(dict[str, str], json.loads(kept.read_text()))
    account = stack.admin("create-organisation", "Local", "--owner-email", "owner@localhost")
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(account))
    return account


_WELCOME = """
Cosignet runs on this machine. Ctrl-C stops all of it; data stays in {data}.

1. Enrol your passkey (once): open this in a browser on this machine.
   {register_url}

2. Ask for an approval, as an agent would:
   curl {url}/v1/confirmations -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json' \\
     -d '{{"action": "Wire 250 EUR to ACME Ltd", "payload": {{"amount": "250.00", "to": "ACME Ltd"}},
          "approvers": ["owner@localhost"]}}'

3. Open the personal link that appears below, read, and sign.

API description   {url}/openapi.json
Temporal UI       http://localhost:{ui}
organisation      {organisation}

A phone needs https: docker-compose.yml has a proxy that gives it, docs/operations.md says how.
"""


def demo() -> None:
    """Run the main job end to end in a fresh directory, and fail loudly when any of it is not as promised."""
    from examples.demo import run  # noqa: PLC0415 (tests and `make up` need none of it)

    data = ROOT / ".local" / "demo"
    shutil.rmtree(data, ignore_errors=True)
    asyncio.run(run(Stack(data)))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        {"up": up, "demo": demo}[sys.argv[1]]()
    except (RuntimeError, FileNotFoundError) as error:
        sys.exit(f"stack.py {sys.argv[1]}: {error}")
