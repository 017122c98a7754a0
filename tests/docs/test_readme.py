"""The README keeps its word: its code is the example's code, which other tests run; its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLE = "\n".join(path.read_text() for path in sorted((ROOT / "examples" / "wire_transfer").glob("*.py")))
CODE = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
LINES = [line.removesuffix(" ...") for line in CODE.splitlines() if line and not line.startswith("#")]


def test_the_agent_needs_six_lines():
    assert len(LINES) <= 6


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_readme_is_a_line_of_the_example(line):
    assert line in [candidate.strip() for candidate in EXAMPLE.splitlines()]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_a_link_of_the_readme_leads_somewhere(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make (\w+)", README))))
def test_a_make_target_of_the_readme_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
