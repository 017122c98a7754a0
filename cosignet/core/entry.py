"""An entry of the log, opened: the leaf, its place in a tree, the record that it commits to. docs/protocol.md §7."""

from dataclasses import dataclass
from typing import Any

from cosignet.core.canonical import of_type
from cosignet.core.checkpoint import MAX_SIZE, Checkpoint
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.leaf import HASH_BYTES, SALT_BYTES, Leaf, commitment
from cosignet.core.merkle import leaf_hash, verify_inclusion
from cosignet.core.record import Record
from cosignet.errors import Malformed, VerificationFailed


@dataclass(frozen=True)
class Entry:
    """A leaf's bytes, its index, hashes that lead to the root (its sibling first), and its record with the salt."""

    index: int
    leaf: bytes
    proof: tuple[bytes, ...]
    record: bytes
    salt: bytes

    def open(self, event: str, head: Checkpoint) -> tuple[Leaf, Record]:
        """Require that the tree of `head` has this leaf of an `event`, and that the record is the one it commits to.

        Raises `Malformed("leaf.form")`, and `VerificationFailed` with `log.inclusion` or `leaf.record`.
        """
        leaf = Leaf.parse(self.leaf)
        verify_inclusion(leaf_hash(self.leaf), self.index, head.size, self.proof, head.root)
        if commitment(self.salt, self.record) != leaf.record:
            raise VerificationFailed("leaf.record", "the leaf commits to another record")
        try:
            record = Record.parse(self.record)
        except Malformed as error:
            raise VerificationFailed("leaf.record", error.detail) from error
        if not event == leaf.event == record.event or leaf.time != record.time:
            raise VerificationFailed("leaf.record", f"leaf and record are not those of one {event}")
        return leaf, record

    def to_json(self) -> dict[str, Any]:
        """As evidence holds it."""
        return {
            "index": self.index,
            "leaf": b64u(self.leaf),
            "proof": [b64u(value) for value in self.proof],
            "record": b64u(self.record),
            "salt": b64u(self.salt),
        }

    @classmethod
    def from_json(cls, value: Any) -> "Entry":
        """Read what `to_json` writes. Raises `Malformed("encoding.base64url")`, `KeyError`, `TypeError`."""
        index = of_type(value["index"], int)
        if not 0 <= index <= MAX_SIZE:
            raise Malformed("evidence.form", "an index that no tree has")
        return cls(
            index=index,
            leaf=from_b64u(value["leaf"]),
            proof=hashes_from_json(value["proof"]),
            record=from_b64u(value["record"]),
            salt=from_b64u(value["salt"], size=SALT_BYTES),
        )


def hashes_from_json(value: Any) -> tuple[bytes, ...]:
    """A list of hashes (32 bytes each) in base64url. Raises `Malformed("encoding.base64url")`, `TypeError`."""
    return tuple(from_b64u(text, size=HASH_BYTES) for text in of_type(value, list))
