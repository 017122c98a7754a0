"""The keys that sign checkpoints, and which of them signed one.

Ed25519 (type 0x01, c2sp.org/signed-note), Ed25519 with a time (0x04) and ML-DSA-44 with a time (0x06, FIPS 204;
both c2sp.org/tlog-cosignature). A log signs with 0x01 and 0x06, a witness with 0x04 or 0x06.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.encoding import sha256
from cosignet.core.keys import read_ed25519
from cosignet.core.note import KEY_ID_BYTES, Note, Signature, decode_base64, encode_base64, is_key_name
from cosignet.errors import Malformed, VerificationFailed

SEED_BYTES = 32

_TIME_BYTES = 8
_MLDSA_PUBLIC_BYTES = 1312
_PRIVATE = "PRIVATE+KEY+"


class Kind(IntEnum):
    """A key's type, as its id and its text carry it."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    ML_DSA_44 = 0x06


@dataclass(frozen=True)
class LogKey:
    """The public key of a log or a witness, under its name."""

    name: str
    kind: Kind
    public: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of a hash over name, type and key: they tell keys apart, and prove nothing."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)[:KEY_ID_BYTES]

    def to_text(self) -> str:
        """The verifier key, `<name>+<id>+<base64>`."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "LogKey":
        """Read a verifier key. Raises `Malformed("log.key")`."""
        name, key_id, material = _split(text)
        key = cls(name, _kind(material), material[1:])
        if key.id.hex() != key_id:
            raise _malformed("the id is not that of the key")
        _check_public(key)
        return key

    def time_of(self, signature: bytes, note_text: str) -> int:
        """When the text was signed, in seconds since 1970; 0 for the kind that does not say.

        Raises `VerificationFailed("log.signature")`.
        """
        time, raw = 0, signature
        if self.kind != Kind.ED25519:
            time, raw = int.from_bytes(signature[:_TIME_BYTES]), signature[_TIME_BYTES:]
        message = _message(self, note_text, time)
        try:
            if self.kind == Kind.ML_DSA_44:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(raw, message)
            else:
                read_ed25519(self.public).verify(raw, message)
        except (InvalidSignature, ValueError) as error:
            raise VerificationFailed("log.signature", f"the signature of {self.name} does not verify") from error
        return time


@dataclass(frozen=True)
class SigningKey:
    """A private key, as the file of the publisher or of a witness holds it."""

    name: str
    kind: Kind
    seed: bytes

    @property
    def public(self) -> LogKey:
        """Its public half."""
        key = self._ml_dsa() if self.kind == Kind.ML_DSA_44 else self._ed25519()
        return LogKey(self.name, self.kind, key.public_key().public_bytes_raw())

    def to_text(self) -> str:
        """The line of a key file, in the form that Go's `note` package writes."""
        return f"{_PRIVATE}{self.name}+{self.public.id.hex()}+{encode_base64(bytes([self.kind]) + self.seed)}"

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read such a line. Raises `Malformed("log.key")`, which tells nothing of the key."""
        if not text.startswith(_PRIVATE):
            raise _malformed("no private key")
        name, key_id, material = _split(text.removeprefix(_PRIVATE))
        key = cls(name, _kind(material), material[1:])
        if len(key.seed) != SEED_BYTES or key.public.id.hex() != key_id:
            raise _malformed("the id is not that of the key")
        return key

    def sign(self, checkpoint: Checkpoint, *, time: int) -> Signature:
        """Sign a head; `time` in seconds since 1970, for the kinds that say it."""
        public = self.public
        message = _message(public, checkpoint.to_text(), time)
        if self.kind == Kind.ED25519:
            return Signature(self.name, public.id, self._ed25519().sign(message))
        signer = self._ml_dsa() if self.kind == Kind.ML_DSA_44 else self._ed25519()
        return Signature(self.name, public.id, time.to_bytes(_TIME_BYTES) + signer.sign(message))

    def _ed25519(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def _ml_dsa(self) -> MLDSA44PrivateKey:
        return MLDSA44PrivateKey.from_seed_bytes(self.seed)


def open_checkpoint(raw: bytes, keys: Iterable[LogKey]) -> tuple[Checkpoint, dict[LogKey, int]]:
    """Read a signed checkpoint: the head, and which of `keys` signed it, with the time that each says (0: none).

    Signatures of keys that are not among `keys` are passed over. Raises `Malformed("note.form")`,
    `Malformed("checkpoint.form")`, and `VerificationFailed("log.signature")` when a signature of one of `keys` does
    not verify, or none of them signed.
    """
    note = Note.parse(raw)
    checkpoint = Checkpoint.parse(note.text)
    signed = signers_of(note, keys)
    if not signed:
        raise VerificationFailed("log.signature", "no key that is known has signed this checkpoint")
    return checkpoint, signed


def signers_of(note: Note, keys: Iterable[LogKey]) -> dict[LogKey, int]:
    """Which of `keys` signed a checkpoint, with the time that each says (0: none); other signatures are passed over.

    Raises `VerificationFailed("log.signature")` when a signature of one of `keys` does not verify.
    """
    known = {(key.name, key.id): key for key in keys}
    named = [(known.get((line.name, line.key_id)), line) for line in note.signatures]
    return {key: key.time_of(line.signature, note.text) for key, line in named if key is not None}


def _message(key: LogKey, text: str, time: int) -> bytes:
    if key.kind == Kind.ED25519:
        return text.encode()
    if key.kind == Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    head = Checkpoint.parse(text)
    return b"".join(
        [
            b"subtree/v1\n\x00",
            _short(key.name),
            time.to_bytes(8),
            _short(head.origin),
            (0).to_bytes(8),
            head.size.to_bytes(8),
            head.root,
        ]
    )


def _short(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(1) + data


def _split(text: str) -> tuple[str, str, bytes]:
    # Base64 may contain a plus of its own.
    name, first, rest = text.partition("+")
    key_id, second, material = rest.partition("+")
    if not (first and second and is_key_name(name) and len(name.encode()) < 256):
        raise _malformed("a key has the form name+id+base64")
    try:
        return name, key_id, decode_base64(material)
    except Malformed as error:
        raise _malformed(error.detail) from error


def _kind(material: bytes) -> Kind:
    try:
        return Kind(material[0])
    except (IndexError, ValueError) as error:
        raise _malformed("a key of a type that is not known here") from error


def _check_public(key: LogKey) -> None:
    if key.kind == Kind.ML_DSA_44:
        if len(key.public) != _MLDSA_PUBLIC_BYTES:
            raise _malformed(f"an ML-DSA-44 key has {_MLDSA_PUBLIC_BYTES} bytes")
        return
    try:
        read_ed25519(key.public)
    except Malformed as error:
        raise _malformed(error.detail) from error


def _malformed(detail: str) -> Malformed:
    return Malformed("log.key", detail)
