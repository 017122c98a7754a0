"""`make demo` does what it tells."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERIFIERS = ("cosignet verify", "verifiers/cosignet_verify.py", "verifiers/cosignet-verify.mjs")


@pytest.mark.timeout(180)
def test_the_demonstration_ends_well_and_tells_every_ending():
    done = subprocess.run(
        [sys.executable, "stack.py", "demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=170
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for told in (
        "The guarded activity runs: sent 250.00 EUR",
        *(f"{verifier}: exit 0, approved" for verifier in VERIFIERS),
        *(f"{verifier}, with another amount: exit 1, payload.hash" for verifier in VERIFIERS),
        *(f"{verifier}, under a stranger's trust file: exit 3, trust.audience" for verifier in VERIFIERS),
        "The worker refuses: guard.no_approval",
        "we paid this invoice in October",
        "Silence is not approval: expired",
        "confirmation.expired is leaf",
        "all agree",
        "cosignet monitor: log.fork: two roots of",
    ):
        assert told in done.stdout
    assert "ck_" not in done.stdout
