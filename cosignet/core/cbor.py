"""Reading CBOR maps from strangers (RFC 8949): one well-formed map, and the bytes that follow it."""

import io
from typing import Any

import cbor2

from cosignet.errors import Malformed


def read_map(raw: bytes) -> tuple[dict[Any, Any], bytes]:
    """Decode the map at the start of `raw`; returns it and the rest. Raises `Malformed("cbor.form")`."""
    stream = io.BytesIO(raw)
    try:
        # read_size=1 keeps the decoder from reading past the end of the map.
        value = cbor2.CBORDecoder(stream, read_size=1, allow_duplicate_keys=False).decode()
    except (cbor2.CBORError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise Malformed("cbor.form", "not well-formed CBOR") from error
    if not isinstance(value, dict):
        raise Malformed("cbor.form", "expected a CBOR map")
    return value, raw[stream.tell() :]


def canonical(value: dict[Any, Any]) -> bytes:
    """CTAP2 canonical CBOR form (CTAP 2.1 §8)."""
    return cbor2.dumps(value, canonical=True)
