"""The negatives of the FIDO conformance list for servers, "MakeCredential Response", as registrations over HTTP.

Those that apply where no attestation is asked for. The others are about statements, which this service refuses unread.
"""

import pytest

from cosignet.core.encoding import b64u
from cosignet.testing import AT
from tests.api.fido import ONE_DATABASE, attestation, client_data, put
from tests.api.invitee import events, invite
from tests.api.world import code_of

FLAGS, FIXED = 32, 37
OBJECT = "response.attestationObject"


def without_flag(data):
    return data[:FLAGS] + bytes([data[FLAGS] & ~AT]) + data[FIXED - 4 :]


STRUCTURE = {
    "Resp-1 F-1 id is missing": (put("id", ...), 422, "request.credential"),
    "Resp-1 F-2 id is no text": (put("id", 7), 422, "request.credential"),
    "Resp-1 F-3 id is not base64url": (put("id", "&&&"), 422, "encoding.base64url"),
    "Resp-1 F-4 type is missing": (put("type", ...), 422, "request.credential"),
    "Resp-1 F-5 type is no text": (put("type", 7), 422, "request.credential"),
    "Resp-1 F-6 type is not public-key": (put("type", "private-key"), 422, "request.credential"),
    "Resp-1 F-7 response is missing": (put("response", ...), 422, "request.credential"),
    "Resp-1 F-8 response is no object": (put("response", "x"), 422, "request.credential"),
    "Resp-1 F-9 clientDataJSON is missing": (put("response.clientDataJSON", ...), 422, "request.credential"),
    "Resp-1 F-10 clientDataJSON is no text": (put("response.clientDataJSON", {}), 422, "request.credential"),
    "Resp-1 F-11 clientDataJSON is empty": (put("response.clientDataJSON", ""), 403, "assertion.form"),
    "Resp-1 F-12 attestationObject is missing": (put(OBJECT, ...), 422, "request.credential"),
    "Resp-1 F-13 attestationObject is no text": (put(OBJECT, []), 422, "request.credential"),
    "Resp-1 F-14 attestationObject is empty": (put(OBJECT, ""), 403, "assertion.form"),
}
CLIENT_DATA = {
    "Resp-2 F-1 type is missing": (client_data(type=...), 403, "assertion.type"),
    "Resp-2 F-2 type is no text": (client_data(type=7), 403, "assertion.type"),
    "Resp-2 F-3 type is empty": (client_data(type=""), 403, "assertion.type"),
    "Resp-2 F-4 type is another": (client_data(type="payment.get"), 403, "assertion.type"),
    "Resp-2 F-5 type is webauthn.get": (client_data(type="webauthn.get"), 403, "assertion.type"),
    "Resp-2 F-6 challenge is missing": (client_data(challenge=...), 403, "assertion.form"),
    "Resp-2 F-7 challenge is no text": (client_data(challenge=7), 403, "assertion.form"),
    "Resp-2 F-8 challenge is empty": (client_data(challenge=""), 403, "assertion.form"),
    "Resp-2 F-9 challenge is not base64url": (client_data(challenge="&&&"), 403, "assertion.form"),
    "Resp-2 F-10 challenge is another": (client_data(challenge=b64u(bytes(32))), 403, "ceremony.invalid"),
    "Resp-2 F-11 origin is missing": (client_data(origin=...), 403, "assertion.origin"),
    "Resp-2 F-12 origin is no text": (client_data(origin=7), 403, "assertion.origin"),
    "Resp-2 F-13 origin is empty": (client_data(origin=""), 403, "assertion.origin"),
    "Resp-2 F-14 origin is another": (client_data(origin="https://evil.example"), 403, "assertion.origin"),
    "Resp-2 F-15 tokenBinding is no object": (client_data(tokenBinding="x"), 403, "assertion.form"),
    "Resp-2 F-16 tokenBinding has no status": (client_data(tokenBinding={}), 403, "assertion.disputed"),
    "Resp-2 F-17 tokenBinding has another status": (
        client_data(tokenBinding={"status": "x"}),
        403,
        "assertion.disputed",
    ),
}
ATTESTATION_OBJECT = {
    "Resp-3 F-1 no CBOR map": (put(OBJECT, b64u(b"\x83\x01\x02\x03")), 403, "assertion.form"),
    "Resp-3 F-2 fmt is missing": (attestation(fmt=...), 403, "assertion.form"),
    "Resp-3 F-3 fmt is no text": (attestation(fmt=7), 403, "assertion.form"),
    "Resp-3 F-4 attStmt is missing": (attestation(attStmt=...), 403, "assertion.form"),
    "Resp-3 F-5 attStmt is no map": (attestation(attStmt=b"x"), 403, "assertion.form"),
    "Resp-3 F-6 authData is missing": (attestation(authData=...), 403, "assertion.form"),
    "Resp-3 F-7 authData is no bytes": (attestation(authData="x" * 200), 403, "assertion.form"),
    "Resp-3 F-8 authData is empty": (attestation(authData=b""), 403, "assertion.form"),
    "Resp-3 F-9 a new credential without its flag": (attestation(authData=without_flag), 403, "assertion.form"),
    "Resp-3 F-10 neither flag nor new credential": (
        attestation(authData=lambda data: without_flag(data)[:FIXED]),
        403,
        "assertion.form",
    ),
    "Resp-3 F-11 the flag without a new credential": (
        attestation(authData=lambda data: data[:FIXED]),
        403,
        "assertion.form",
    ),
    "Resp-3 F-12 leftover bytes": (attestation(authData=lambda data: data + b"x"), 403, "assertion.form"),
    "Resp-5 F-1 fmt is unknown": (attestation(fmt="x"), 403, "assertion.disputed"),
}
REFUSED = STRUCTURE | CLIENT_DATA | ATTESTATION_OBJECT


@ONE_DATABASE
@pytest.mark.parametrize(("flaw", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_flaw_is_refused_by_the_rule_it_breaks(world, flaw, status, code):
    dora = await invite(world)
    made = await dora.create()
    flaw(made, dora.passkey)
    assert code_of(await dora.register(made)) == (status, code)
    assert await events(world) == []
    assert (await dora.enrol()).status_code == 201


def test_the_list_is_complete():
    items = [name.split(" ")[:2] for name in REFUSED]
    expected = {"Resp-1": 14, "Resp-2": 17, "Resp-3": 12, "Resp-5": 1}
    assert sorted(items) == sorted([group, f"F-{n}"] for group, last in expected.items() for n in range(1, last + 1))
    assert len(items) == 44
