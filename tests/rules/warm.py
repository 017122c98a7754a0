"""`python -m tests.rules.warm`: runs pytest in this folder again and again, each time in a process of its own.

What takes seconds to load and is nobody's rule is loaded once. Each line read is JSON: pytest's arguments, and the
file that gets what it prints. The line written for it is pytest's exit status.
"""

import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE = 600

_LOADED_ONCE = (
    "alembic.command",
    "cbor2",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "fastapi",
    "httpx2",
    "hypothesis.strategies",
    "jinja2",
    "jsonschema",
    "pydantic_settings",
    "pytest_asyncio.plugin",
    "rfc8785",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
    "temporalio.testing",
    "temporalio.worker",
    "uvicorn",
    "webauthn",
)


def _run(arguments: list[str], output: str) -> int:
    child = os.fork()
    if child == 0:
        _become_pytest(arguments, output)
    status = None
    try:
        status = _wait(child)
    finally:
        # Also the servers that a test may have left behind where a rule is gone.
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1] if status is None else status)


def _wait(child: int) -> int | None:
    """How the process ended; nothing when it takes too long, as what waits for a rule that is gone may do."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.05)
    return None


def _become_pytest(arguments: list[str], output: str) -> None:
    os.setsid()
    status: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        with Path(os.devnull).open("rb") as nothing, Path(output).open("wb") as file:
            os.dup2(nothing.fileno(), 0)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = pytest.main(arguments)
        sys.stdout.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    for name in _LOADED_ONCE:
        importlib.import_module(name)
    for line in sys.stdin:
        sys.stdout.write(f"{_run(*json.loads(line))}\n")
        sys.stdout.flush()
