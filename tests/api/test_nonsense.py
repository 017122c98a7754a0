"""Nothing that anybody sends makes the service fail: every field of every body, filled with nonsense."""

import json
from copy import deepcopy

import pytest

from cosignet.core.encoding import b64u
from cosignet.testing import SoftwarePasskey, challenge_from
from tests.acme import CEREMONY
from tests.api.world import ASK

NONSENSE = [
    "null",
    "true",
    "0",
    "-1",
    "1e300",
    "-0.0",
    "9007199254740991",
    "99999999999999999999",
    '""',
    '" "',
    '"\\u0000"',
    '"\\ud800"',
    '"\\u202e\\uffff\\ud83d\\ude00"',
    '"%00../../etc/passwd\' OR 1=1; --"',
    json.dumps("x" * 70_000),
    "[]",
    "[[]]",
    "[null, 1]",
    '["", "\\u0000"]',
    "{}",
    '{"": {}}',
    "[" * 33 + "]" * 33,
    "[" * 3000 + "]" * 3000,
]
MARK = "\u2620"


def paths(value, here=()):
    """Every place in a JSON value."""
    yield here
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*here, key))


def with_nonsense(body, path, nonsense):
    """The text of `body` with that in one place."""
    if not path:
        return nonsense
    changed = deepcopy(body)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = MARK
    return json.dumps(changed, ensure_ascii=False).replace(f'"{MARK}"', nonsense)


async def bodies(world):
    """An honest body for every route that takes one, with who may send it."""
    whole = {"note": "n", "expires_in": 900, "valid_for": 60, "execution": "e", "external_id": "x", "claim": "c"}
    yield "/v1/confirmations", world.bearer, {**ASK, **whole, "threshold": 1, "policy": "p"}
    approved = await world.approved()
    hash_ = approved["payload_hash"]
    yield f"/v1/confirmations/{approved['id']}/consume", world.bearer, {"payload_hash": hash_, "consumer": "w"}
    anna = await world.approver((await world.asked())["id"])
    path = f"/v1/approvals/{anna.confirmation}"
    vote = anna.sign(await anna.begin())
    yield f"{path}/votes", anna.headers, vote
    yield f"{path}/ceremonies", anna.headers, {"decision": "approve", "reason": "r"}
    challenge = challenge_from((await world.http.post(f"{path}/sign-in/options")).json()["options"])
    yield f"{path}/sign-in", {}, {"credential": anna.passkey.answer(challenge, CEREMONY)}
    dora = await world.add_person("dora")
    invite = await world.invite(dora)
    options = (await world.http.post("/v1/registrations/options", headers=invite)).json()["options"]
    made = SoftwarePasskey(dora.id).register(challenge_from(options), CEREMONY)
    yield "/v1/registrations", invite, {"credential": made}


async def test_no_body_makes_it_fail(world):
    sent = 0
    async for path, headers, body in bodies(world):
        for place in paths(body):
            for nonsense in NONSENSE:
                content = with_nonsense(body, place, nonsense).encode()
                response = await world.http.post(path, content=content, headers=headers)
                assert response.status_code < 500, (path, place, nonsense[:50], response.text)
                sent += 1
    assert sent > 800


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
async def test_no_bytes_in_an_assertion_make_it_fail(world, part):
    anna = await world.approver((await world.asked())["id"])
    vote = anna.sign(await anna.begin())
    for nonsense in (
        b"",
        b"\x00",
        b"{}",
        b"[" * 5000,
        b"\xff" * 37,
        b"\xff" * 200,
        b'{"type": 1e400}',
        "\ud7ff".encode(),
    ):
        vote["credential"]["response"][part] = b64u(nonsense)
        response = await anna.send(vote)
        assert response.status_code < 500, nonsense
    assert await world.status(anna.confirmation) in ("pending", "approved" if part == "userHandle" else "pending")


@pytest.mark.parametrize("path", ["%00", "%ff", "%F0%9F%98%80", "%2e%2e", "a" * 5000, "'", "0" * 32 + "%0a"])
async def test_no_path_makes_it_fail(world, path):
    link = await world.link((await world.asked())["id"])
    for method, url, headers in (
        ("GET", f"/v1/confirmations/{path}", world.bearer),
        ("GET", f"/v1/confirmations/{path}/evidence", world.bearer),
        ("POST", f"/v1/confirmations/{path}/cancel", world.bearer),
        ("POST", f"/v1/approvals/{path}/view", link),
        ("POST", f"/v1/approvals/{path}/sign-in", {}),
    ):
        assert (await world.http.request(method, url, headers=headers)).status_code in (400, 401, 404, 405)
    assert (await world.http.post(f"/v1/approvals/{path}/sign-in/options")).status_code in (200, 404, 405)


@pytest.mark.parametrize("scheme", ["Bearer", "Link", "Invite"])
async def test_no_credential_makes_it_fail(world, scheme):
    asked = await world.asked()
    for token in ("", " ", "x", "\xff", "a b", "'", "x" * 10_000):
        headers = {"Authorization": f"{scheme} {token}".encode("latin-1")}
        for method, url in (
            ("GET", f"/v1/confirmations/{asked['id']}"),
            ("POST", f"/v1/approvals/{asked['id']}/view"),
            ("POST", "/v1/registrations/options"),
        ):
            assert (await world.http.request(method, url, headers=headers)).status_code == 401
