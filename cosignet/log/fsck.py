"""`cosignet fsck`: derive a whole log again from its entries, and compare it with everything that it publishes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.core.tiles import HASH_BYTES, WIDTH, TileId
from cosignet.errors import CosignetError, Unavailable, VerificationFailed
from cosignet.log.ledger import Finding, Ledger
from cosignet.log.source import Source
from cosignet.log.tree import GrowingTree

Progress = Callable[[int, int], None]

# Expiry needs a moment to become a leaf, and a head that covers it.
GRACE = timedelta(minutes=5)


@dataclass(frozen=True)
class Report:
    """What was checked, and every finding."""

    checkpoint: Checkpoint
    requests: int
    tiles: int
    findings: list[Finding]


def check_log(source: Source, keys: list[LogKey], progress: Progress) -> Report:
    """Check everything of the newest signed head. `progress` is told how many leaves of how many are done.

    Raises `VerificationFailed("log.signature")` for a checkpoint that not every key has signed, `Unavailable`.
    """
    note = source.checkpoint()
    checkpoint = open_signed(note, keys)
    tree, ledger = GrowingTree(), Ledger()
    findings: list[Finding] = []
    tiles = 0
    for start in range(0, checkpoint.size, WIDTH):
        width = min(WIDTH, checkpoint.size - start)
        try:
            entries = source.entries(start // WIDTH, width)
        except Unavailable:
            raise
        except CosignetError as error:
            # Nothing that follows can be derived without it.
            return Report(checkpoint, ledger.opened, tiles, [*findings, Finding("log.entries", error.detail)])
        findings += [found for entry in entries for found in ledger.read(entry)]
        full = {tile: hashes for tile, hashes in tree.append(entries).items() if len(hashes) == WIDTH * HASH_BYTES}
        findings += _differences(source, full)
        tiles += len(full)
        progress(tree.size, checkpoint.size)
    findings += _differences(source, tree.edge)
    if tree.head != checkpoint.head:
        findings.append(Finding("log.root", f"the {tree.size} leaves do not make the root that was signed"))
    findings += strangers(ledger, checkpoint.origin)
    findings += unanswered(ledger, datetime.now(UTC))
    if not findings:
        source.keep("checkpoint", note)
    return Report(checkpoint, ledger.opened, tiles + len(tree.edge), findings)


def open_signed(note: bytes, keys: list[LogKey]) -> Checkpoint:
    """A checkpoint that every one of these keys has signed.

    Raises `VerificationFailed("log.signature")`, `Malformed` with `note.form` or `checkpoint.form`.
    """
    checkpoint, signed = open_checkpoint(note, keys)
    missing = [f"{key.name}+{key.id.hex()}" for key in keys if key not in signed]
    if missing:
        raise VerificationFailed("log.signature", f"not signed with {', '.join(missing)}")
    if {key.name for key in keys} != {checkpoint.origin}:
        raise VerificationFailed("log.signature", f"a checkpoint of {checkpoint.origin}, which these keys are not of")
    return checkpoint


def strangers(ledger: Ledger, origin: str) -> Iterator[Finding]:
    """A finding when the leaves are those of a log of another name than signs them."""
    if ledger.origin not in ("", origin):
        yield Finding("log.genesis", f"signed as {origin}, and the last genesis is that of {ledger.origin}")


def unanswered(ledger: Ledger, now: datetime) -> Iterator[Finding]:
    """A finding for each request that was due and has no outcome."""
    for event, request in ledger.unanswered(now - GRACE):
        detail = f"leaf {request.leaf_index}, request {event}: due at {request.deadline}, without an outcome"
        yield Finding("request.unanswered", detail)


def _differences(source: Source, tiles: dict[TileId, bytes]) -> Iterator[Finding]:
    for tile, hashes in tiles.items():
        try:
            published = source.tile(tile, len(hashes) // HASH_BYTES)
        except Unavailable:
            raise
        except CosignetError as error:
            yield Finding("log.tile", error.detail)
            continue
        if published != hashes:
            yield Finding("log.tile", f"tile {tile.level}/{tile.number} is not made of the entries below it")
