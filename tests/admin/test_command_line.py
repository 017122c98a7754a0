"""The commands as processes: what a shell script sees."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    def run(*arguments, cwd=ROOT, **environment):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COSIGNET_", "TEMPORAL_"))}
        settings = {"COSIGNET_DATA_DIR": str(tmp_path / "data"), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "api.admin", *arguments],
            check=False,
            cwd=cwd,
            env={**kept, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_standard_output_is_one_json_object_and_nothing_else(run, tmp_path):
    done = run("create-organisation", "Acme", "--owner-email", "o@example.com")
    assert (done.returncode, set(json.loads(done.stdout))) == (0, {"organisation", "api_key", "register_url"})
    assert (tmp_path / "data" / "cosignet.db").exists()
    secret = json.loads(done.stdout)["api_key"]
    assert secret not in done.stderr
    done = run("create-organisation", "Acme", "--owner-email", "o@example.com")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "organisation.exists: there is an organisation called 'Acme' already\n"


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"COSIGNET_PUBLIC_URL": "http://example.com"}, "settings.invalid: COSIGNET_PUBLIC_URL"),
        ({"COSIGNET_HTTP_PORT": "many"}, "settings.invalid: COSIGNET_HTTP_PORT"),
        ({"COSIGNET_RP_ID": "example.org"}, "settings.invalid: COSIGNET_RP_ID"),
        ({"COSIGNET_DATABASE_URL": "nonsense"}, "settings.invalid: "),
        ({"COSIGNET_DATABASE_URL": "mysql://u:hunter2@h/d"}, "settings.invalid: "),
        ({"COSIGNET_DATA_DIR": "/proc/nowhere"}, "settings.invalid: "),
        ({"COSIGNET_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}, "database.unavailable: "),
    ],
    ids=str,
)
def test_settings_that_lead_nowhere_are_said_without_a_traceback(run, setting, code):
    done = run("list-people", "Acme", **setting)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(code)
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_doctor_and_setup_end_cleanly_with_nothing_there(run):
    done = run("doctor")
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
    done = run("setup")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "temporal.unavailable: cannot connect to Temporal: Connection refused\n"


def test_a_reader_that_goes_away_is_no_drama(run, tmp_path):
    run("create-organisation", "Acme", "--owner-email", "o@example.com")
    settings = {"COSIGNET_DATA_DIR": str(tmp_path / "data")}
    script = f"{sys.executable} -m api.admin export Acme | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        check=False,
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr


def test_a_command_that_is_not_there_is_a_usage_error(run):
    done = run("approve")
    assert (done.returncode, done.stdout) == (2, "")
    done = run("--help")
    assert done.returncode == 0
    assert "create-organisation" in done.stdout
