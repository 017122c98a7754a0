"""clientDataJSON: what the browser says it signed, and where. W3C WebAuthn Level 3 §5.8.1, §7.1 and §7.2.

Parsed, never matched against a template: browsers add keys of their own.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from cosignet.core.encoding import b64u
from cosignet.errors import Refused

MAX_BYTES = 8 * 1024


@dataclass(frozen=True)
class RelyingParty:
    """Where passkeys of this installation are valid: the rp id and the exact origins its pages have."""

    id: str
    origins: frozenset[str]


def check_client_data(
    raw: bytes, *, kind: Literal["webauthn.get", "webauthn.create"], challenge: bytes, rp: RelyingParty
) -> None:
    """Require this ceremony, this challenge, one of our origins, and no frame around the page.

    Raises `Refused` with `assertion.form`, `.type`, `.challenge`, `.origin` or `.cross_origin`.
    """
    data = _parse(raw)
    if data.get("type") != kind:
        raise Refused("assertion.type", f"expected {kind}")
    # The text is compared, not its bytes: a second spelling of the same challenge is not what was issued.
    if data.get("challenge") != b64u(challenge):
        raise Refused("assertion.challenge", "signed for another nonce, payload, decision or context")
    origin = data.get("origin")
    if not isinstance(origin, str) or origin not in rp.origins:
        raise Refused("assertion.origin", "signed on a page of another origin")
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise Refused("assertion.cross_origin", "signed on a page inside another site's frame")


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise Refused("assertion.form", "clientDataJSON is too long")
    try:
        data = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise Refused("assertion.form", "clientDataJSON is not JSON in UTF-8") from error
    if not isinstance(data, dict):
        raise Refused("assertion.form", "clientDataJSON is not an object")
    # Gone from Level 3; where an old client still sends it, it has the shape Level 2 gave it.
    if not isinstance(data.get("tokenBinding", {}), dict):
        raise Refused("assertion.form", "tokenBinding is not an object")
    return data


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Refused("assertion.form", "clientDataJSON has the same key twice")
    return value
