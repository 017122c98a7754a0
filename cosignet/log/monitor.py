"""`cosignet monitor`: follow a log's heads, hold each one against all that were seen before, and say what is wrong.

What is remembered is in one file: the last head, the unfilled tiles of its tree, and the open requests. Every
new head must be signed, must continue that tree (proof first, then all new entries), and must not be old.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cosignet.core.checkpoint import Checkpoint, Head
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.core.merkle import consistency_ranges, verify_consistency
from cosignet.core.tiles import WIDTH, TileId, hashes_of, tiles_for, width_at
from cosignet.errors import CosignetError, Malformed, Unavailable, VerificationFailed
from cosignet.log.fsck import open_signed, strangers, unanswered
from cosignet.log.ledger import Finding, Ledger, Request
from cosignet.log.source import Source
from cosignet.log.tree import GrowingTree

STATE = "cosignet/monitor/v1"
SILENT = "log.silent"


@dataclass
class Memory:
    """What a monitor remembers of one log: the note of the last head that continued all before it, and its tree."""

    note: bytes = b""
    tree: GrowingTree = field(default_factory=GrowingTree)
    ledger: Ledger = field(default_factory=Ledger)
    reported: set[str] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """As it is kept in the file."""
        return {
            "v": STATE,
            "note": b64u(self.note),
            "size": self.tree.size,
            "origin": self.ledger.origin,
            "edge": [[tile.level, tile.number, b64u(hashes)] for tile, hashes in self.tree.edge.items()],
            "requests": {event: asdict(request) for event, request in self.ledger.requests.items()},
            "reported": sorted(self.reported),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Memory":
        """Read it back. Raises `Malformed("monitor.state")`."""
        try:
            if value["v"] != STATE:
                raise Malformed("monitor.state", f"expected {STATE}")
            edge = {TileId(level, number): from_b64u(hashes) for level, number, hashes in value["edge"]}
            requests = {event: Request(**request) for event, request in value["requests"].items()}
            tree, ledger = GrowingTree(value["size"], edge), Ledger(value["size"], value["origin"], requests)
            return cls(from_b64u(value["note"]), tree, ledger, set(value["reported"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed("monitor.state", "not the file of a monitor") from error


class Monitor:
    """One log, watched with its pinned keys; `alarmed` while the last look found anything, new or not."""

    def __init__(self, source: Source, keys: list[LogKey], file: Path, *, silence: timedelta) -> None:
        self._source = source
        self._keys = keys
        self._file = file
        self._silence = silence
        self.memory = _read(file)
        self.alarmed = False

    def look(self) -> list[Finding]:
        """Read the newest head and all that is new; what was reported before is not reported again.

        Raises `Unavailable("log.unreachable")`.
        """
        found = {_name(finding): finding for finding in self._follow()}
        self.alarmed = bool(found)
        reported = self.memory.reported
        # What lasts is said once; a silence that ended may come again.
        self.memory.reported = (reported - {SILENT}) | found.keys()
        _write(self._file, self.memory)
        return [finding for name, finding in found.items() if name not in reported]

    def _follow(self) -> Iterator[Finding]:
        note = self._source.checkpoint()
        try:
            checkpoint = open_signed(note, self._keys)
        except (VerificationFailed, Malformed) as error:
            yield Finding(error.code, f"the newest checkpoint: {error.detail}")
            return
        yield from self._continue(checkpoint, note)
        now = datetime.now(UTC)
        yield from _silence(note, self._keys, now - self._silence)
        yield from unanswered(self.memory.ledger, now)

    def _continue(self, checkpoint: Checkpoint, note: bytes) -> Iterator[Finding]:
        memory, known = self.memory, self.memory.tree.head
        if checkpoint.size < known.size:
            yield Finding("log.rollback", _both(f"{checkpoint.size} leaves after {known.size}", memory.note, note))
            return
        if checkpoint.size == known.size:
            if checkpoint.root != known.root:
                yield Finding("log.fork", _both(f"two roots of {known.size} leaves", memory.note, note))
            return
        try:
            self._require_consistent(known, checkpoint.head)
            grown, entries = self._read_new(checkpoint)
        except VerificationFailed:
            what = f"the tree of {checkpoint.size} leaves does not begin with that of {known.size}"
            yield Finding("log.fork", _both(what, memory.note, note))
            return
        except Unavailable:
            raise
        except CosignetError as error:
            yield Finding(error.code, error.detail)
            return
        memory.note, memory.tree = note, grown
        for entry in entries:
            yield from memory.ledger.read(entry)
        yield from strangers(memory.ledger, checkpoint.origin)

    def _require_consistent(self, old: Head, new: Head) -> None:
        ranges = consistency_ranges(old.size, new.size)
        tiles = {tile: self._source.tile(tile, width_at(tile, new.size)) for tile in tiles_for(ranges)}
        verify_consistency(old.size, new.size, hashes_of(ranges, tiles), old.root, new.root)

    def _read_new(self, checkpoint: Checkpoint) -> tuple[GrowingTree, list[bytes]]:
        """The tree that the new entries make, and those entries. Raises `VerificationFailed("log.root")`."""
        tree = GrowingTree(self.memory.tree.size, dict(self.memory.tree.edge))
        entries: list[bytes] = []
        while tree.size < checkpoint.size:
            number, skip = divmod(tree.size, WIDTH)
            bundle = self._source.entries(number, min(WIDTH, checkpoint.size - number * WIDTH))[skip:]
            tree.append(bundle)
            entries += bundle
        if tree.head != checkpoint.head:
            raise VerificationFailed("log.root", "the entries do not make the root that was signed")
        return tree, entries


def _silence(note: bytes, keys: list[LogKey], since: datetime) -> Iterator[Finding]:
    # Only some kinds of keys say when they signed.
    _, signed = open_checkpoint(note, keys)
    newest = max(signed.values())
    if newest and newest < since.timestamp():
        at = datetime.fromtimestamp(newest, UTC)
        yield Finding(SILENT, f"the newest head was signed at {at:%Y-%m-%dT%H:%M:%SZ}")


def _name(finding: Finding) -> str:
    """What makes a finding the same one again: not how old a silence is, nor when two heads were signed."""
    return SILENT if finding.code == SILENT else f"{finding.code}: {finding.detail.partition(chr(10))[0]}"


def _both(what: str, old: bytes, new: bytes) -> str:
    """Both signed notes belong to the finding: together they prove it to anybody."""
    return f"{what}\n\n{old.decode()}\n{new.decode()}"


def _read(file: Path) -> Memory:
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return Memory()
    try:
        return Memory.from_json(json.loads(text))
    except ValueError as error:
        raise Malformed("monitor.state", f"{file} is not the file of a monitor") from error


def _write(file: Path, memory: Memory) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.new")
    with draft.open("w", encoding="utf-8") as output:
        json.dump(memory.to_json(), output)
        output.flush()
        os.fsync(output.fileno())
    draft.replace(file)
