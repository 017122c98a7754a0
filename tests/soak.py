"""The long runs. `make soak` runs every test marked `soak` at full length; `make test` runs a small slice of each.

A soak test takes the fixture `soak`, which says how much to do, shows how far it is, and keeps the figures for
the closing table, the one of docs/reliability.md.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TIMEOUT = 30 * 60
_DONE = pytest.StashKey[list["Soak"]]()


@dataclass
class Soak:
    """One long run: how much to do, and what was found."""

    name: str
    full: bool
    figures: dict[str, object] = field(default_factory=dict)
    seconds: float = 0
    passed: bool = False
    say: Callable[[str], object] | None = None
    said: float = 0

    def amount(self, *, part: int, full: int) -> int:
        """How many times: `part` in `make test`, `full` in `make soak`."""
        return full if self.full else part

    def figure(self, name: str, value: object) -> None:
        """Keep a figure for the closing table."""
        self.figures[name] = f"{value:.2f}" if isinstance(value, float) else value

    def progress(self, done: int, total: int) -> None:
        """Say how far it is, at most once a second; in `make soak` alone."""
        now = time.monotonic()
        if self.full and self.say and (now - self.said >= 1 or done == total):
            self.said = now
            self.say(f"\r{self.name}: {done} of {total} ")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak`: the marked tests alone, at full length."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak alone, at full length")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not a long run, and give long runs their time."""
    if not config.option.soak:
        return
    chosen = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
    for item in items:
        item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> Iterator[Soak]:
    """How much to do, and where to put what was found."""
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    name = request.node.nodeid.removeprefix("tests/").replace(".py::", ": ").replace("test_", "").replace("_", " ")
    run = Soak(name, request.config.option.soak, say=reporter.write if reporter else None)
    before = time.monotonic()
    yield run
    run.seconds = time.monotonic() - before
    run.passed = not getattr(request.node, "failed", True)
    request.config.stash.setdefault(_DONE, []).append(run)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Let the fixture know whether its test passed."""
    report = yield
    if call.when == "call":
        item.failed = report.failed
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The closing table, in Markdown; also in `.local/soak.md`."""
    runs = config.stash.get(_DONE, [])
    if not config.option.soak or not runs:
        return
    text = table(runs)
    terminalreporter.section("soak")
    terminalreporter.write_line(text)
    place = Path(config.rootpath) / ".local" / "soak.md"
    place.parent.mkdir(exist_ok=True)
    place.write_text(text + "\n")


def table(runs: list[Soak]) -> str:
    """One row a run."""
    rows = [
        f"| {run.name} | {', '.join(f'{name} {value}' for name, value in run.figures.items())} "
        f"| {run.seconds:.0f} s | {'held' if run.passed else '**failed**'} |"
        for run in runs
    ]
    return "\n".join(["| run | figures | time | |", "| --- | --- | --- | --- |", *rows])
