"""A copy of the tree in which rules are taken away, one at a time, and tests are run."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from tests.rules.listing import ROOT, Edit

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".local", ".hypothesis", ".*_cache", "node_modules", "__pycache__")
_FAILED = re.compile(r"^FAILED ([^\s\[]+)\S*(?: - (.*))?", re.MULTILINE)
# What breaks the file or the machine, not the rule: nothing is learnt from a test that fails of it.
_BROKEN = re.compile(r"^(NameError|UnboundLocalError|ImportError|ModuleNotFoundError|SyntaxError|Failed: Timeout)")
_ARGUMENTS = (
    *("-x", "-q", "-p", "no:cacheprovider"),
    # None of these tests uses the library whose plugin this is, and it takes seconds to load.
    *("-p", "no:schemathesis"),
    # Of what was loaded before pytest came.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True)
class Run:
    """One run of pytest, up to the first failure."""

    status: int
    output: str

    @property
    def noticed_by(self) -> str:
        """The test that failed; empty when none did, or none for the reason that is looked for."""
        failed = _FAILED.search(self.output)
        if self.status != 1 or failed is None or _BROKEN.match(failed[2] or ""):
            return ""
        return failed[1]

    @property
    def ending(self) -> str:
        """Pytest's last word."""
        return (self.output.strip().splitlines() or [f"exit status {self.status}"])[-1]


class Scratch:
    """A copy of the tree in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder / "tree"
        self._output = folder / "output.txt"
        self._arguments = [*_ARGUMENTS, "--basetemp", str(folder / "tmp")]
        shutil.copytree(ROOT, self._tree, ignore=_LEFT_OUT)
        self._pytest = subprocess.Popen(
            [sys.executable, "-m", "tests.rules.warm"],
            cwd=self._tree,
            env={**os.environ, "COLUMNS": "300"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """Stop the process that runs tests here."""
        self._pytest.communicate()

    @contextmanager
    def without(self, edits: Sequence[Edit]) -> Iterator[None]:
        """The tree without one rule, for as long as the block runs."""
        before = {edit.file: (self._tree / edit.file).read_text() for edit in edits}
        try:
            for edit in edits:
                self._write(edit.file, (self._tree / edit.file).read_text().replace(edit.text, edit.without))
            yield
        finally:
            for file, text in before.items():
                self._write(file, text)

    def run(self, tests: Sequence[str]) -> Run:
        """Run these tests in the copy: on SQLite, which starts faster, unless one of them names PostgreSQL."""
        kinds = [] if any("postgresql" in test for test in tests) else ["-k", "not postgresql"]
        self._pytest.stdin.write(json.dumps([[*self._arguments, *kinds, *tests], str(self._output)]) + "\n")
        self._pytest.stdin.flush()
        status = self._pytest.stdout.readline()
        return Run(int(status), self._output.read_text())

    def _write(self, file: str, text: str) -> None:
        path = self._tree / file
        path.write_text(text)
        # Python takes compiled code for current by the second in which its source was written.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
