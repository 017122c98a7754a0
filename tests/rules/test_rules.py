"""Every protective rule, taken away: some test must notice. What no test notices, nobody keeps."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from queue import Queue
from typing import TypeVar

import pytest

from tests.rules.listing import ROOT, Rule, read_rules
from tests.rules.scratch import Run, Scratch
from tests.soak import TIMEOUT, Soak

RULES = read_rules()
COPIES = 2
BATCH = 10

A = TypeVar("A")
R = TypeVar("R")


def test_every_rule_stands_where_the_list_says():
    places = [(rule.id, edit) for rule in RULES for edit in rule.edits]
    assert [(rule, edit.file, edit.text) for rule, edit in places if edit.occurrences() != 1] == []
    assert [rule for rule, edit in places if edit.text == edit.without] == []


def test_every_test_that_is_to_notice_exists():
    assert [rule.id for rule in RULES if not rule.tests] == []
    assert [(rule.id, test) for rule in RULES for test in rule.tests if not _exists(test)] == []


def test_every_rule_has_a_name_of_its_own():
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.soak
# Many short runs of pytest: on a machine that does other things as well, even a few of them take minutes.
@pytest.mark.timeout(TIMEOUT)
def test_no_rule_can_be_taken_away_unnoticed(soak: Soak, tmp_path: Path):
    rules = _spread(RULES, soak.amount(part=10, full=len(RULES)))
    runs: dict[str, Run] = {}
    with _copies(tmp_path) as on_a_copy:
        _require_green(on_a_copy, rules)
        for rule, run in zip(rules, on_a_copy(_take_away, rules), strict=True):
            runs[rule.id] = run
            soak.progress(len(runs), len(rules))
    survived = {rule: run.ending for rule, run in runs.items() if not run.noticed_by}
    soak.figure("rules", len(rules))
    soak.figure("noticed", len(rules) - len(survived))
    soak.figure("survived", len(survived))
    if soak.full:
        _write_table(rules, runs)
    assert survived == {}


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and f"def {name.partition('[')[0]}" in (ROOT / file).read_text()


def _spread(rules: list[Rule], count: int) -> list[Rule]:
    """All of them, or the first ones of the areas in turn, of those that are cheap to try."""
    if count == len(rules):
        return rules
    cheap = [rule for rule in rules if rule.is_cheap]
    areas = [iter([rule for rule in cheap if rule.area == area]) for area in sorted({rule.area for rule in cheap})]
    return [next(area) for area, _ in zip(cycle(areas), range(count), strict=False)]


@contextmanager
def _copies(folder: Path) -> Iterator[Callable[[Callable[[Scratch, A], R], Sequence[A]], Iterator[R]]]:
    """Something to do with each of many things, on copies of the tree, several at once."""
    free: Queue[Scratch] = Queue()
    copies = [Scratch(folder / str(number)) for number in range(COPIES)]
    for copy in copies:
        free.put(copy)

    def on_a_copy(work: Callable[[Scratch, A], R], things: Sequence[A]) -> Iterator[R]:
        def one(thing: A) -> R:
            copy = free.get()
            try:
                return work(copy, thing)
            finally:
                free.put(copy)

        return pool.map(one, things)

    try:
        with ThreadPoolExecutor(COPIES) as pool:
            yield on_a_copy
    finally:
        for copy in copies:
            copy.close()


def _require_green(on_a_copy, rules: list[Rule]) -> None:
    """A test that fails in the copy anyway would notice everything."""
    tests = sorted({test for rule in rules for test in rule.tests})
    for run in on_a_copy(Scratch.run, [tests[first : first + BATCH] for first in range(0, len(tests), BATCH)]):
        assert run.status == 0, run.output


def _take_away(copy: Scratch, rule: Rule) -> Run:
    with copy.without(rule.edits):
        return copy.run(rule.tests)


def _write_table(rules: list[Rule], runs: dict[str, Run]) -> None:
    """The table of docs/reliability.md."""
    rows = [f"| {rule.id} | {rule.protects} | {runs[rule.id].noticed_by or '**nothing**'} |" for rule in rules]
    place = ROOT / ".local" / "rules.md"
    place.parent.mkdir(exist_ok=True)
    place.write_text("\n".join(["| rule | protects | noticed by |", "| --- | --- | --- |", *rows]) + "\n")
