"""How the worker refuses to start: at once, with a word about what to do, and without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"COSIGNET_PUBLIC_URL": "http://approve.example.com"}, "COSIGNET_PUBLIC_URL"),
        ({"COSIGNET_RP_ID": "example.com"}, "COSIGNET_RP_ID"),
        ({"COSIGNET_DATABASE_URL": "mysql://localhost/x"}, "COSIGNET_DATABASE_URL"),
        ({"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "Not started"),
    ],
)
def test_it_does_not_start_with(changes, word, tmp_path):
    environment = {**os.environ, "COSIGNET_DATA_DIR": str(tmp_path), **changes}
    done = subprocess.run(
        [sys.executable, "worker.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert word in done.stderr
    assert "Traceback" not in done.stderr
