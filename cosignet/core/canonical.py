"""One text for one value: strict JSON in, RFC 8785 (JCS) bytes out. docs/protocol.md §1.

Whatever two parsers could read differently is refused at the door: duplicate keys, numbers a
double cannot hold exactly, lone surrogates, NaN and Infinity, deep nesting.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import rfc8785

from cosignet.core.encoding import sha256
from cosignet.errors import Malformed

T = TypeVar("T")

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1

_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


@dataclass(frozen=True)
class Payload:
    """What will be executed: a JSON object of at most 64 KiB canonical bytes and depth 32."""

    canonical: bytes
    value: dict[str, Any]

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical bytes, 32 bytes."""
        return sha256(self.canonical)

    @classmethod
    def from_text(cls, text: bytes) -> "Payload":
        """Read any JSON spelling of the object. Raises `Malformed("payload.…")`."""
        return cls.from_value(parse(text))

    @classmethod
    def from_value(cls, value: Any) -> "Payload":
        """Take a value already parsed. Raises `Malformed("payload.…")`."""
        if not isinstance(value, dict):
            raise Malformed("payload.not_object", "the payload must be a JSON object")
        canonical = canonicalise(value)
        if len(canonical) > MAX_BYTES:
            raise Malformed("payload.size", f"{len(canonical)} bytes; at most {MAX_BYTES} are allowed")
        return cls(canonical, value)

    @classmethod
    def from_canonical(cls, canonical: bytes) -> "Payload":
        """Read bytes that must already be canonical. Raises `Malformed`, `payload.not_canonical` included."""
        payload = cls.from_text(canonical)
        if payload.canonical != canonical:
            raise Malformed("payload.not_canonical", "the bytes are not the RFC 8785 form of their value")
        return payload


def parse(text: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Parse JSON under the profile above. Raises `Malformed("payload.…")`."""
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Malformed("payload.not_json", f"not JSON in UTF-8: {error}") from error
    except RecursionError as error:
        raise Malformed("payload.depth", f"nested deeper than {max_depth}") from error
    _check(value, max_depth)
    return value


def canonicalise(value: Any, *, max_depth: int = MAX_DEPTH) -> bytes:
    """RFC 8785 bytes of a JSON value. Raises `Malformed("payload.…")` for what the profile refuses."""
    plain = _check(value, max_depth)
    # Python's own encoder takes a tenth of the time.
    return _ENCODER.encode(value).encode() if plain else rfc8785.dumps(value)


def of_type(value: Any, kind: type[T]) -> T:
    """`value`, when it has exactly this JSON type (a boolean is no number). Raises `TypeError`."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def read_record(raw: bytes, keys: tuple[str, ...], kind: str) -> dict[str, str]:
    """Read a canonical flat object that has exactly `keys`, every value a string.

    `kind` (such as `terms`) names the object in the error code: `Malformed("<kind>.form")`.
    """
    try:
        value = parse(raw)
    except Malformed as error:
        raise Malformed(f"{kind}.form", error.detail) from error
    if canonicalise(value) != raw:
        raise Malformed(f"{kind}.form", "the bytes are not in RFC 8785 form")
    if not isinstance(value, dict) or set(value) != set(keys):
        raise Malformed(f"{kind}.form", f"expected exactly the keys {', '.join(keys)}")
    if not all(isinstance(item, str) for item in value.values()):
        raise Malformed(f"{kind}.form", "every value must be a string")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("payload.duplicate_key", "an object has the same key twice")
    return value


def _integer(text: str) -> int:
    # Longer texts cannot be in range, and Python refuses to read very long ones at all.
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        _out_of_range()
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        _out_of_range()
    return value


def _out_of_range() -> NoReturn:
    raise Malformed("payload.number_range", "a number beyond ±(2^53−1); write it as a string")


def _constant(text: str) -> NoReturn:
    raise Malformed("payload.not_finite", f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _check(value: Any, levels: int) -> bool:
    """Whether Python's encoder writes RFC 8785's form: it writes fractions otherwise, and sorts keys by code points."""
    if levels < 0:
        raise Malformed("payload.depth", "nested too deeply")
    if isinstance(value, str):
        _check_text(value)
        return True
    plain = True
    if isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                _check_key(key)
                plain = False
            plain = _check(item, levels - 1) and plain
    elif isinstance(value, list):
        for item in value:
            plain = _check(item, levels - 1) and plain
    else:
        plain = _check_leaf(value)
    return plain


def _check_leaf(value: Any) -> bool:
    if isinstance(value, (int, float)):
        _check_number(value)
    elif value is not None:
        raise Malformed("payload.not_json", f"{type(value).__name__} has no place in JSON")
    return not isinstance(value, float)


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise Malformed("payload.not_json", "a key that is not a string")
    _check_text(key)


def _check_text(text: str) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise Malformed("payload.surrogate", "a lone surrogate is not a character")


def _check_number(value: int | float) -> None:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise Malformed("payload.not_finite", "NaN and Infinity are not JSON numbers")
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        _out_of_range()
