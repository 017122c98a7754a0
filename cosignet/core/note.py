"""Signed notes: a text, and lines that sign it. c2sp.org/signed-note@v1.0.0.

Reading a note proves nothing; `cosignet.core.log_keys` says whose signatures hold.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from cosignet.errors import Malformed

MAX_NOTE = 256 * 1024
MAX_SIGNATURES = 64
KEY_ID_BYTES = 4

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_LINE = re.compile("— ([^ ]+) ([^ ]+)")


@dataclass(frozen=True)
class Signature:
    """One line below the text: the key's name, its id (4 bytes), and what that kind of key makes of the text."""

    name: str
    key_id: bytes
    signature: bytes

    def to_text(self) -> str:
        """The line, with its end."""
        return f"— {self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A text, which ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The note as it is published."""
        return f"{self.text}\n{''.join(line.to_text() for line in self.signatures)}".encode()

    @classmethod
    def parse(cls, raw: bytes) -> "Note":
        """Read a note in its one spelling. Raises `Malformed("note.form")`."""
        if len(raw) > MAX_NOTE:
            raise _malformed(f"longer than {MAX_NOTE} bytes")
        try:
            whole = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed("not UTF-8") from error
        if _CONTROL.search(whole):
            raise _malformed("a control character")
        # The text may have blank lines of its own: the last one ends it.
        text, blank, lines = whole.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise _malformed("no signature lines after a blank line")
        signatures = tuple(_read_line(line) for line in lines[:-1].split("\n"))
        if len(signatures) > MAX_SIGNATURES:
            raise _malformed(f"more than {MAX_SIGNATURES} signatures")
        return cls(f"{text}\n", signatures)


def is_key_name(name: str) -> bool:
    """Whether a key may be called this: not empty, without spaces of any kind and without `+`."""
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def encode_base64(data: bytes) -> str:
    """Standard base64, with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Standard base64, strictly: padded, one text for one value. Raises `Malformed("note.form")`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("not base64") from error
    # Trailing bits that are not zero decode too.
    if encode_base64(data) != text:
        raise _malformed("not the canonical base64 text of its bytes")
    return data


def _read_line(line: str) -> Signature:
    found = _LINE.fullmatch(line)
    if not found or not is_key_name(found[1]):
        raise _malformed("a signature line has the form “— name base64”")
    data = decode_base64(found[2])
    if len(data) <= KEY_ID_BYTES:
        raise _malformed("a signature that is too short")
    return Signature(found[1], data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _malformed(detail: str) -> Malformed:
    return Malformed("note.form", detail)
