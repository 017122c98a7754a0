"""Rules of the house that no linter knows: who may decide, how long a file may be, what workflows may call."""

import ast
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE = ("cosignet", "store", "activities", "workflows", "api")
TRACKED = subprocess.run(
    [shutil.which("git"), "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
SOURCES = [ROOT / name for name in TRACKED if (ROOT / name).is_file()]
PYTHON = [path for path in SOURCES if path.suffix == ".py" and "versions" not in path.parts]


def calls(path):
    """Every call in a file: the name called, as written, and the call."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_only_the_core_constructs_a_decision_that_is_not_the_first():
    allowed = ROOT / "cosignet" / "core" / "decision.py"
    paths = [path for folder in SERVICE for path in (ROOT / folder).rglob("*.py") if path != allowed]
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in paths
        for name, call in calls(path)
        if name in ("Decision", "Vote", "VerifiedAssertion") and (call.args or call.keywords)
    ]
    # The client's own `Vote` is what a service said, not a verified one; the core makes the verified assertion.
    assert sorted(place.split(":")[0] for place in found) == ["cosignet/confirmation.py", "cosignet/core/assertion.py"]


# A verifier is one file, for whoever wants to read a single one.
@pytest.mark.parametrize(
    "path",
    [path for path in PYTHON if path.parent.name != "verifiers" or "tests" in path.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.py")), ids=lambda path: path.name)
def test_workflows_do_nothing_that_another_run_would_do_differently(path):
    banned = ("datetime.now", "time.", "random.", "secrets.", "uuid.", "os.", "asyncio.sleep", "open")
    assert [name for name, _ in calls(path) if name == banned[-1] or name.startswith(banned[:-1])] == []


def test_lock_files_name_no_address():
    locks = [path for path in SOURCES if path.suffix == ".lock"]
    assert len(locks) == 2
    assert not any("://" in path.read_text() for path in locks)
