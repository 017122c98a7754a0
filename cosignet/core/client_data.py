"""clientDataJSON: what the browser says it signed, and where. W3C WebAuthn Level 3 §5.8.1, §7.1 and §7.2.

Parsed, never matched against a template: browsers add keys of their own.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from cosignet.core.encoding import b64u, sha256
from cosignet.errors import Refused

MAX_BYTES = 8 * 1024
MAX_DEPTH = 32


@dataclass(frozen=True)
class RelyingParty:
    """Where passkeys of this installation are valid: the rp id and the exact origins its pages have."""

    id: str
    origins: frozenset[str]

    def require(self, place: "Place") -> None:
        """Require that somebody signed here. Raises `Refused` with `assertion.origin` or `.rp_id`."""
        if place.origin not in self.origins:
            raise Refused("assertion.origin", "signed on a page of another origin")
        if place.rp_id_hash != sha256(self.id.encode("utf-8")):
            raise Refused("assertion.rp_id", "made for another relying party")


@dataclass(frozen=True)
class Place:
    """Where somebody signed: the page's origin as the browser gave it, SHA-256 of the authenticator's rp id."""

    origin: str
    rp_id_hash: bytes


def check_client_data(raw: bytes, *, kind: Literal["webauthn.get", "webauthn.create"], challenge: bytes) -> str:
    """Require this ceremony, this challenge, and no frame around the page; the page's origin.

    Raises `Refused` with `assertion.form`, `.type`, `.challenge`, `.cross_origin` or `.origin`.
    """
    data = _parse(raw)
    if data.get("type") != kind:
        raise Refused("assertion.type", f"expected {kind}")
    # The text is compared, not its bytes: a second spelling of the same challenge is not what was issued.
    if data.get("challenge") != b64u(challenge):
        raise Refused("assertion.challenge", "signed for another nonce, payload, decision or context")
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise Refused("assertion.cross_origin", "signed on a page inside another site's frame")
    origin = data.get("origin")
    if not isinstance(origin, str):
        raise Refused("assertion.origin", "signed on a page without an origin")
    return origin


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise Refused("assertion.form", "clientDataJSON is too long")
    try:
        data = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            # Numbers mean nothing here, however long they are.
            parse_int=float,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise Refused("assertion.form", "clientDataJSON is not JSON in UTF-8") from error
    if not isinstance(data, dict):
        raise Refused("assertion.form", "clientDataJSON is not an object")
    _check_depth(data, MAX_DEPTH)
    # Gone from Level 3; where an old client still sends it, it has the shape Level 2 gave it.
    if not isinstance(data.get("tokenBinding", {}), dict):
        raise Refused("assertion.form", "tokenBinding is not an object")
    return data


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _check_depth(value: Any, levels: int) -> None:
    if levels < 0:
        raise Refused("assertion.form", "clientDataJSON is nested too deeply")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(inner, levels - 1)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Refused("assertion.form", "clientDataJSON has the same key twice")
    return value
