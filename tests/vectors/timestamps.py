"""OpenTimestamps proofs and block headers, made rather than waited for."""

from cosignet.core.encoding import sha256

MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"
BITCOIN = bytes.fromhex("0588960d73d71901")
PENDING = bytes.fromhex("83dfe30d2ef90c8e")


def timestamp(digest, *, height):
    """A proof as a calendar completes one, another calendar still pending; and the Merkle root that it leads to."""
    nonce, left, right = sha256(b"nonce")[:16], sha256(b"left"), sha256(b"right")
    committed = sha256(digest + nonce)
    root = sha256(sha256(left + committed + right))
    pending = b"\x00" + PENDING + prefixed(prefixed(b"https://calendar.example"))
    block = b"\x00" + BITCOIN + prefixed(number(height))
    path = b"\xf0" + prefixed(right) + b"\xf1" + prefixed(left) + b"\x08\x08" + block
    proof = b"\xf0" + prefixed(nonce) + b"\x08" + b"\xff" + pending + path
    return MAGIC + b"\x08" + digest + proof, root


def header_over(root, *, time=1_770_000_000):
    """A block header with this Merkle root. Nobody mined it: trust files pin the hashes of blocks."""
    return b"\x00\x00\x00\x20" + bytes(32) + root + time.to_bytes(4, "little") + bytes(8)


def prefixed(data):
    return number(len(data)) + data


def number(value):
    """LEB128."""
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
