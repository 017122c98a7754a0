"""`cosignet fsck`: a log that is what it says is clean, and whatever it lies about is found."""

import pytest

from cosignet.cli import FINE, UNKNOWN, WRONG, main
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.leaf import public_head, public_keys
from cosignet.core.log_keys import Kind, SigningKey
from tests.log.paper_log import LONG_AGO, ORIGIN, PaperLog, served

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def log():
    with served(PaperLog()) as log:
        yield log


def fsck(log, capsys, *options):
    """Exit status, and the codes that were found."""
    keys = [argument for key in log.public for argument in ("--key", key.to_text())]
    status = main(
        ["fsck", log.url, *(keys if "--no-keys" not in options else ()), *options[options[:1] == ("--no-keys",) :]]
    )
    said = capsys.readouterr()
    return status, [line.partition(":")[0] for line in said.out.splitlines()], said.err


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 700])
def test_an_honest_log_is_clean(log, capsys, size):
    if size > 9:
        log.request("voted", "approved", "consumed")
        log.request("voted", "voted", "rejected")
        log.request("expired", deadline=LONG_AGO)
        log.request("cancelled")
        log.request()
    log.fill(size)
    log.publish()
    status, found, said = fsck(log, capsys)
    assert (status, found) == (FINE, [])
    assert f"Everything agrees: {len(log.leaves)} leaves" in said
    assert f"{len(log.leaves)} of {len(log.leaves)} leaves" in said


def test_a_log_of_seventy_thousand_leaves_has_three_levels_of_tiles(log, capsys):
    log.fill(66_000)
    log.publish()
    assert fsck(log, capsys)[:2] == (FINE, [])
    assert {path.split("/")[1] for path in log.asked if path.startswith("tile/")} == {"0", "1", "2", "entries"}


def spoil_leaf(log):
    path = "tile/entries/000"
    log.files[path] = log.files[path].replace(b"admin.changed", b"admin.chanted", 1)


def swap_leaves(log):
    path = "tile/entries/000"
    entries = log.files[path]
    first, second = (entries.index(leaf) for leaf in log.leaves[5:7])
    width = len(log.leaves[5])
    both = bytearray(entries)
    both[first : first + width], both[second : second + width] = log.leaves[6], log.leaves[5]
    log.files[path] = bytes(both)


def flip(level, number):
    def spoil(log):
        path, hashes = log.tile(level, number)
        hashes[-1] ^= 1
        log.files[path] = bytes(hashes)

    return spoil


def shorten(level, number):
    def spoil(log):
        path, hashes = log.tile(level, number)
        log.files[path] = bytes(hashes[:-32])

    return spoil


def drop(path):
    def spoil(log):
        del log.files[path]

    return spoil


def cut(path):
    def spoil(log):
        log.files[path] = log.files[path][:-1]

    return spoil


LIES = {
    "a leaf": (spoil_leaf, {"leaf.form", "log.tile", "log.root"}),
    "two leaves in the other order": (swap_leaves, {"log.tile", "log.root"}),
    "a full tile": (flip(0, 0), {"log.tile"}),
    "a partial tile": (flip(0, 2), {"log.tile"}),
    "an upper tile": (flip(1, 0), {"log.tile"}),
    "a tile that is too short": (shorten(0, 1), {"log.tile"}),
    "a tile that is missing": (drop("tile/0/001"), {"log.tile"}),
    "an upper tile that is missing": (drop("tile/1/000.p/2"), {"log.tile"}),
    "a bundle that is missing": (drop("tile/entries/001"), {"log.entries"}),
    "a bundle that is cut": (cut("tile/entries/001"), {"log.entries"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_was_changed_is_found(log, capsys, lie):
    spoil, expected = LIES[lie]
    log.fill(700)
    log.publish()
    spoil(log)
    status, found, _ = fsck(log, capsys)
    assert (status, set(found)) == (WRONG, expected)


def test_a_root_that_the_leaves_do_not_make_is_found(log, capsys):
    log.fill(300)
    log.publish()
    log.sign(Checkpoint(ORIGIN, 300, bytes(32)))
    assert fsck(log, capsys)[:2] == (WRONG, ["log.root"])


STORIES = {
    "a vote after the outcome": (("approved", "voted"), "leaf.order"),
    "two outcomes": (("approved", "rejected"), "leaf.order"),
    "the same outcome twice": (("approved", "approved"), "leaf.order"),
    "used without an approval": (("consumed",), "leaf.order"),
    "used after a rejection": (("rejected", "consumed"), "leaf.order"),
    "used twice": (("approved", "consumed", "consumed"), "leaf.order"),
    "approved after it expired": (("expired", "approved"), "leaf.order"),
}


@pytest.mark.parametrize("story", STORIES)
def test_leaves_that_contradict_each_other_are_found(log, capsys, story):
    following, code = STORIES[story]
    log.request(*following)
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, [code])


def test_what_follows_no_request_is_found(log, capsys):
    log.add("confirmation.approved", request="00000000-0000-0000-0000-000000000000")
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["leaf.order"])


def test_a_leaf_that_is_there_twice_is_found(log, capsys):
    log.request("voted")
    log.leaves.append(log.leaves[-1])
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["leaf.repeated"])


def test_a_leaf_of_another_form_is_found(log, capsys):
    log.leaves.append(b'{"not": "a leaf"}')
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["leaf.form"])


def test_another_beginning_is_found(log, capsys):
    log.leaves[0:1] = []
    log.add("admin.changed")
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["log.genesis"])


def test_the_genesis_of_another_log_is_found(log, capsys):
    log.add("log.genesis", origin="log.example.org", keys=public_keys(log.public), previous="")
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["log.genesis"])


def test_a_log_may_continue_another_one(log, capsys):
    log.leaves[0] = b""
    log.add("log.genesis", origin="log.example.org", keys=public_keys(log.public), previous="")
    log.leaves[0] = log.leaves.pop()
    log.fill(5)
    old = public_head(Checkpoint("log.example.org", 5, bytes(32)))
    log.add("log.genesis", origin=ORIGIN, keys=public_keys(log.public), previous=old)
    log.publish()
    assert fsck(log, capsys)[:2] == (FINE, [])


def test_a_request_that_was_never_answered_is_found(log, capsys):
    log.request("voted", deadline=LONG_AGO)
    log.publish()
    assert fsck(log, capsys)[:2] == (WRONG, ["request.unanswered"])


@pytest.mark.parametrize("kind", list(Kind)[:1] + list(Kind)[2:])
def test_every_key_that_is_named_must_have_signed(log, capsys, kind):
    found = log.publish()
    log.sign(found, keys=[key for key in log.keys if key.kind != kind])
    status, _, said = fsck(log, capsys)
    assert status == WRONG
    assert "log.signature" in said


def test_the_signature_of_another_key_does_not_count(log, capsys):
    found = log.publish()
    log.sign(found, keys=[SigningKey(ORIGIN, key.kind, bytes(32)) for key in log.keys])
    status, _, said = fsck(log, capsys)
    assert status == WRONG
    assert "log.signature" in said


@pytest.mark.parametrize("note", [b"", b"nonsense", b"log.example.com\n07\nAAAA\n\n\xe2\x80\x94 x AAAA\n"])
def test_what_is_no_checkpoint_is_not_found_out(log, capsys, note):
    log.publish()
    log.files["checkpoint"] = note
    assert fsck(log, capsys)[:2] == (UNKNOWN, [])


def test_a_log_that_does_not_answer_is_not_found_out(log, capsys, monkeypatch):
    monkeypatch.setattr("cosignet.log.source._PAUSES", (0, 0))
    log.publish()
    log.url = "http://127.0.0.1:1/log"
    assert fsck(log, capsys)[:2] == (UNKNOWN, [])


@pytest.mark.parametrize("url", ["file:///etc/passwd", "log.example.com", ""])
def test_other_addresses_are_not_read(log, capsys, url):
    log.url = url
    assert fsck(log, capsys)[:2] == (UNKNOWN, [])


def test_without_a_key_it_says_that_it_took_the_logs_own(log, capsys):
    log.publish()
    assert main(["fsck", log.url]) == FINE
    assert "Compare them" in capsys.readouterr().err


def test_with_a_mirror_it_goes_on_where_it_ended(log, capsys, tmp_path):
    log.fill(600)
    log.publish()
    lost = log.files.pop("tile/entries/001")
    assert fsck(log, capsys, "--mirror", str(tmp_path))[0] == WRONG
    assert not (tmp_path / "checkpoint").exists()
    log.files["tile/entries/001"] = lost
    log.asked.clear()
    assert fsck(log, capsys, "--mirror", str(tmp_path))[:2] == (FINE, [])
    assert "tile/entries/000" not in log.asked
    assert "tile/entries/001" in log.asked
    assert (tmp_path / "checkpoint").read_bytes() == log.files["checkpoint"]
    for path in log.files.keys() - {"key"}:
        assert (tmp_path / path).read_bytes() == log.files[path]
