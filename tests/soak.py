"""The long runs. `make soak` runs every test marked `soak` at full length; `make test` runs a small slice of each.

A soak test takes the fixture `soak`, which says how much to do, shows how far it is, and keeps the figures for
the closing table, the one of docs/reliability.md. Runs may be spread over processes (pytest-xdist); one that promises
an answer in time is marked `soak(alone=True)`, and no other runs beside it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

TIMEOUT = 40 * 60
# Taken before pytest captures what tests print: progress is for whoever waits.
_SCREEN = os.fdopen(os.dup(2), "w")


@dataclass
class Soak:
    """One long run: how much to do, and what was found. `figures` reach the closing table from any process."""

    name: str
    full: bool
    figures: list[tuple[str, object]]
    screen: IO[str] = field(default=_SCREEN, repr=False)
    said: float = 0

    def amount(self, *, part: int, full: int) -> int:
        """How many times: `part` in `make test`, `full` in `make soak`."""
        return full if self.full else part

    def figure(self, name: str, value: object) -> None:
        """Keep a figure for the closing table."""
        self.figures.append((str(name), f"{value:.2f}" if isinstance(value, float) else str(value)))

    def progress(self, done: int, total: int) -> None:
        """Say how far it is, at most every ten seconds; in `make soak` alone."""
        now = time.monotonic()
        if self.full and (now - self.said >= 10 or done == total):
            self.said = now
            print(f"{time.strftime('%H:%M:%S')} {self.name}: {done} of {total}", file=self.screen, flush=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak`: the marked tests alone, at full length."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak alone, at full length")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not a long run, and give long runs their time."""
    if not config.option.soak:
        return
    chosen = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    # Those that run alone come first, while no other would have to be waited for.
    items[:] = sorted(chosen, key=lambda item: not _alone(item))
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT), append=False)


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> Iterator[Soak]:
    """How much to do, and where to put what was found."""
    run = Soak(_name(request.node.nodeid), request.config.option.soak, request.node.user_properties)
    with _turn(_local(request.config) / "soak.lock", alone=_alone(request.node) and run.full):
        yield run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The closing table, in Markdown; also in `.local/soak.md`."""
    if not config.option.soak:
        return
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    text = table(report for report in reports if report.when == "call")
    terminalreporter.section("soak")
    terminalreporter.write_line(text)
    (_local(config) / "soak.md").write_text(text + "\n")


def table(reports) -> str:
    """One row a run."""
    rows = [
        f"| {_name(report.nodeid)} | {', '.join(f'{name} {value}' for name, value in report.user_properties)} "
        f"| {report.duration:.0f} s | {'held' if report.passed else '**failed**'} |"
        for report in sorted(reports, key=lambda report: report.nodeid)
    ]
    return "\n".join(["| run | figures | time | |", "| --- | --- | --- | --- |", *rows])


def _alone(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("soak").kwargs.get("alone"))


@contextmanager
def _turn(lock: Path, *, alone: bool) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def _local(config: pytest.Config) -> Path:
    place = Path(config.rootpath) / ".local"
    place.mkdir(exist_ok=True)
    return place


def _name(nodeid: str) -> str:
    return nodeid.removeprefix("tests/").replace(".py::", ": ").replace("test_", "").replace("_", " ")
