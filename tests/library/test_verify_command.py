"""`cosignet verify` as a person or a script uses it: what it prints, and its exit status."""

import json
from pathlib import Path

import pytest

from cosignet.cli import main

FOLDER = Path(__file__).parents[1] / "vectors" / "evidence"
APPROVED = FOLDER / "approved_two_of_three"
REJECTED = FOLDER / "rejected_by_veto"
FALSE = FOLDER / "payload_another_fail_payload.hash"


def verify(*arguments):
    return main(["verify", *map(str, arguments)])


def test_an_approval_is_explained(capsys):
    assert verify(APPROVED / "evidence.json", "--trust", APPROVED / "trust.json") == 0
    told = capsys.readouterr().out
    assert told.startswith("AUTHENTIC")
    for line in (
        "APPROVED",
        '"Pay an invoice"',
        "Alice",
        "Matches the order",
        "Proven",
        "Not proven",
        "the operator says",
    ):
        assert line in told


def test_a_rejection_is_authentic_and_says_so(capsys):
    assert verify(REJECTED / "evidence.json", "--trust", REJECTED / "trust.json") == 0
    told = capsys.readouterr().out
    assert "REJECTED" in told
    assert "APPROVED" not in told


def test_a_false_one_names_its_check(capsys):
    assert verify(FALSE / "evidence.json", "--trust", FALSE / "trust.json") == 1
    assert "FALSE" in (told := capsys.readouterr().out)
    assert "payload.hash" in told


def test_without_trust_or_under_a_strangers_it_is_consistent_at_most(capsys, tmp_path):
    assert verify(APPROVED / "evidence.json") == 3
    assert verify(FALSE / "evidence.json") == 1
    trust = json.loads((APPROVED / "trust.json").read_bytes()) | {"organisation": "another"}
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    assert verify(APPROVED / "evidence.json", "--trust", tmp_path / "trust.json") == 3
    assert "trust.audience" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("evidence", "trust"),
    [("missing.json", None), (APPROVED, "missing.json"), ("not_json", None), (APPROVED, "not_json")],
)
def test_what_cannot_be_read(tmp_path, evidence, trust, capsys):
    (tmp_path / "not_json").write_bytes(b"\xff")
    document = APPROVED / "evidence.json" if evidence is APPROVED else tmp_path / evidence
    assert verify(document, *(["--trust", tmp_path / trust] if trust else [])) == 2
    said = capsys.readouterr()
    assert "CANNOT BE READ" in said.out + said.err


def test_what_is_about_to_be_executed_has_to_be_this(tmp_path, capsys):
    payload = json.loads(json.loads((APPROVED / "expected.json").read_bytes())["payload"])
    (tmp_path / "payload.json").write_text(json.dumps(payload, indent=4))
    asked = [APPROVED / "evidence.json", "--trust", APPROVED / "trust.json", "--payload", tmp_path / "payload.json"]
    assert verify(*asked, "--now", "2026-01-31T12:10:00Z") == 0
    # What may be executed at all depends on the time, and that was long ago.
    assert verify(*asked) == 1
    (tmp_path / "payload.json").write_text("{}")
    assert verify(*asked, "--now", "2026-01-31T12:10:00Z") == 1
    (tmp_path / "payload.json").write_text('{"a":1,"a":2}')
    assert verify(*asked) == 2
    assert verify(*asked[:3], "--now", "yesterday") == 2
    told = capsys.readouterr()
    assert "time.validity" in told.out
    assert "payload.expected" in told.out
    assert "payload.duplicate_key" in told.err


def test_a_guess_of_who_approved_is_confirmed_or_not(capsys):
    public = FOLDER / "revealed"
    asked = [public / "evidence.json", "--trust", public / "trust.json", "--email"]
    assert verify(*asked, "Alice@example.com") == 0
    assert "the operator says that Alice has the e-mail address Alice@example.com" in capsys.readouterr().out
    assert verify(*asked, "mallory@example.com") == 1
    assert verify(public / "evidence.json", "--email", "mallory@example.com") == 1
    assert verify(public / "evidence.json", "--email", "alice@example.com") == 3
    private = [APPROVED / "evidence.json", "--trust", APPROVED / "trust.json"]
    assert verify(*private, "--email", "alice@example.com") == 1
    assert capsys.readouterr().out.count("email.expected") == 3


def test_a_folder_is_as_good_as_the_worst_in_it(tmp_path, capsys):
    trust = ["--trust", APPROVED / "trust.json"]
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "first.json").write_bytes((APPROVED / "evidence.json").read_bytes())
    assert verify(tmp_path, *trust) == 0
    (tmp_path / "second.json").write_bytes(b"")
    assert verify(tmp_path, *trust) == 2
    (tmp_path / "third.json").write_bytes((FALSE / "evidence.json").read_bytes())
    assert verify(tmp_path, *trust) == 1
    assert capsys.readouterr().out.count("AUTHENTIC") == 3


def test_json_for_scripts(capsys):
    assert (
        verify(APPROVED / "evidence.json", FALSE / "evidence.json", "--trust", APPROVED / "trust.json", "--json") == 1
    )
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert (good["exit"], good["decision"], good["level"]) == (0, "approved", "included")
    assert [signer["key_state"] for signer in good["signers"]] == ["pinned", "pinned"]
    assert (bad["exit"], bad["check"]) == (1, "payload.hash")


def test_what_an_agent_wrote_cannot_steer_the_terminal(capsys):
    odd = FOLDER / "approved_odd_payload"
    assert verify(odd / "evidence.json", "--trust", odd / "trust.json") == 0
    told = capsys.readouterr().out
    assert not {"\x00", "\x1b", "\u202e", "\x7f", "\x80"} & set(told)
    assert "\\u2028" in told or "\\u{2028}" in told
