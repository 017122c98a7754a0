"""A passkey in software, for tests and demonstrations. Its keys lie in memory: never an approver's real passkey.

The service never loads this module (import contract in pyproject.toml). It performs the real ceremonies of
W3C WebAuthn Level 3 and signs real assertions; what it signs goes through the same checks as any other.
"""

import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.encoding import b64u, from_b64u, sha256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80

Algorithm = Literal["ES256", "EdDSA"]


@dataclass(frozen=True)
class Ceremony:
    """What one ceremony claims. The defaults are an honest one; tests replace single fields to make it lie."""

    rp_id: str
    origin: str
    flags: int = UP | UV
    client_data: dict[str, Any] = field(default_factory=dict)
    extensions: bytes = b""


class SoftwarePasskey:
    """One discoverable credential of one person: `person` is its user handle."""

    def __init__(self, person: str, *, algorithm: Algorithm = "ES256", synced: bool = False) -> None:
        self.person = person
        self.id = secrets.token_bytes(16)
        self.sign_count = 0
        self._backup_flags = BE | BS if synced else 0
        self._key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = (
            ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()
        )

    @property
    def credential(self) -> Credential:
        """The public side, as a registration would record it."""
        return Credential(self.id, self.person, self._cose(), bool(self._backup_flags & BE))

    def register(self, challenge: bytes, ceremony: Ceremony) -> dict[str, Any]:
        """`navigator.credentials.create()`: the RegistrationResponseJSON of W3C WebAuthn Level 3 §5.1."""
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + self._cose()
        data = self._authenticator_data(replace(ceremony, flags=ceremony.flags | AT), attested)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}, canonical=True)
        client_data = _client_data("webauthn.create", challenge, ceremony)
        response = {
            "attestationObject": b64u(attestation),
            "clientDataJSON": b64u(client_data),
            "transports": ["internal"],
        }
        return self._answer(response)

    def sign(self, challenge: bytes, ceremony: Ceremony) -> Assertion:
        """`navigator.credentials.get()`: a signature over `authenticatorData || SHA-256(clientDataJSON)`."""
        self.sign_count += 1
        data = self._authenticator_data(ceremony, b"")
        client_data = _client_data("webauthn.get", challenge, ceremony)
        signature = self._sign(data + sha256(client_data))
        return Assertion(self.id, data, client_data, signature, self.person.encode())

    def answer(self, challenge: bytes, ceremony: Ceremony) -> dict[str, Any]:
        """As `sign`, in the AuthenticationResponseJSON that a page posts."""
        return self.as_json(self.sign(challenge, ceremony))

    def as_json(self, assertion: Assertion) -> dict[str, Any]:
        """An assertion as the AuthenticationResponseJSON of W3C WebAuthn Level 3 §5.1."""
        response = {
            "authenticatorData": b64u(assertion.authenticator_data),
            "clientDataJSON": b64u(assertion.client_data),
            "signature": b64u(assertion.signature),
            "userHandle": b64u(assertion.user_handle) if assertion.user_handle else None,
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": b64u(self.id),
            "rawId": b64u(self.id),
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }

    def _authenticator_data(self, ceremony: Ceremony, attested: bytes) -> bytes:
        flags = ceremony.flags | self._backup_flags
        head = sha256(ceremony.rp_id.encode()) + bytes([flags]) + self.sign_count.to_bytes(4)
        return head + attested + ceremony.extensions

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(message, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(message)

    def _cose(self) -> bytes:
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            point = self._key.public_key().public_numbers()
            members = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        else:
            members = {1: 1, 3: -8, -1: 6, -2: self._key.public_key().public_bytes_raw()}
        return cbor2.dumps(members, canonical=True)


def challenge_from(options: dict[str, Any]) -> bytes:
    """The challenge inside the WebAuthn options that a server sent."""
    return from_b64u(options["challenge"])


def _client_data(kind: str, challenge: bytes, ceremony: Ceremony) -> bytes:
    data = {"type": kind, "challenge": b64u(challenge), "origin": ceremony.origin, "crossOrigin": False}
    return json.dumps({**data, **ceremony.client_data}, separators=(",", ":")).encode()
