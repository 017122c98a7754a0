"""Proofs that an entry is in a log, as files that need nothing else: c2sp.org/tlog-proof."""

import re
from dataclasses import dataclass

from cosignet.core.checkpoint import MAX_SIZE, Checkpoint, decode_hash
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.core.merkle import leaf_hash, verify_inclusion
from cosignet.core.note import MAX_NOTE, encode_base64
from cosignet.errors import Malformed, VerificationFailed

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63

_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class LogProof:
    """That leaf `index` is in the tree of a signed checkpoint (its bytes, verbatim); the leaf's sibling comes first."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def to_bytes(self) -> bytes:
        """The file."""
        lines = [HEADER, f"index {self.index}", *(encode_base64(value) for value in self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> "LogProof":
        """Read a file in its one spelling; we write no `extra` line, and read none, since nothing vouches for it.

        Raises `Malformed("log_proof.form")`.
        """
        if len(raw) > 2 * MAX_NOTE:
            raise _malformed("too long")
        # Nothing before the checkpoint is ever empty, so the first blank line begins it.
        head, blank, checkpoint = raw.partition(b"\n\n")
        try:
            header, index, *hashes = head.decode("ascii").split("\n")
        except ValueError as error:
            raise _malformed("expected a header, an index and hashes") from error
        found = _INDEX.fullmatch(index)
        if not blank or header != HEADER or not found or int(found[1]) > MAX_SIZE or len(hashes) > MAX_HASHES:
            raise _malformed("expected a header, an index and hashes")
        try:
            return cls(int(found[1]), tuple(decode_hash(line) for line in hashes), checkpoint)
        except Malformed as error:
            raise _malformed(error.detail) from error

    def verify(self, entry: bytes, origin: str, keys: frozenset[LogKey]) -> tuple[Checkpoint, dict[LogKey, int]]:
        """Require that `entry` is in a tree of the log `origin` whose head some of `keys` signed.

        Returns the head and who signed it, as `open_checkpoint`. Raises what that raises, `VerificationFailed` with
        `log.signature` for the head of another log, and with `log.inclusion`.
        """
        head, signers = open_checkpoint(self.checkpoint, keys)
        if head.origin != origin:
            raise VerificationFailed("log.signature", "the checkpoint is that of another log")
        verify_inclusion(leaf_hash(entry), self.index, head.size, self.hashes, head.root)
        return head, signers


def _malformed(detail: str) -> Malformed:
    return Malformed("log_proof.form", detail)
