"""Every route against every caller that it is not for. A route that this table does not know fails the run."""

from types import SimpleNamespace

import pytest

from tests.api.world import ASK, code_of

KEYED = {
    "request": ("POST", "/v1/confirmations", ASK),
    "list": ("GET", "/v1/confirmations", None),
    "read": ("GET", "/v1/confirmations/{confirmation}", None),
    "cancel": ("POST", "/v1/confirmations/{confirmation}/cancel", None),
    "consume": ("POST", "/v1/confirmations/{confirmation}/consume", {"payload_hash": "A" * 43, "consumer": "w"}),
    "evidence": ("GET", "/v1/confirmations/{confirmation}/evidence", None),
    "trust": ("GET", "/v1/trust", None),
}
LINKED = {
    "view": ("POST", "/v1/approvals/{confirmation}/view", None),
    "ceremony": ("POST", "/v1/approvals/{confirmation}/ceremonies", {"decision": "approve"}),
    "vote": ("POST", "/v1/approvals/{confirmation}/votes", {"nonce": "A" * 43, "credential": {}}),
}
INVITED = {
    "options": ("POST", "/v1/registrations/options", None),
    "register": ("POST", "/v1/registrations", {"credential": {}}),
}
PUBLIC = (
    "key",
    "policy",
    "checkpoint",
    "tile/{path}",
    "heads",
    "heads/{size}",
    "proofs/inclusion",
    "proofs/consistency",
    "entries/{event}/proof",
    "entries/{confirmation}/verification",
    "unanswered",
)
OPEN = {
    "health": ("GET", "/healthz", None),
    "ready": ("GET", "/readyz", None),
    "status": ("GET", "/status", None),
    "metrics": ("GET", "/metrics", None),
    # Public for everybody: tests/api/test_public_log.py.
    **{path: ("GET", f"/public/log/{path}", None) for path in PUBLIC},
    # A signature is what they ask for: tests/api/test_signing_in.py.
    "sign-in options": ("POST", "/v1/approvals/{confirmation}/sign-in/options", None),
    "sign in": ("POST", "/v1/approvals/{confirmation}/sign-in", {"credential": {}}),
}
ROUTES = {**KEYED, **LINKED, **INVITED}


@pytest.fixture
async def callers(world):
    """A confirmation, and everybody who might come along."""
    mine, other = await world.asked(), await world.asked()
    elsewhere = await world.new_key(organisation=await world.other_organisation())
    token = (await world.link(mine["id"]))["Authorization"].split()[1]
    invite = (await world.invite())["Authorization"].split()[1]
    revoked = await world.new_key()
    async with world.acme.database.write() as tx:
        await tx.exec_driver_sql(f"UPDATE api_keys SET revoked_at = 1 WHERE prefix = '{revoked[:9]}'")  # noqa: S608
    headers = {
        "nobody": {},
        "empty bearer": {"Authorization": "Bearer "},
        "wrong key": {"Authorization": f"Bearer {world.key}x"},
        "wrong key by header": {"X-Api-Key": "ck_x"},
        "revoked key": {"Authorization": f"Bearer {revoked}"},
        "two keys": {"Authorization": f"Bearer {world.key}", "X-Api-Key": elsewhere},
        "basic": {"Authorization": f"Basic {world.key}"},
        "no scheme": {"Authorization": world.key},
        "key": {"Authorization": f"Bearer {world.key}"},
        "key by header": {"X-Api-Key": world.key},
        "key as link": {"Authorization": f"Link {world.key}"},
        "key as invite": {"Authorization": f"Invite {world.key}"},
        "key of another owner": {"Authorization": f"Bearer {await world.new_key()}"},
        "key of another organisation": {"Authorization": f"Bearer {elsewhere}"},
        "link": {"Authorization": f"Link {token}"},
        "link of another": await world.link(other["id"]),
        "link as key": {"Authorization": f"Bearer {token}"},
        "link as invite": {"Authorization": f"Invite {token}"},
        "link by key header": {"X-Api-Key": token},
        "invite": {"Authorization": f"Invite {invite}"},
        "invite as key": {"Authorization": f"Bearer {invite}"},
        "invite as link": {"Authorization": f"Link {invite}"},
    }
    return SimpleNamespace(world=world, confirmation=mine["id"], headers=headers)


async def call(callers, route, headers, confirmation=None):
    method, path, body = ROUTES[route]
    content = {} if body is None else {"json": body}
    path = path.format(confirmation=confirmation or callers.confirmation)
    return await callers.world.http.request(method, path, headers=headers, **content)


async def test_every_route_is_in_the_table(world):
    known = {(path, method) for method, path, _ in (*ROUTES.values(), *OPEN.values())}
    paths = (await world.http.get("/openapi.json")).json()["paths"]
    assert known == {(path, method.upper()) for path, operations in paths.items() for method in operations}


async def test_keyed_routes_know_nothing_but_keys(callers):
    for route in KEYED:
        for name in callers.headers.keys() - {"key", "key by header"} - _other_keys(callers):
            response = await call(callers, route, callers.headers[name])
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), (route, name)
            assert response.json()["code"] in ("key.missing", "key.invalid"), (route, name)
    assert await callers.world.status(callers.confirmation) == "pending"


async def test_the_key_works_in_either_header(callers):
    for route in KEYED.keys() - {"cancel"}:
        for name in ("key", "key by header"):
            assert (await call(callers, route, callers.headers[name])).status_code in (200, 201, 202, 409), (
                route,
                name,
            )


async def test_another_key_cannot_tell_a_foreign_confirmation_from_none(callers):
    for name in _other_keys(callers):
        for route in KEYED.keys() - {"request", "list", "trust"}:
            foreign = await call(callers, route, callers.headers[name])
            unknown = await call(callers, route, callers.headers[name], "0" * 32)
            assert code_of(foreign) == (404, "confirmation.unknown"), (route, name)
            assert (foreign.content, foreign.headers.raw) == (unknown.content, unknown.headers.raw)
        listed = await call(callers, "list", callers.headers[name])
        assert listed.json() == {"confirmations": [], "next_cursor": None}
    assert await callers.world.status(callers.confirmation) == "pending"


async def test_keys_of_one_owner_share_what_is_theirs(world):
    first, second = [await world.new_key(owner="temporal:default") for _ in range(2)]
    asked = (await world.ask({"X-Api-Key": first})).json()
    found = await world.http.get(f"/v1/confirmations/{asked['id']}", headers={"X-Api-Key": second})
    assert found.json() == asked


async def test_the_same_owner_name_elsewhere_shares_nothing(world):
    mine = await world.new_key(owner="temporal:default")
    theirs = await world.new_key(owner="temporal:default", organisation=await world.other_organisation())
    asked = (await world.ask({"X-Api-Key": mine})).json()
    found = await world.http.get(f"/v1/confirmations/{asked['id']}", headers={"X-Api-Key": theirs})
    assert code_of(found) == (404, "confirmation.unknown")


async def test_approvers_come_by_their_own_link_alone(callers):
    for route in LINKED:
        for name in callers.headers.keys() - {"link"}:
            response = await call(callers, route, callers.headers[name])
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Link"), (route, name)
            assert response.json()["code"] in ("link.missing", "link.invalid"), (route, name)
    assert (await call(callers, "view", callers.headers["link"])).status_code == 200


@pytest.mark.parametrize("confirmation", ["0" * 32, "x", "%00", "A" * 32])
async def test_a_link_to_nothing_is_no_different(callers, confirmation):
    for route in LINKED:
        response = await call(callers, route, callers.headers["link"], confirmation)
        assert code_of(response) == (401, "link.invalid")


async def test_a_revoked_person_loses_their_link(callers):
    await callers.world.revoke_person("anna")
    for route in LINKED:
        assert code_of(await call(callers, route, callers.headers["link"])) == (401, "link.invalid")


async def test_invites_alone_lead_to_registration(callers):
    for route in INVITED:
        for name in callers.headers.keys() - {"invite"}:
            body = {"credential": REGISTRATION} if route == "register" else None
            content = {} if body is None else {"json": body}
            path = ROUTES[route][1]
            response = await callers.world.http.post(path, headers=callers.headers[name], **content)
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Invite"), (route, name)
            assert response.json()["code"] in ("invite.missing", "invite.invalid"), (route, name)
    assert (await call(callers, "options", callers.headers["invite"])).status_code == 200


async def test_nobody_is_told_what_is_wrong_with_a_body_before_they_are_known(world):
    for method, path, _ in ROUTES.values():
        for scheme in ("Bearer", "Link", "Invite"):
            if method == "POST":
                url = path.format(confirmation="0" * 32)
                headers = {"Content-Type": "text/plain", "Authorization": f"{scheme} somebody"}
                assert (await world.http.post(url, content=b"{", headers=headers)).status_code == 401


REGISTRATION = {
    "id": "AAAA",
    "rawId": "AAAA",
    "type": "public-key",
    "response": {"clientDataJSON": "AAAA", "attestationObject": "AAAA"},
}


def _other_keys(callers):
    return {name for name in callers.headers if name.startswith("key of another")}
