"""COSE keys that should be refused, and the curve points they are made of."""

import cbor2

from cosignet.testing import SoftwarePasskey

P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519 = 2**255 - 19

EC_KEY = cbor2.loads(SoftwarePasskey("alice").credential.public_key)
ED_KEY = cbor2.loads(SoftwarePasskey("alice", algorithm="EdDSA").credential.public_key)


def cose(members):
    return cbor2.dumps(members, canonical=True)


def ed25519_key(encoded):
    return cose({**ED_KEY, -2: encoded})


def y_coordinate(y, sign=0):
    return (y | sign << 255).to_bytes(32, "little")


# The eight points of order 1, 2, 4 and 8. Keys made of them verify signatures that nobody made.
_ORDER_8 = [
    int.from_bytes(bytes.fromhex(text), "little")
    for text in (
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    )
]
SMALL_ORDER = {
    "order 1": y_coordinate(1),
    "order 2": y_coordinate(ED25519 - 1),
    "order 4": y_coordinate(0),
    "order 4, negative": y_coordinate(0, 1),
    **{f"order 8, {i}{'+-'[sign]}": y_coordinate(y, sign) for i, y in enumerate(_ORDER_8) for sign in (0, 1)},
}
# All encodings of y >= p, of small order (p+0, p+1) or not; and both of x = 0 with a sign that it does not have.
NOT_CANONICAL = {
    **{f"p+{y}, sign {sign}": y_coordinate(ED25519 + y, sign) for y in range(19) for sign in (0, 1)},
    "x = 0 with a sign, y = 1": y_coordinate(1, 1),
    "x = 0 with a sign, y = -1": y_coordinate(ED25519 - 1, 1),
}

# A point whose x is small enough that x + p still fits in 32 bytes.
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
SMALL_X = 5
SMALL_X_Y = pow(SMALL_X**3 - 3 * SMALL_X + _B, (P256 + 1) // 4, P256)
NO_X = next(x for x in range(P256) if pow(x**3 - 3 * x + _B, (P256 - 1) // 2, P256) == P256 - 1)


def p256_key(x, y):
    return cose({**EC_KEY, -2: x.to_bytes(32), -3: y.to_bytes(32)})


X, Y = (int.from_bytes(EC_KEY[part]) for part in (-2, -3))

UNSUPPORTED = {
    "RS256": cose({1: 3, 3: -257, -1: bytes(256), -2: b"\x01\x00\x01"}),
    "ES384": cose({1: 2, 3: -35, -1: 2, -2: bytes(48), -3: bytes(48)}),
    "ES512": cose({1: 2, 3: -36, -1: 3, -2: bytes(66), -3: bytes(66)}),
    "ES256K": cose({**EC_KEY, 3: -47, -1: 8}),
    "Ed448": cose({1: 1, 3: -53, -1: 7, -2: bytes(57)}),
    "Ed448 as EdDSA": cose({1: 1, 3: -8, -1: 7, -2: bytes(57)}),
    "ML-DSA-44": cose({1: 7, 3: -48, -1: bytes(1312)}),
    "EC2 key with EdDSA": cose({**EC_KEY, 3: -8}),
    "OKP key with ES256": cose({**ED_KEY, 3: -7}),
    "EC2 type with an Ed25519 key": cose({**ED_KEY, 1: 2}),
    "X25519": cose({**ED_KEY, -1: 4}),
    "P-384 with ES256": cose({**EC_KEY, -1: 2}),
    "no algorithm": cose({key: value for key, value in EC_KEY.items() if key != 3}),
}
BROKEN = {
    "off the curve": p256_key(X, Y ^ 1),
    "the point (0, 0)": p256_key(0, 0),
    "the point at infinity, as in SEC 1": cose({**EC_KEY, -2: b"", -3: b""}),
    "an x that no point has": p256_key(NO_X, Y),
    "x beyond the prime": p256_key(SMALL_X + P256, SMALL_X_Y),
    "y beyond the field": p256_key(X, 2**256 - 1),
    "x of 31 bytes": cose({**EC_KEY, -2: SMALL_X.to_bytes(31), -3: SMALL_X_Y.to_bytes(32)}),
    "y of 33 bytes": cose({**EC_KEY, -3: Y.to_bytes(33)}),
    "x as an integer": cose({**EC_KEY, -2: SMALL_X, -3: SMALL_X_Y.to_bytes(32)}),
    "compressed y": cose({**EC_KEY, -3: True}),
    "x as text": cose({**EC_KEY, -2: "x" * 32}),
    "a further member": cose({**EC_KEY, 2: b"key id"}),
    "a private key": cose({**EC_KEY, -4: bytes(32)}),
    "Ed25519 with a y": cose({**ED_KEY, -3: bytes(32)}),
    "Ed25519 of 31 bytes": ed25519_key(ED_KEY[-2][:31]),
    "Ed25519 of 33 bytes": ed25519_key(ED_KEY[-2] + b"\x00"),
    "Ed25519 as an integer": ed25519_key(7),
    "Ed25519 as text": ed25519_key("x" * 32),
    "not on edwards25519": ed25519_key(y_coordinate(2)),
}
OTHER_SPELLINGS = {
    "trailing byte": cose(EC_KEY) + b"\x00",
    "unsorted": cbor2.dumps(dict(reversed(EC_KEY.items()))),
    "indefinite length": b"\xbf" + cose(EC_KEY)[1:] + b"\xff",
    "a long integer": cose(EC_KEY)[:1] + b"\x18\x01" + cose(EC_KEY)[2:],
    "a member twice": b"\xa6\x01\x02" + cose(EC_KEY)[1:],
    "curve as boolean": cose({**EC_KEY, -1: True}),
    "algorithm as float": cose({**EC_KEY, 3: -7.0}),
    "label as float": cose({1.0: 2, **{key: value for key, value in EC_KEY.items() if key != 1}}),
    "a tagged member": cose({**EC_KEY, -2: cbor2.CBORTag(64, EC_KEY[-2])}),
    "a value that cannot be written back": b"\xa1\x01\xd8\x24\x65a: b\n",
}
NOT_A_MAP = {
    "nothing": b"",
    "array": cose([]),
    "integer": b"\x01",
    "cut short": cose(EC_KEY)[:-1],
    "garbage": b"\xff" * 77,
}
