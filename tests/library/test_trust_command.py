"""`cosignet trust`: what a service says, explained to whoever has to decide whether to believe it."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from cosignet.cli import main
from cosignet.core.trust import Trust
from tests.loopback import loopback

TRUST = (Path(__file__).parents[1] / "vectors/evidence/approved_two_of_three/trust.json").read_bytes()


@contextmanager
def serving(status=200, body=TRUST, location=None):
    """A service on this machine that answers everything so; what it was asked, and with which key."""
    asked = []

    def answer(path, headers):
        asked.append((path, headers.get("Authorization")))
        return status, {"Location": location} if location else {}, body

    with loopback(answer) as url:
        yield url, asked


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("COSIGNET_API_KEY", "ck_test")


def test_it_is_written_as_a_file_and_explained(tmp_path, capsys):
    with serving() as (url, asked):
        assert main(["trust", url, "--out", str(tmp_path / "trust.json")]) == 0
    assert asked == [("/v1/trust", "Bearer ck_test")]
    assert Trust.parse((tmp_path / "trust.json").read_bytes()) == Trust.parse(TRUST)
    told = capsys.readouterr().err
    for said in ("Alice", "face to face", "approve.example/public/log", "ED25519", "no witnesses", "device-bound"):
        assert said in told
    assert "ck_test" not in told


def test_it_goes_to_standard_output_otherwise(capsys):
    with serving() as (url, _):
        assert main(["trust", url]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(TRUST)


def test_a_key_goes_nowhere_else():
    with serving() as (elsewhere, there), serving(302, b"", f"{elsewhere}/v1/trust") as (url, asked):
        assert main(["trust", url]) == 2
    assert (len(asked), there) == (1, [])


@pytest.mark.parametrize(
    "url", ["http://approve.example", "ftp://127.0.0.1/", "127.0.0.1:1", "http://127.0.0.1.example"]
)
def test_a_key_does_not_go_in_clear(url, capsys):
    assert main(["trust", url]) == 2
    assert "no https address" in capsys.readouterr().err


def test_without_a_key_nobody_is_asked(monkeypatch, capsys):
    monkeypatch.delenv("COSIGNET_API_KEY")
    with serving() as (url, asked):
        assert main(["trust", url]) == 2
    assert asked == []
    assert "COSIGNET_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "body"), [(401, b""), (500, b""), (200, b""), (200, b"{}"), (200, TRUST[:-9])])
def test_what_is_no_trust_file_is_not_written(tmp_path, status, body):
    with serving(status, body) as (url, _):
        assert main(["trust", url, "--out", str(tmp_path / "trust.json")]) == 2
    assert not (tmp_path / "trust.json").exists()
