"""Public keys of passkeys: COSE (RFC 9052, RFC 9053), only ES256 and Ed25519, only keys that can be trusted to sign.

Beyond the form: an ES256 key lies on P-256, an Ed25519 key is a canonical encoding of a point that
is not of small order (such a key verifies any message, RFC 8032 §8.4 and "Taming the many EdDSAs").
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cosignet.core.cbor import canonical, read_map
from cosignet.errors import Malformed

ES256 = -7
EDDSA = -8

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_MINUS_ONE = pow(2, (_P - 1) // 4, _P)


@dataclass(frozen=True)
class PublicKey:
    """A COSE public key as registered: `cose` verbatim, and the algorithm number it is for."""

    cose: bytes
    algorithm: int
    _key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """True when `signature` (DER for ES256, 64 bytes for Ed25519) is this key's over `message`."""
        try:
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@lru_cache(maxsize=4096)
def parse_public_key(cose: bytes) -> PublicKey:
    """Read a COSE_Key in CTAP2 canonical form. Raises `Malformed("credential.key")`."""
    members = _read_map(cose)
    kind = (members.get(1), members.get(3), members.get(-1))
    if kind == (2, ES256, 1) and set(members) == {1, 3, -1, -2, -3}:
        return PublicKey(cose, ES256, _p256(members[-2], members[-3]))
    if kind == (1, EDDSA, 6) and set(members) == {1, 3, -1, -2}:
        return PublicKey(cose, EDDSA, read_ed25519(members[-2]))
    raise _unusable("only ES256 on P-256 and EdDSA with Ed25519 are accepted")


def _read_map(cose: bytes) -> dict[Any, Any]:
    try:
        members, _ = read_map(cose)
    except Malformed as error:
        raise _unusable(error.detail) from error
    # Another spelling of the same map (floats or booleans for integers, long integers, trailing bytes) is another key.
    plain = all(type(key) is int and type(value) in (int, bytes) for key, value in members.items())
    if not plain or canonical(members) != cose:
        raise _unusable("not in CTAP2 canonical CBOR form")
    return members


def _p256(x: object, y: object) -> ec.EllipticCurvePublicKey:
    if not (isinstance(x, bytes) and isinstance(y, bytes) and len(x) == len(y) == 32):
        raise _unusable("coordinates must be 32 bytes each")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
    try:
        key = numbers.public_key()
    except ValueError as error:
        raise _unusable("the point is not on P-256") from error
    # A coordinate beyond the field's prime names the same point a second time.
    if key.public_numbers() != numbers:
        raise _unusable("a P-256 key that is not canonically encoded")
    return key


def read_ed25519(x: object) -> ed25519.Ed25519PublicKey:
    """A key of 32 bytes, canonically encoded and not of small order. Raises `Malformed("credential.key")`."""
    if not (isinstance(x, bytes) and len(x) == 32):
        raise _unusable("an Ed25519 key has 32 bytes")
    return _ed25519(x)


@lru_cache(maxsize=4096)
def _ed25519(x: bytes) -> ed25519.Ed25519PublicKey:
    point = _decompress(x)
    for _ in range(3):
        point = _double(point)
    if point[0] == 0 and point[1] == 1:
        raise _unusable("an Ed25519 key of small order verifies any message")
    return ed25519.Ed25519PublicKey.from_public_bytes(x)


def _decompress(encoded: bytes) -> tuple[int, int]:
    """RFC 8032 §5.1.3, refusing y ≥ p and a sign bit on x = 0."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= _P:
        raise _unusable("an Ed25519 key that is not canonically encoded")
    x_squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x_squared, (_P + 3) // 8, _P)
    if (x * x - x_squared) % _P:
        x = x * _SQRT_MINUS_ONE % _P
    if (x * x - x_squared) % _P or (x == 0 and sign):
        raise _unusable("an Ed25519 key that is not a point of the curve")
    return (_P - x if x & 1 != sign else x), y


def _double(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    product = _D * x * x * y * y
    return (
        2 * x * y * pow(1 + product, _P - 2, _P) % _P,
        (y * y + x * x) * pow(1 - product, _P - 2, _P) % _P,
    )


def _unusable(detail: str) -> Malformed:
    return Malformed("credential.key", detail)
