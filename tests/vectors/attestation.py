"""The attestation statements of W3C WebAuthn Level 3 §16, with the certificates of the authority made for them."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from cosignet.core.encoding import sha256
from tests.vectors.webauthn import ES256, RP_ID_HASH, Draws

FROM, TO = datetime(2024, 1, 1, tzinfo=UTC), datetime(3024, 1, 1, tzinfo=UTC)
KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def name(unit):
    parts = {
        NameOID.COMMON_NAME: "WebAuthn test vectors",
        NameOID.ORGANIZATION_NAME: "W3C",
        NameOID.ORGANIZATIONAL_UNIT_NAME: unit,
        NameOID.COUNTRY_NAME: "AA",
    }
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])


AUTHORITY = name("Authenticator Attestation CA")
SUBJECT = name("Authenticator Attestation")
AUTHORITY_KEY = ES256(Draws("Attestation CA")).private


def certificate(draw, key, *extensions, subject=SUBJECT):
    """The DER of a certificate for `key`; each extension with whether it is critical."""
    uses = {use: use == "digital_signature" for use in KEY_USAGES}
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(AUTHORITY_KEY.public_key())
    builder = (
        x509.CertificateBuilder(AUTHORITY, subject, key.public_key(), int.from_bytes(draw(16)), FROM, TO)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(AUTHORITY_KEY, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def der(tag, content):
    """A DER value of fewer than 128 bytes."""
    return bytes([tag, len(content)]) + content


def packed_by_itself(draw, made):
    return {"alg": made.key.members[3], "sig": made.key.sign(made.signed)}


def packed(draw, made):
    signer = ES256(draw)
    return {"alg": -7, "sig": signer.sign(made.signed), "x5c": [certificate(draw, signer.private)]}


def u2f(draw, made):
    signer = ES256(draw)
    point = b"\x04" + made.key.members[-2] + made.key.members[-3]
    signed = b"\x00" + RP_ID_HASH + sha256(made.client_data) + made.credential_id + point
    return {"sig": signer.sign(signed), "x5c": [certificate(draw, signer.private)]}


def android(draw, made):
    """KeyDescription: its version, two security levels, challenge, no unique id, and two empty lists."""
    version, zero, software, empty = (
        der(0x02, (300).to_bytes(2)),
        der(0x02, b"\x00"),
        der(0x0A, b"\x00"),
        der(0x30, b""),
    )
    fields = version + software + zero + software
    fields += der(0x04, sha256(made.client_data)) + der(0x04, b"") + empty + empty
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17"), der(0x30, fields))
    chain = [certificate(draw, made.key.private, (extension, False))]
    return {"alg": -7, "sig": made.key.sign(made.signed), "x5c": chain}


def apple(draw, made):
    nonce = der(0x30, der(0xA1, der(0x04, sha256(made.signed))))
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.840.113635.100.8.2"), nonce)
    return {"x5c": [certificate(draw, made.key.private, (extension, False))]}


def tpm(draw, made):
    signer = ES256(draw)
    usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier("2.23.133.8.3")])
    chain = [certificate(draw, signer.private, (usage, False), (tpm_name(), True), subject=x509.Name([]))]
    public = tpm_public_area(made.key)
    certified = tpm_certify_info(public, sha256(made.signed))
    return {
        "ver": "2.0",
        "alg": -7,
        "x5c": chain,
        "sig": signer.sign(certified),
        "certInfo": certified,
        "pubArea": public,
    }


def tpm_name():
    """Manufacturer, model and version of the TPM."""
    parts = {"1": "id:00000000", "2": "WebAuthn test vectors", "3": "id:00000000"}
    names = [x509.NameAttribute(x509.ObjectIdentifier(f"2.23.133.2.{n}"), text) for n, text in parts.items()]
    return x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([x509.RelativeDistinguishedName(names)]))])


def tpm_public_area(key):
    """TPMT_PUBLIC: an elliptic key with SHA-256 that may sign, on P-256."""
    head = bytes.fromhex("0023 000b 00040000 0000 0010 0010 0003 0010")
    return head + sized(key.members[-2]) + sized(key.members[-3])


def tpm_certify_info(public, extra):
    """TPMS_ATTEST of that key, over `extra`."""
    clock, firmware = bytes(8) + bytes.fromhex("11111111 22222222 33"), bytes(8)
    key = b"\x00\x0b" + sha256(public)
    return b"\xffTCG\x80\x17" + sized(b"") + sized(extra) + clock + firmware + sized(key) + sized(b"")


def sized(content):
    return len(content).to_bytes(2) + content
