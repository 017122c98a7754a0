"""The corpus, as the two stand-alone scripts judge it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.verifiers.programs import COMMANDS, program

FOLDER = Path(__file__).parents[1] / "vectors" / "evidence"
CASES = sorted(folder.name for folder in FOLDER.iterdir())
APPROVED, FALSE = FOLDER / "approved_two_of_three", FOLDER / "payload_another_fail_payload.hash"


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def verifier(request):
    with program(request.param) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_every_bundle_is_judged_as_the_corpus_says(verifier, name):
    expected = json.loads((FOLDER / name / "expected.json").read_bytes())
    evidence, trust = ((FOLDER / name / file).read_bytes() for file in ("evidence.json", "trust.json"))
    judged = verifier.judge(evidence, trust, expected["payload"], expected["now"], expected["email"])
    assert judged == (expected["exit"], expected.get("check"))


@pytest.mark.parametrize("name", CASES)
def test_without_trust_nothing_is_more_than_consistent(verifier, name):
    expected = json.loads((FOLDER / name / "expected.json").read_bytes())
    status, _ = verifier.judge((FOLDER / name / "evidence.json").read_bytes(), None, None, None)
    assert status != 0
    if expected["exit"] in (0, 3):
        assert status == 3


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_commands_explain_themselves(name):
    def run(*arguments):
        done = subprocess.run(
            [*COMMANDS[name], *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout

    trust = ("--trust", APPROVED / "trust.json")
    code, told = run(APPROVED / "evidence.json", *trust)
    assert code == 0
    assert "Alice" in told
    assert "not proven" in told.lower()
    code, told = run(APPROVED / "evidence.json", *trust, "--json")
    assert (code, json.loads(told)["exit"]) == (0, 0)
    code, told = run(FALSE / "evidence.json", *trust)
    assert code == 1
    assert "payload.hash" in told
    assert run(APPROVED / "evidence.json")[0] == 3
    assert run(APPROVED / "trust.json", *trust)[0] == 2
    assert run("--help")[0] == 0
