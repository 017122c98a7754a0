"""The protective rules of the product, as the `*.toml` files beside this one list them.

Each entry stands under the file that keeps the rule: `text`, which occurs there exactly once, `without`, what takes
its place so that the rule is gone, and the `tests` of which at least one must then fail. Where a second line of
defence keeps the same rule, `second` takes it away too, and `why` says what it is.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Edit:
    """One place where a rule is kept, and what it reads without it."""

    file: str
    text: str
    without: str

    def occurrences(self, tree: Path = ROOT) -> int:
        return (tree / self.file).read_text().count(self.text)


@dataclass(frozen=True)
class Rule:
    """What is protected, how that is taken away, and which tests must notice."""

    area: str
    id: str
    protects: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]

    @property
    def is_cheap(self) -> bool:
        """Whether its tests need neither a Temporal server nor a browser."""
        return not any(test.startswith(("tests/workflow", "tests/fault", "tests/browser")) for test in self.tests)


def read_rules() -> list[Rule]:
    """Every rule, area by area."""
    return [rule for path in sorted(Path(__file__).parent.glob("*.toml")) for rule in _read(path)]


def _read(path: Path) -> list[Rule]:
    files = tomllib.loads(path.read_text())
    return [_rule(path.stem, file, dict(entry)) for file, entries in files.items() for entry in entries]


def _rule(area: str, file: str, entry: dict) -> Rule:
    second = entry.pop("second", [])
    assert bool(second) == bool(entry.pop("why", "")), f"{entry['id']}: a second place needs a reason, and no other"
    edits = (Edit(file, entry.pop("text"), entry.pop("without")), *(Edit(**place) for place in second))
    return Rule(area, entry.pop("id"), entry.pop("protects"), edits, tuple(entry.pop("tests")), **entry)
