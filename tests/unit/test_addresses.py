"""Hashed addresses: one hash for one address, and nothing is hashed for whoever sends another form."""

import hashlib
import time

import pytest

from cosignet.core.addresses import HashedAddress, read_addresses
from cosignet.core.encoding import b64u
from cosignet.errors import CosignetError, Malformed
from tests.unit.builders import raises

SALT = bytes(range(32))
ALICE = HashedAddress.of("alice@example.com", SALT)


def test_it_is_pbkdf2_as_documented():
    expected = hashlib.pbkdf2_hmac("sha256", b"alice@example.com", SALT, 600_000)
    assert HashedAddress(SALT, expected) == ALICE
    assert ALICE.to_json() == {
        "kdf": "PBKDF2-HMAC-SHA256",
        "iterations": 600_000,
        "salt": b64u(SALT),
        "hash": b64u(expected),
    }


@pytest.mark.parametrize("email", ["alice@example.com", " Alice@EXAMPLE.com\r\n", "\talice@example.COM"])
def test_an_address_has_one_hash_however_it_is_typed(email):
    assert ALICE.is_of(email)


@pytest.mark.parametrize(
    "email", ["", "bob@example.com", "alice@example.co", "al ice@example.com", "\u00a0alice@example.com", "\ud800"]
)
def test_another_address_has_another(email):
    assert not ALICE.is_of(email)


@pytest.mark.parametrize("email", ["alice@example.com\0", "alice@example.com\x7f", "a\nb@example.com", "\ud800"])
def test_what_is_no_address_has_no_hash(email):
    # Of keys that HMAC pads with zeros alike, or that encode as somebody may have made them.
    raw = email.encode("utf-8", "surrogatepass")
    assert not HashedAddress(SALT, hashlib.pbkdf2_hmac("sha256", raw, SALT, 600_000)).is_of(email)
    with pytest.raises(Malformed, match=r"address\.form"):
        HashedAddress.of(email, SALT)


def test_letters_beyond_ascii_stay_as_they_are():
    accented = HashedAddress.of("zoë@example.com", SALT)
    assert accented.is_of("ZOë@example.com")
    assert not accented.is_of("ZOË@example.com")
    assert not HashedAddress.of("k@example.com", SALT).is_of("\u212a@example.com")


def test_the_same_address_under_another_salt_shows_nothing_of_it():
    assert HashedAddress.of("alice@example.com", bytes(32)).hash != ALICE.hash


def test_a_record_is_read_as_it_was_written():
    assert read_addresses({"p-1": ALICE.to_json(), "p-2": ALICE.to_json()}) == {"p-1": ALICE, "p-2": ALICE}
    assert read_addresses({}) == {}
    assert len(read_addresses({str(number): ALICE.to_json() for number in range(100)})) == 100


HOSTILE = {
    "once": {"iterations": 1},
    "never": {"iterations": 0},
    "backwards": {"iterations": -600_000},
    "once less": {"iterations": 599_999},
    "once more": {"iterations": 600_001},
    "for ever": {"iterations": 2**53 - 1},
    "as text": {"iterations": "600000"},
    "truly": {"iterations": True},
    "in a list": {"iterations": [600_000]},
    "not at all": {"iterations": None},
    "another KDF": {"kdf": "PBKDF2-HMAC-SHA1"},
    "a dear KDF": {"kdf": "argon2id"},
    "no KDF": {"kdf": None},
    "a short salt": {"salt": b64u(SALT[1:])},
    "no salt": {"salt": ""},
    "a long salt": {"salt": b64u(SALT * 1000)},
    "a salt as a number": {"salt": 1},
    "a short hash": {"hash": b64u(bytes(31))},
    "a long hash": {"hash": b64u(bytes(64))},
    "a hash in hexadecimal": {"hash": bytes(32).hex()},
    "something else too": {"memory": 2**40},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_is_hashed_for_another_form(changes):
    before = time.process_time()
    with pytest.raises((CosignetError, TypeError)):
        read_addresses({"p-1": {**ALICE.to_json(), **changes}})
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("name", ["kdf", "iterations", "salt", "hash"])
def test_nothing_may_be_missing(name):
    with pytest.raises((CosignetError, KeyError)):
        read_addresses({"p-1": {key: value for key, value in ALICE.to_json().items() if key != name}})


@pytest.mark.parametrize("value", [None, [], "", 1, [ALICE.to_json()]])
def test_addresses_are_an_object(value):
    with pytest.raises(TypeError):
        read_addresses(value)


@pytest.mark.parametrize("value", [None, [], "alice@example.com", 1])
def test_an_address_is_an_object(value):
    with pytest.raises((TypeError, KeyError)):
        read_addresses({"p-1": value})


def test_there_are_not_more_than_a_policy_can_have():
    with raises(Malformed, "address.form"):
        read_addresses({str(number): ALICE.to_json() for number in range(101)})
