"""Passkeys and signatures that are the same each time: RFC 6979 and RFC 8032 see to it, ML-DSA-44 is remembered."""

import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.log_keys import Kind
from cosignet.core.note import Signature
from cosignet.testing import SoftwareLog, SoftwarePasskey

REMEMBERED = Path(__file__).parent / "ml_dsa_44.json"


class FixedPasskey(SoftwarePasskey):
    """A software passkey whose id, key and signatures never change."""

    def __init__(self, person, *, algorithm="ES256", synced=False):
        super().__init__(person, algorithm=algorithm, synced=synced)
        seed = sha256(f"cosignet test vectors: {person}".encode())
        self.id = seed[:16]
        self._key = (
            ec.derive_private_key(int.from_bytes(seed), ec.SECP256R1())
            if algorithm == "ES256"
            else ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        )

    def _sign(self, message):
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return self._key.sign(message)


class FixedLog(SoftwareLog):
    """A software log whose signatures never change: those of ML-DSA-44 are random, so they are kept in a file."""

    def sign(self, key, checkpoint):
        if key.kind != Kind.ML_DSA_44:
            return super().sign(key, checkpoint)
        known = remembered()
        name = b64u(sha256(key.public.id + self.time.to_bytes(8) + checkpoint.to_text().encode()))
        if name not in known:
            known[name] = b64u(super().sign(key, checkpoint).signature)
            REMEMBERED.write_bytes((json.dumps(known, indent=2, sort_keys=True) + "\n").encode())
        return Signature(key.name, key.public.id, from_b64u(known[name]))


def remembered():
    """The signatures so far, by the hash of what was signed."""
    return json.loads(REMEMBERED.read_bytes()) if REMEMBERED.exists() else {}
