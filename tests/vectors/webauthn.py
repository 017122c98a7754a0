"""The test vectors of W3C WebAuthn Level 3 §16, derived as that section derives them: HKDF, RFC 6979, RFC 8032.

Flags and extra members of clientDataJSON are drawn at random, so that most of them break a rule of ours.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cosignet.core.assertion import Assertion, Credential
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, sha256
from cosignet.testing import AT, BE, BS, UP, UV

RP = RelyingParty("example.org", frozenset({"https://example.org"}))
RP_ID_HASH = sha256(RP.id.encode())
EXTRA = "clientDataJSON may be extended with additional fields in the future, such as this: "


class Draws:
    """The numbered random values of one vector."""

    def __init__(self, info):
        self.info = info.encode()
        self.count = 0

    def __call__(self, length=32):
        salt = bytes([self.count])
        self.count += 1
        return HKDF(hashes.SHA256(), length, salt, self.info).derive(b"WebAuthn test vectors")

    def client_data(self, kind, challenge, frame):
        members = {"type": kind, "challenge": b64u(challenge), "origin": "https://example.org", **frame}
        if self(1)[0] & 1:
            members["extraData"] = EXTRA + b64u(self(16))
        return json.dumps(members, separators=(",", ":")).encode()

    def flags(self, backup_eligible=None):
        """UP, with UV, BE and BS as drawn; BE stays what the registration made it."""
        drawn = self(1)[0]
        eligible = bool(drawn & BE) if backup_eligible is None else backup_eligible
        return UP | drawn & UV | BE * eligible | drawn & BS * eligible


@dataclass(frozen=True)
class Key:
    """A private key, the members of its COSE_Key, and what else `sign` is given."""

    private: Any
    members: dict[int, Any]
    how: tuple[Any, ...] = ()

    @property
    def cose(self):
        return cbor2.dumps(self.members, canonical=True)

    def sign(self, message):
        return self.private.sign(message, *self.how)


def ecdsa(curve, algorithm, number, hash_, length):
    """Draws a key of so many bytes, for ECDSA on that curve."""

    def make(draw):
        private = ec.derive_private_key(int.from_bytes(draw(length)), curve)
        point = private.public_key().public_numbers()
        size = (curve.key_size + 7) // 8
        members = {1: 2, 3: algorithm, -1: number, -2: point.x.to_bytes(size), -3: point.y.to_bytes(size)}
        return Key(private, members, (ec.ECDSA(hash_, deterministic_signing=True),))

    return make


def eddsa(kind, algorithm, number, length):
    """Draws a key for Ed25519 or Ed448."""

    def make(draw):
        private = kind.from_private_bytes(draw(length))
        return Key(private, {1: 1, 3: algorithm, -1: number, -2: private.public_key().public_bytes_raw()})

    return make


def mersenne(draw):
    """The RSA key of the two smallest Mersenne primes 2^p - 1 with p >= 1024. Nothing is drawn."""
    p, q, e = 2**1279 - 1, 2**2203 - 1, 65537
    public = rsa.RSAPublicNumbers(e, p * q)
    d = rsa.rsa_recover_private_exponent(e, p, q)
    exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    private = rsa.RSAPrivateNumbers(p, q, d, *exponents, public).private_key()
    members = {1: 3, 3: -257, -1: public.n.to_bytes((public.n.bit_length() + 7) // 8), -2: e.to_bytes(3)}
    return Key(private, members, (padding.PKCS1v15(), hashes.SHA256()))


ES256 = ecdsa(ec.SECP256R1(), -7, 1, hashes.SHA256(), 32)
ES384 = ecdsa(ec.SECP384R1(), -35, 2, hashes.SHA384(), 48)
ES512 = ecdsa(ec.SECP521R1(), -36, 3, hashes.SHA512(), 65)
ED25519 = eddsa(ed25519.Ed25519PrivateKey, -8, 6, 32)
ED448 = eddsa(ed448.Ed448PrivateKey, -53, 7, 57)


@dataclass(frozen=True)
class Made:
    """A new credential, as its attestation finds it."""

    key: Key
    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes

    @property
    def signed(self):
        return self.authenticator_data + sha256(self.client_data)


Attest = Callable[[Draws, Made], dict[str, Any]]


def no_statement(draw, made):
    return {}


@dataclass(frozen=True)
class Vector:
    """One registration, and one assertion by the new credential."""

    credential: Credential
    create_challenge: bytes
    create_client_data: bytes
    attestation_object: bytes
    get_challenge: bytes
    assertion: Assertion

    @property
    def published(self):
        """What the specification prints, in the order of its text."""
        return b"".join(
            (
                self.create_challenge,
                self.create_client_data,
                self.attestation_object,
                self.get_challenge,
                self.assertion.client_data,
                self.assertion.authenticator_data,
                self.assertion.signature,
            )
        )


@dataclass(frozen=True)
class Recipe:
    """What is fixed of a vector; all else is drawn."""

    info: str
    key: Callable[[Draws], Key] = ES256
    format: str = "none"
    attest: Attest = no_statement
    frame: tuple[tuple[str, Any], ...] = (("crossOrigin", False),)
    challenge_length: int = 32
    id_length: int = 32

    def derive(self):
        draw = Draws(self.info)
        create_challenge = draw(self.challenge_length)
        made = self._make(draw, create_challenge)
        members = {"fmt": self.format, "attStmt": self.attest(draw, made), "authData": made.authenticator_data}
        get_challenge = draw(self.challenge_length)
        eligible = bool(made.authenticator_data[32] & BE)
        return Vector(
            Credential(made.credential_id, "somebody", made.key.cose, eligible),
            create_challenge,
            made.client_data,
            cbor2.dumps(members, canonical=True),
            get_challenge,
            self._assert(draw, made, get_challenge, eligible),
        )

    def _make(self, draw, challenge):
        key = self.key(draw)
        client_data = draw.client_data("webauthn.create", challenge, dict(self.frame))
        aaguid, credential_id = draw(16), draw(self.id_length)
        # U2F knows no user verification and no backup.
        flags = UP if self.format == "fido-u2f" else draw.flags()
        attested = aaguid + self.id_length.to_bytes(2) + credential_id + key.cose
        return Made(key, credential_id, client_data, RP_ID_HASH + bytes([flags | AT]) + bytes(4) + attested)

    def _assert(self, draw, made, challenge, eligible):
        client_data = draw.client_data("webauthn.get", challenge, dict(self.frame))
        data = RP_ID_HASH + bytes([draw.flags(eligible)]) + bytes(4)
        return Assertion(made.credential_id, data, client_data, made.key.sign(data + sha256(client_data)), None)
