"""What verifiers say beside their verdict: nothing that a bundle does not bear out, in whatever words."""

import json
import subprocess

import pytest

from cosignet.core.trust import Trust
from cosignet.judging import judge
from tests.verifiers.programs import COMMANDS
from tests.verifiers.test_corpus import FOLDER

VERIFIERS = ("library", *COMMANDS)


def sentences(verifier, name):
    """What is attested, and what is not proven."""
    evidence, trust = (FOLDER / name / f"{part}.json" for part in ("evidence", "trust"))
    if verifier == "library":
        judged = judge(evidence.read_bytes(), Trust.parse(trust.read_bytes()), expected_payload=None, now=None)
        said = judged.to_json()
    else:
        command = [*COMMANDS[verifier], str(evidence), "--trust", str(trust), "--json"]
        said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return " ".join(said["attested"]), " ".join(said.get("not_proven") or said["notProven"])


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize(
    ("name", "shown"), [("approved_two_of_three", False), ("head_anchored", False), ("head_witnessed", True)]
)
def test_witnesses_alone_make_everybody_see_the_same_log(verifier, name, shown):
    _, not_proven = sentences(verifier, name)
    assert ("that everybody is shown the same log" not in not_proven) == shown


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize(("name", "told"), [("approved_two_of_three", True), ("withheld", False)])
def test_nobody_is_told_of_a_requester_who_is_withheld(verifier, name, told):
    attested, _ = sentences(verifier, name)
    assert ("who the requester is" in attested) == told


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize(("name", "told"), [("approved_two_of_three", False), ("revealed", True)])
def test_addresses_rest_on_the_operators_word(verifier, name, told):
    attested, _ = sentences(verifier, name)
    assert ("e-mail address" in attested) == told
