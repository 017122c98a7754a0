import cbor2
import pytest

from cosignet.core.authenticator_data import MAX_BYTES, MAX_CREDENTIAL_ID, parse_authenticator_data
from cosignet.core.client_data import Place
from cosignet.core.encoding import sha256
from cosignet.errors import Refused
from cosignet.testing import AT, BE, BS, ED, UP, UV
from tests.unit.builders import ORIGIN, RP, raises
from tests.unit.cose import EC_KEY, cose

AAGUID = bytes(range(16))
KEY = cose(EC_KEY)
EXTENSIONS = cbor2.dumps({"credProps": {"rk": True}})


def data(flags=UP | UV, rest=b"", *, rp_id=RP.id, sign_count=0x01020304):
    return sha256(rp_id.encode()) + bytes([flags]) + sign_count.to_bytes(4) + rest


def attested(credential_id=b"credential", key=KEY, *, length=None):
    size = len(credential_id) if length is None else length
    return AAGUID + size.to_bytes(2) + credential_id + key


def require(parsed):
    RP.require(Place(ORIGIN, parsed.rp_id_hash))
    parsed.require_user()


def test_the_fixed_part_is_read():
    parsed = parse_authenticator_data(data(UP | UV | BE | BS))
    assert (parsed.rp_id_hash, parsed.sign_count) == (sha256(RP.id.encode()), 0x01020304)
    assert (parsed.backup_eligible, parsed.backed_up, parsed.credential) == (True, True, None)
    require(parsed)


@pytest.mark.parametrize("credential_id", [b"x", bytes(MAX_CREDENTIAL_ID)])
@pytest.mark.parametrize("extensions", [b"", EXTENSIONS])
def test_a_new_credential_is_read_verbatim(credential_id, extensions):
    flags = UP | UV | AT | (ED if extensions else 0)
    new = parse_authenticator_data(data(flags, attested(credential_id) + extensions)).credential
    assert (new.aaguid, new.id, new.public_key) == (AAGUID, credential_id, KEY)


@pytest.mark.parametrize(
    ("flags", "rp_id", "code"),
    [
        (UP | UV, "evil.example", "assertion.rp_id"),
        (UP | UV, "APPROVE.example", "assertion.rp_id"),
        (UV, RP.id, "assertion.up"),
        (0, RP.id, "assertion.up"),
        (UP, RP.id, "assertion.uv"),
        (UP | BE | BS, RP.id, "assertion.uv"),
        (UP | UV | BS, RP.id, "assertion.backup"),
    ],
)
def test_a_statement_that_is_not_enough_is_refused(flags, rp_id, code):
    with raises(Refused, code):
        require(parse_authenticator_data(data(flags, rp_id=rp_id)))


@pytest.mark.parametrize("reserved", [0x02, 0x20])
def test_reserved_flags_are_ignored(reserved):
    parsed = parse_authenticator_data(data(UP | UV | reserved))
    require(parsed)
    assert parsed.flags == UP | UV | reserved


NEW = UP | UV | AT
REFUSED = {
    "nothing": b"",
    "36 bytes": data()[:-1],
    "trailing byte": data() + b"\x00",
    "a credential without its flag": data(UP | UV, attested()),
    "extensions without their flag": data(UP | UV, EXTENSIONS),
    "the flag without extensions": data(UP | UV | ED),
    "extensions that are no map": data(UP | UV | ED, b"\x80"),
    "extensions that are garbage": data(UP | UV | ED, b"\xff\xff"),
    "extensions cut short": data(UP | UV | ED, EXTENSIONS[:-1]),
    "extensions with the same key twice": data(UP | UV | ED, b"\xa2\x61a\x01\x61a\x02"),
    "bytes after the extensions": data(UP | UV | ED, EXTENSIONS + b"\x00"),
    "the flag without a credential": data(NEW),
    "a credential cut in its aaguid": data(NEW, AAGUID[:-1]),
    "a credential cut in its length": data(NEW, AAGUID + b"\x00"),
    "a credential cut in its id": data(NEW, attested(b"abc", b"", length=4)),
    "a credential without a key": data(NEW, attested(key=b"")),
    "a key cut short": data(NEW, attested(key=KEY[:-1])),
    "a key that is no map": data(NEW, attested(key=b"\x80")),
    "bytes after the key": data(NEW, attested() + b"\x00"),
    "an empty id": data(NEW, attested(b"")),
    "an id of 1,024 bytes": data(NEW, attested(bytes(MAX_CREDENTIAL_ID + 1))),
    "too long": data(UP | UV | ED, cbor2.dumps({"a": bytes(MAX_BYTES - 42)})),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_read_to_its_last_byte_is_refused(raw):
    with raises(Refused, "assertion.form"):
        parse_authenticator_data(raw)


def test_the_longest_authenticator_data_is_accepted():
    longest = data(UP | UV | ED, cbor2.dumps({"a": bytes(MAX_BYTES - 43)}))
    assert len(longest) == MAX_BYTES
    assert parse_authenticator_data(longest).credential is None
