"""`cosignet monitor`: what continues is followed in silence, what does not is told once, with both signed heads."""

import json
import time

import pytest

from cosignet.cli import FINE, UNKNOWN, WRONG, main
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.log_keys import open_checkpoint
from cosignet.core.note import MAX_NOTE
from tests.log.paper_log import LONG_AGO, ORIGIN, PaperLog, served

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def log():
    with served(PaperLog()) as log:
        yield log


@pytest.fixture
def look(log, tmp_path, capsys):
    """Look once: exit status, and what was reported."""
    keys = [argument for key in log.public for argument in ("--key", key.to_text())]

    def look(*options):
        status = main(["monitor", log.url, "--state", str(tmp_path / "state.json"), *keys, *options])
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return look


def codes(found):
    return found[0], [finding["code"] for finding in found[1]]


def test_a_log_that_grows_is_followed_in_silence(log, look):
    for size in (1, 1, 2, 255, 256, 257, 700, 700):
        log.fill(size)
        log.publish()
        assert look() == (FINE, [])


def test_only_what_is_new_is_read(log, look):
    log.fill(700)
    log.publish()
    look()
    log.asked.clear()
    log.add("admin.changed")
    log.publish()
    assert look() == (FINE, [])
    assert [path for path in log.asked if "entries" in path] == ["tile/entries/002.p/189"]
    log.asked.clear()
    assert look() == (FINE, [])
    assert log.asked == ["checkpoint"]


def proves(log, detail, sizes):
    """Both notes of a finding, each signed by the log's keys."""
    _, _, notes = detail.partition("\n\n")
    second = notes.index(f"\n{ORIGIN}\n") + 1
    heads = [open_checkpoint(note.encode(), log.public)[0] for note in (notes[: second - 1], notes[second:])]
    assert [head.size for head in heads] == sizes
    return heads


def test_another_root_of_the_same_size_is_a_fork_and_both_heads_prove_it(log, look):
    log.fill(5)
    log.publish()
    look()
    log.leaves.pop()
    log.fill(5)
    log.publish()
    status, (finding,) = look()
    assert (status, finding["code"]) == (WRONG, "log.fork")
    one, other = proves(log, finding["detail"], [5, 5])
    assert one.root != other.root


@pytest.mark.parametrize("size", [6, 256, 300])
def test_a_larger_tree_that_does_not_begin_with_the_old_one_is_a_fork(log, look, size):
    log.fill(5)
    log.publish()
    look()
    log.leaves.pop()
    log.fill(size)
    log.publish()
    status, (finding,) = look()
    assert (status, finding["code"]) == (WRONG, "log.fork")
    proves(log, finding["detail"], [5, size])


def test_a_smaller_tree_is_a_rollback(log, look):
    log.fill(5)
    log.publish()
    look()
    log.leaves.pop()
    log.publish()
    status, (finding,) = look()
    assert (status, finding["code"]) == (WRONG, "log.rollback")
    proves(log, finding["detail"], [5, 4])


def test_what_lasts_is_told_once_and_keeps_the_status(log, look):
    log.fill(5)
    log.publish()
    look()
    log.leaves.pop()
    log.publish()
    assert codes(look()) == (WRONG, ["log.rollback"])
    log.publish(signed_at=time.time() + 3)
    assert codes(look()) == (WRONG, [])


def test_the_old_tree_is_followed_again_after_a_fork(log, look):
    log.fill(5)
    honest = list(log.leaves)
    log.publish()
    look()
    log.leaves.pop()
    log.fill(5)
    log.publish()
    assert codes(look()) == (WRONG, ["log.fork"])
    log.leaves = honest
    log.add("admin.changed")
    log.publish()
    assert look() == (FINE, [])


def test_entries_that_do_not_make_the_new_root_are_a_fork(log, look):
    log.fill(5)
    log.publish()
    look()
    log.fill(9)
    log.publish()
    path = "tile/entries/000.p/9"
    log.files[path] = log.files[path].replace(log.leaves[8], log.leaves[7])
    assert codes(look()) == (WRONG, ["log.fork"])


def test_a_signed_root_that_nothing_makes_is_a_fork(log, look):
    log.fill(5)
    log.publish()
    look()
    log.fill(6)
    log.publish()
    log.sign(Checkpoint(ORIGIN, 6, bytes(32)))
    assert codes(look()) == (WRONG, ["log.fork"])


def test_a_checkpoint_that_is_not_signed_is_told(log, look):
    found = log.publish()
    look()
    log.sign(found, keys=log.keys[:1])
    assert codes(look()) == (WRONG, ["log.signature"])


@pytest.mark.parametrize("note", [b"", b"x", b"\xff" * 99, b"a" * (MAX_NOTE + 1)])
def test_a_checkpoint_of_another_form_is_told(log, look, note):
    log.publish()
    look()
    log.files["checkpoint"] = note
    assert codes(look()) == (WRONG, ["note.form"])


def test_silence_is_told_until_it_ends(log, look):
    log.publish(signed_at=time.time() - 400)
    assert codes(look()) == (WRONG, ["log.silent"])
    assert codes(look()) == (WRONG, [])
    log.publish()
    assert codes(look()) == (FINE, [])
    log.publish(signed_at=time.time() - 400)
    assert codes(look()) == (WRONG, ["log.silent"])
    assert codes(look("--silence", "500")) == (FINE, [])


def test_it_says_when_it_cannot_tell_silence(log, tmp_path, capsys):
    log.publish(signed_at=time.time() - 400)
    for key, told in zip(log.public, (True, False), strict=True):
        main(["monitor", log.url, "--state", str(tmp_path / key.id.hex()), "--key", key.to_text()])
        said = capsys.readouterr()
        assert ("silence cannot be told" in said.err) == told
        assert ("log.silent" in said.out) == (not told)


def test_requests_without_an_answer_are_told(log, look):
    first = log.request("voted", deadline=LONG_AGO)
    log.request("voted", "rejected", deadline=LONG_AGO)
    log.request()
    log.publish()
    status, (finding,) = look()
    assert (status, finding["code"]) == (WRONG, "request.unanswered")
    assert first in finding["detail"]
    log.add("confirmation.expired", request=first)
    log.publish()
    assert codes(look()) == (FINE, [])


def test_leaves_that_contradict_what_was_read_before_are_told(log, look):
    request = log.request("approved")
    log.publish()
    assert look() == (FINE, [])
    log.add("confirmation.rejected", request=request)
    log.publish()
    assert codes(look()) == (WRONG, ["leaf.order"])


def test_a_log_that_is_away_is_no_finding_about_it(log, look, monkeypatch):
    monkeypatch.setattr("cosignet.log.source._PAUSES", (0, 0))
    log.publish()
    look()
    del log.files["checkpoint"]
    assert codes(look()) == (UNKNOWN, ["log.missing"])
    log.publish()
    assert look() == (FINE, [])


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"v": "cosignet/monitor/2"}', '{"v": "cosignet/monitor/v1"}']
)
def test_a_file_that_is_not_a_monitors_is_not_overwritten(log, look, tmp_path, text):
    log.publish()
    (tmp_path / "state.json").write_text(text)
    assert look() == (UNKNOWN, [])
    assert (tmp_path / "state.json").read_text() == text
