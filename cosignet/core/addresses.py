"""Hashed addresses: whose approval it was, for everybody who can guess whose. docs/protocol.md §5.

They exist only where an approval is made public: an e-mail address that the operator verified, hashed slowly (RFC 8018
§5.2), so that a guess can be confirmed and a list of them is dear to try.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

from cosignet.core.canonical import of_type
from cosignet.core.encoding import b64u, from_b64u
from cosignet.errors import Malformed

KDF = "PBKDF2-HMAC-SHA256"
# Exactly so many: a document must not choose how long its reader works.
ITERATIONS = 600_000
SALT_BYTES = 32
HASH_BYTES = 32
MAX_ADDRESSES = 100

_SPACE = " \t\r\n"
_NOT_IN_ADDRESSES = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff]")
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True)
class HashedAddress:
    """One address under its salt, 32 bytes each."""

    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, email: str, salt: bytes) -> "HashedAddress":
        """Hash an address, which takes some tenths of a second and lets other threads run.

        Raises `Malformed("address.form")` for a text that none can be.
        """
        address = email.strip(_SPACE).translate(_LOWER)
        # Zeros at the end of a key make no difference to HMAC.
        if _NOT_IN_ADDRESSES.search(address):
            raise Malformed("address.form", "an address has no control characters and no half of a surrogate pair")
        return cls(salt, hashlib.pbkdf2_hmac("sha256", address.encode(), salt, ITERATIONS, HASH_BYTES))

    def is_of(self, email: str) -> bool:
        """Whether this is the hash of that address; as slow as `of`."""
        try:
            return hmac.compare_digest(self.of(email, self.salt).hash, self.hash)
        except Malformed:
            return False

    def to_json(self) -> dict[str, Any]:
        """As a record holds it."""
        return {"kdf": KDF, "iterations": ITERATIONS, "salt": b64u(self.salt), "hash": b64u(self.hash)}

    @classmethod
    def from_json(cls, value: Any) -> "HashedAddress":
        """Read what `to_json` writes, and hash nothing. Raises `Malformed("address.form")`, `KeyError`, `TypeError`."""
        read = cls(from_b64u(value["salt"], size=SALT_BYTES), from_b64u(value["hash"], size=HASH_BYTES))
        if value != read.to_json():
            raise Malformed("address.form", f"expected {KDF} with exactly {ITERATIONS} iterations, and nothing else")
        return read


def read_addresses(value: Any) -> dict[str, HashedAddress]:
    """The hashed addresses of a record, by person id. Raises as `HashedAddress.from_json`."""
    if len(of_type(value, dict)) > MAX_ADDRESSES:
        raise Malformed("address.form", f"at most {MAX_ADDRESSES} people have a hashed address")
    return {person: HashedAddress.from_json(address) for person, address in value.items()}
