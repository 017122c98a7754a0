import base64
import json

import pytest

from cosignet.core.client_data import MAX_BYTES, Place, RelyingParty, check_client_data
from cosignet.core.encoding import b64u, sha256
from cosignet.errors import Refused
from tests.unit.builders import ORIGIN, RP, raises

# Its base64url holds both characters that the standard alphabet writes differently, and no whole group of three.
CHALLENGE = b"\xfb\xff" + bytes(range(62))


def client_data(**changes):
    """clientDataJSON as a browser writes it; a member changed to `...` is left out."""
    members = {"type": "webauthn.get", "challenge": b64u(CHALLENGE), "origin": ORIGIN, "crossOrigin": False, **changes}
    return json.dumps({key: value for key, value in members.items() if value is not ...}).encode()


def check(raw, kind="webauthn.get", rp=RP):
    rp.require(Place(check_client_data(raw, kind=kind, challenge=CHALLENGE), sha256(rp.id.encode())))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"crossOrigin": ...},
        {"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"},
        {"extra": {"a": [1, None, 1e300, 10**4_000]}},
        {"tokenBinding": {"status": "supported"}},
    ],
)
def test_an_honest_ceremony_is_accepted(changes):
    check(client_data(**changes))
    with raises(Refused, "assertion.challenge"):
        check(client_data(**changes, challenge=b64u(bytes(64))))


def test_a_registration_is_accepted_as_one_and_not_as_an_assertion():
    raw = client_data(type="webauthn.create")
    check(raw, kind="webauthn.create")
    with raises(Refused, "assertion.type"):
        check(raw)


def test_each_of_several_origins_is_accepted():
    rp = RelyingParty(RP.id, frozenset({ORIGIN, "https://console.approve.example"}))
    check(client_data(origin="https://console.approve.example"), rp=rp)
    with raises(Refused, "assertion.origin"):
        check(client_data(origin="https://console.approve.example"))


TEXT = b64u(CHALLENGE)
REFUSED = {
    "type create": ({"type": "webauthn.create"}, "assertion.type"),
    "type payment": ({"type": "payment.get"}, "assertion.type"),
    "type in capitals": ({"type": "WebAuthn.get"}, "assertion.type"),
    "type missing": ({"type": ...}, "assertion.type"),
    "type a list": ({"type": ["webauthn.get"]}, "assertion.type"),
    "challenge padded": ({"challenge": TEXT + "=" * (-len(TEXT) % 4)}, "assertion.challenge"),
    "challenge standard alphabet": (
        {"challenge": base64.b64encode(CHALLENGE).decode().rstrip("=")},
        "assertion.challenge",
    ),
    "challenge with junk": ({"challenge": TEXT[:4] + "!" + TEXT[4:]}, "assertion.challenge"),
    "challenge with a newline": ({"challenge": TEXT + "\n"}, "assertion.challenge"),
    "challenge with loose bits": ({"challenge": TEXT[:-1] + chr(ord(TEXT[-1]) + 1)}, "assertion.challenge"),
    "challenge other": ({"challenge": b64u(bytes(64))}, "assertion.challenge"),
    "challenge halved": ({"challenge": b64u(CHALLENGE[:32])}, "assertion.challenge"),
    "challenge empty": ({"challenge": ""}, "assertion.challenge"),
    "challenge missing": ({"challenge": ...}, "assertion.challenge"),
    "challenge null": ({"challenge": None}, "assertion.challenge"),
    "challenge bytes": ({"challenge": list(CHALLENGE)}, "assertion.challenge"),
    "origin other": ({"origin": "https://evil.example"}, "assertion.origin"),
    "origin subdomain": ({"origin": "https://evil.approve.example"}, "assertion.origin"),
    "origin http": ({"origin": "http://approve.example"}, "assertion.origin"),
    "origin port": ({"origin": ORIGIN + ":8443"}, "assertion.origin"),
    "origin slash": ({"origin": ORIGIN + "/"}, "assertion.origin"),
    "origin in capitals": ({"origin": "https://APPROVE.example"}, "assertion.origin"),
    "origin missing": ({"origin": ...}, "assertion.origin"),
    "origin null": ({"origin": None}, "assertion.origin"),
    "origin a list": ({"origin": [ORIGIN]}, "assertion.origin"),
    "origin an object": ({"origin": {ORIGIN: 1}}, "assertion.origin"),
    "crossOrigin true": ({"crossOrigin": True}, "assertion.cross_origin"),
    "crossOrigin null": ({"crossOrigin": None}, "assertion.cross_origin"),
    "crossOrigin text": ({"crossOrigin": "false"}, "assertion.cross_origin"),
    "crossOrigin zero": ({"crossOrigin": 0}, "assertion.cross_origin"),
    "topOrigin": ({"topOrigin": "https://evil.example"}, "assertion.cross_origin"),
    "topOrigin own": ({"topOrigin": ORIGIN}, "assertion.cross_origin"),
    "topOrigin null": ({"topOrigin": None}, "assertion.cross_origin"),
    "tokenBinding text": ({"tokenBinding": "supported"}, "assertion.form"),
    "tokenBinding null": ({"tokenBinding": None}, "assertion.form"),
    "tokenBinding list": ({"tokenBinding": []}, "assertion.form"),
}


@pytest.mark.parametrize(("changes", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_another_ceremony_is_refused(changes, code):
    with raises(Refused, code):
        check(client_data(**changes))


HONEST = client_data()
NOT_CLIENT_DATA = {
    "nothing": b"",
    "not JSON": b"{",
    "a list": b"[" + HONEST + b"]",
    "null": b"null",
    "two objects": HONEST + HONEST,
    "a byte order mark": b"\xef\xbb\xbf" + HONEST,
    "not UTF-8": HONEST[:-1] + b',"a":"\xff"}',
    "UTF-16": HONEST.decode().encode("utf-16"),
    "the same key twice": HONEST[:-1] + b',"origin":"' + ORIGIN.encode() + b'"}',
    "the same key spelled twice": HONEST[:-1] + b',"\\u006frigin":"https://evil.example"}',
    "the same key twice, deeper": HONEST[:-1] + b',"a":{"b":1,"b":2}}',
    "a number that is none": HONEST[:-1] + b',"a":Infinity}',
    "nesting that is too deep": HONEST[:-1] + b',"a":' + b"[" * 33 + b"]" * 33 + b"}",
    "deep nesting": HONEST[:-1] + b',"a":' + b"[" * 3500 + b"]" * 3500 + b"}",
    "too long": HONEST + b" " * (MAX_BYTES + 1 - len(HONEST)),
}


@pytest.mark.parametrize("raw", NOT_CLIENT_DATA.values(), ids=NOT_CLIENT_DATA.keys())
def test_anything_but_one_plain_object_is_refused(raw):
    with raises(Refused, "assertion.form"):
        check(raw)


def test_the_longest_client_data_is_accepted():
    check(HONEST + b" " * (MAX_BYTES - len(HONEST)))
    with raises(Refused, "assertion.type"):
        check(HONEST + b" " * (MAX_BYTES - len(HONEST)), kind="webauthn.create")
