"""Checkpoints: the text that a log signs for each of its heads. c2sp.org/tlog-checkpoint."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.note import decode_base64, encode_base64, is_key_name
from cosignet.core.tiles import HASH_BYTES
from cosignet.errors import Malformed

MAX_SIZE = 2**63 - 1

_SIZE = re.compile("0|[1-9][0-9]{0,18}")


class Head(NamedTuple):
    """How far a log reaches: how many leaves, and their root (32 bytes)."""

    size: int
    root: bytes

    def to_text(self) -> str:
        """As contexts and leaves name it: the size, a space, the root in base64url."""
        return f"{self.size} {b64u(self.root)}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read that text in its one spelling. Raises `Malformed("head.form")`."""
        size, _, root = text.partition(" ")
        if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
            raise Malformed("head.form", "the size is no plain decimal number")
        try:
            return cls(int(size), from_b64u(root, size=HASH_BYTES))
        except Malformed as error:
            raise Malformed("head.form", error.detail) from error


@dataclass(frozen=True)
class Checkpoint:
    """A log's head: its origin (the public URL without scheme), how many leaves, and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self.size, self.root)

    def to_text(self) -> str:
        """The text that is signed. There are no extension lines: nobody could hold a log to what they say."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint in its one spelling. Raises `Malformed("checkpoint.form")`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise _malformed("expected three lines: origin, size, root")
        origin, size, root = lines[:3]
        if not is_key_name(origin):
            raise _malformed("the origin is empty, or has a space or a +")
        if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
            raise _malformed("the size is no plain decimal number")
        return cls(origin, int(size), decode_hash(root))


def decode_hash(text: str) -> bytes:
    """A hash of 32 bytes from its base64. Raises `Malformed("checkpoint.form")`."""
    try:
        value = decode_base64(text)
    except Malformed as error:
        raise _malformed(error.detail) from error
    if len(value) != HASH_BYTES:
        raise _malformed(f"a hash has {HASH_BYTES} bytes")
    return value


def _malformed(detail: str) -> Malformed:
    return Malformed("checkpoint.form", detail)
