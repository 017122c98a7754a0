"""OpenTimestamps proofs, as far as a checkpoint's anchor needs them: from a file's hash to Bitcoin block headers.

The format is that of the reference implementation, python-opentimestamps: a detached timestamp, version 1.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from cosignet.core.encoding import sha256
from cosignet.errors import VerificationFailed

HEADER_BYTES = 80

_MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"
_BITCOIN = bytes.fromhex("0588960d73d71901")
_SHA256, _FORK = 0x08, 0xFF
_MAX_PROOF, _MAX_MESSAGE, _MAX_DEPTH = 64 * 1024, 4096, 256


class Claim(NamedTuple):
    """That the Bitcoin block of this height has this Merkle root (32 bytes, as its header spells it)."""

    height: int
    root: bytes


def read_claims(proof: bytes, digest: bytes) -> list[Claim]:
    """What a proof says of the file with this SHA-256, once all of it was read.

    Raises `VerificationFailed("anchor.header")`, also for a proof of another file, or with operations other than
    SHA-256, append and prepend, which no calendar needs for Bitcoin.
    """
    start = _MAGIC + bytes([_SHA256]) + digest
    if not proof.startswith(start) or len(proof) > _MAX_PROOF:
        raise _failed("not an OpenTimestamps proof of this checkpoint")
    reader = _Reader(proof, len(start))
    claims = list(reader.claims(digest, _MAX_DEPTH))
    if reader.position != len(proof):
        raise _failed("bytes after the end of the proof")
    return claims


def block_hash(header: bytes) -> str:
    """A block's hash as everybody writes it: hexadecimal, the last byte first."""
    return sha256(sha256(header))[::-1].hex()


def root_in(header: bytes) -> bytes:
    """The Merkle root that a block header has."""
    return header[36:68]


def time_in(header: bytes) -> datetime:
    """When the block's miner says that it was made: off by up to two hours, by Bitcoin's own rules."""
    return datetime.fromtimestamp(int.from_bytes(header[68:72], "little"), UTC)


class _Reader:
    def __init__(self, proof: bytes, position: int) -> None:
        self._proof = proof
        self.position = position

    def claims(self, message: bytes, depth: int) -> Iterator[Claim]:
        if depth < 0 or len(message) > _MAX_MESSAGE:
            raise _failed("nested too deeply, or a message that is too long")
        while (tag := self._byte()) == _FORK:
            yield from self._branch(self._byte(), message, depth)
        yield from self._branch(tag, message, depth)

    def _branch(self, tag: int, message: bytes, depth: int) -> Iterator[Claim]:
        match tag:
            case 0x00:
                yield from self._attestation(message)
            case 0x08:
                yield from self.claims(sha256(message), depth - 1)
            case 0xF0:
                yield from self.claims(message + self._bytes(), depth - 1)
            case 0xF1:
                yield from self.claims(self._bytes() + message, depth - 1)
            case _:
                raise _failed(f"an operation that has no place here: 0x{tag:02x}")

    def _attestation(self, message: bytes) -> Iterator[Claim]:
        kind = self._take(len(_BITCOIN))
        payload = _Reader(self._bytes(), 0)
        if kind == _BITCOIN:
            height = payload._number()
            if len(message) != 32 or payload.position != len(payload._proof):
                raise _failed("not an attestation of a Bitcoin block")
            yield Claim(height, message)

    def _take(self, count: int) -> bytes:
        self.position += count
        if self.position > len(self._proof):
            raise _failed("the proof ends too early")
        return self._proof[self.position - count : self.position]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _bytes(self) -> bytes:
        return self._take(self._number())

    def _number(self) -> int:
        """LEB128, as protocol buffers have it."""
        number = shift = 0
        while shift < 35:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
        raise _failed("a number that is too long")


def _failed(detail: str) -> VerificationFailed:
    return VerificationFailed("anchor.header", detail)
