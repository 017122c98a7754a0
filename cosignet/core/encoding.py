"""How bytes and instants are written as text: base64url without padding (RFC 4648 §5), RFC 3339 UTC seconds."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime

from cosignet.errors import Malformed

_INSTANT = re.compile("([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64u(text: str, *, size: int | None = None) -> bytes:
    """Decode base64url strictly: one text for one value, no padding, no foreign characters.

    Raises `Malformed("encoding.base64url")`, also when `size` is given and the result has another length.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("encoding.base64url", "not base64url without padding") from error
    # Trailing bits that are not zero decode too; re-encoding catches them and every other second spelling.
    if b64u(data) != text:
        raise Malformed("encoding.base64url", "not the canonical base64url text of its bytes")
    if size is not None and len(data) != size:
        raise Malformed("encoding.base64url", f"expected {size} bytes, got {len(data)}")
    return data


def instant(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds, `Z`. `moment` must be aware; a fraction of a second is dropped."""
    if moment.tzinfo is None:
        raise Malformed("encoding.instant", "a moment without a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_instant(text: str) -> datetime:
    """Read exactly the form `instant` writes. Raises `Malformed("encoding.instant")`."""
    found = _INSTANT.fullmatch(text)
    try:
        if found:
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        # No such day, or no such hour.
        pass
    raise Malformed("encoding.instant", "expected a time such as 2026-01-31T12:00:00Z")
