"""Authenticator data: the authenticator's own statement. W3C WebAuthn Level 3 §6.1.

rpIdHash (32) | flags (1) | signCount (4) | attested credential data? | extensions?
"""

from dataclasses import dataclass

from cosignet.core.cbor import read_map
from cosignet.errors import Malformed, Refused

_UP, _UV, _BE, _BS, _AT, _ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
_FIXED = 37
MAX_BYTES = 8 * 1024
MAX_CREDENTIAL_ID = 1_023


@dataclass(frozen=True)
class AttestedCredential:
    """A new credential: `aaguid` 16 bytes, `id` 1 to 1,023 bytes, `public_key` a COSE_Key verbatim."""

    aaguid: bytes
    id: bytes
    public_key: bytes


@dataclass(frozen=True)
class AuthenticatorData:
    """Parsed authenticator data; `credential` is present in a registration only."""

    rp_id_hash: bytes
    flags: int
    sign_count: int
    credential: AttestedCredential | None

    @property
    def backup_eligible(self) -> bool:
        """BE: the key may be synced to other devices."""
        return bool(self.flags & _BE)

    @property
    def backed_up(self) -> bool:
        """BS: the key is synced now."""
        return bool(self.flags & _BS)

    def require_user(self) -> None:
        """Require user presence, user verification and consistent backup flags.

        Raises `Refused` with `assertion.up`, `.uv` or `.backup`. Reserved flag bits are ignored, as the specification
        asks; the signature covers them.
        """
        if not self.flags & _UP:
            raise Refused("assertion.up", "nobody touched the authenticator")
        if not self.flags & _UV:
            raise Refused("assertion.uv", "the authenticator did not verify its user (biometric or PIN)")
        if self.backed_up and not self.backup_eligible:
            raise Refused("assertion.backup", "a key cannot be backed up that is not eligible for backup")


def parse_authenticator_data(raw: bytes) -> AuthenticatorData:
    """Read authenticator data to its last byte. Raises `Refused("assertion.form")`."""
    if not _FIXED <= len(raw) <= MAX_BYTES:
        raise Refused("assertion.form", "authenticator data of impossible length")
    flags = raw[32]
    credential, rest = _attested(raw[_FIXED:]) if flags & _AT else (None, raw[_FIXED:])
    if flags & _ED:
        rest = _skip_map(rest)
    if rest:
        raise Refused("assertion.form", "bytes after the end of the authenticator data")
    return AuthenticatorData(raw[:32], flags, int.from_bytes(raw[33:_FIXED]), credential)


def _attested(raw: bytes) -> tuple[AttestedCredential, bytes]:
    length = int.from_bytes(raw[16:18])
    credential_id, key_and_rest = raw[18 : 18 + length], raw[18 + length :]
    if len(raw) < 18 or len(credential_id) != length or not 1 <= length <= MAX_CREDENTIAL_ID:
        raise Refused("assertion.form", f"a credential id has 1 to {MAX_CREDENTIAL_ID} bytes")
    rest = _skip_map(key_and_rest)
    public_key = key_and_rest[: len(key_and_rest) - len(rest)]
    return AttestedCredential(raw[:16], credential_id, public_key), rest


def _skip_map(raw: bytes) -> bytes:
    try:
        return read_map(raw)[1]
    except Malformed as error:
        raise Refused("assertion.form", f"authenticator data: {error.detail}") from error
