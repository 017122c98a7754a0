"""HTTP itself: methods, headers, other sites' pages, limits, probes, and what a failure may say."""

import asyncio
import json
import logging
import re
from dataclasses import replace

import httpx2
import pytest

from api.guard import HSTS
from api.limits import Buckets, Limits, network_of
from api.main import create_app, prepare
from cosignet.errors import Conflict, TooMany
from tests.acme import ORIGIN, RP, Deployment, found_acme
from tests.api.world import ASK, StandIn, World, code_of

# Methods and paths


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/confirmations", "GET, POST"),
        ("PUT", "/v1/confirmations/" + "0" * 32, "GET"),
        ("GET", "/v1/confirmations/" + "0" * 32 + "/cancel", "POST"),
        ("GET", "/v1/confirmations/" + "0" * 32 + "/consume", "POST"),
        ("POST", "/v1/confirmations/" + "0" * 32 + "/evidence", "GET"),
        ("GET", "/v1/approvals/" + "0" * 32 + "/view", "POST"),
        ("GET", "/v1/approvals/" + "0" * 32 + "/votes", "POST"),
        ("GET", "/v1/registrations", "POST"),
        ("GET", "/v1/registrations/options", "POST"),
        ("POST", "/healthz", "GET"),
        ("PATCH", "/readyz", "GET"),
        ("OPTIONS", "/v1/confirmations", "GET, POST"),
        ("TRACE", "/v1/confirmations", "GET, POST"),
    ],
)
async def test_another_method_is_told_which_ones_there_are(world, method, path, allowed):
    response = await world.http.request(method, path, headers=world.bearer)
    assert code_of(response) == (405, "request.method")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/confirmations/", "/docs", "/redoc", "/v1/keys", "/v1/people", "/admin"]
)
async def test_there_is_nothing_else(world, path):
    assert code_of(await world.http.get(path, headers=world.bearer)) == (404, "request.unknown_path")


async def test_no_get_changes_anything(world):
    document = (await world.http.get("/openapi.json")).json()
    reading = [path for path, operations in document["paths"].items() if "get" in operations]
    assert not [path for path in reading if path.endswith(("cancel", "consume", "votes", "ceremonies"))]


# Headers


GUARDS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


async def test_every_answer_is_guarded(world):
    for path in ("/healthz", "/nothing", "/v1/confirmations", "/openapi.json"):
        response = await world.http.get(path)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
        assert "unsafe" not in policy
        assert {name: response.headers[name] for name in GUARDS} == GUARDS
        assert "strict-transport-security" not in response.headers
        assert "server" not in response.headers


async def test_https_is_remembered_where_people_come_by_https(acme):
    url = "https://approve.example.com"
    app = create_app(Deployment(acme.database, RP, url), StandIn(acme))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=url) as http:
        for path in ("/healthz", "/nothing"):
            assert (await http.get(path)).headers["strict-transport-security"] == HSTS


# Pages of other sites

CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "x"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8421"},
    {"Origin": "https://localhost:8420"},
    {"Origin": "null"},
    {"Origin": ""},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_pages_of_other_sites_may_do_nothing(world, headers):
    response = await world.http.post("/v1/confirmations", json=ASK, headers={**world.bearer, **headers})
    assert code_of(response) == (403, "request.cross_site")
    response = await world.http.post("/v1/registrations/options", headers={**await world.invite(), **headers})
    assert code_of(response) == (403, "request.cross_site")
    assert world.workflows.started == []


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ORIGIN}, {}]
)
async def test_our_own_pages_and_programs_may(world, headers):
    response = await world.http.post("/v1/confirmations", json=ASK, headers={**world.bearer, **headers})
    assert response.status_code == 201


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_reading_is_guarded_by_the_browser_itself(world, headers):
    response = await world.http.get("/v1/confirmations", headers={**world.bearer, **headers})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]


# Limits


def limited(world, **limits):
    app = create_app(world.acme.deployment, world.workflows, limits=Limits(**limits))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN)


async def test_each_key_has_its_own_limit(world):
    other = {"X-Api-Key": await world.new_key()}
    async with limited(world, keys=Buckets(3)) as http:
        mine = [await http.get("/v1/confirmations", headers=world.bearer) for _ in range(4)]
        assert [response.status_code for response in mine] == [200, 200, 200, 429]
        assert code_of(mine[-1]) == (429, "rate.limited")
        assert 1 <= int(mine[-1].headers["retry-after"]) <= 20
        assert (await http.get("/v1/confirmations", headers=other)).status_code == 200


async def test_an_address_is_limited_before_anybody_is_looked_up(world):
    async with limited(world, addresses=Buckets(3)) as http:
        for path in ("/v1/confirmations", "/v1/registrations/options", "/v1/approvals/x/view"):
            assert (
                await http.request("GET" if path.endswith("s") and "options" not in path else "POST", path)
            ).status_code == 401
        for method, path in (
            ("GET", "/v1/confirmations"),
            ("POST", "/v1/registrations"),
            ("POST", "/v1/approvals/x/votes"),
        ):
            assert code_of(await http.request(method, path, headers=world.bearer)) == (429, "rate.limited")
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 200


def test_a_bucket_trickles_full_again():
    now = [0.0]
    bucket = Buckets(60, clock=lambda: now[0])
    for _ in range(60):
        bucket.take("a")
    with pytest.raises(TooMany) as refused:
        bucket.take("a")
    assert refused.value.retry_after == 1
    now[0] += 2
    bucket.take("a")
    bucket.take("a")
    with pytest.raises(TooMany):
        bucket.take("a")
    now[0] += 3_600
    for _ in range(60):
        bucket.take("a")
    with pytest.raises(TooMany):
        bucket.take("a")


def test_a_slow_bucket_says_how_long_to_wait():
    bucket = Buckets(1, clock=lambda: 0.0)
    bucket.take("a")
    with pytest.raises(TooMany) as refused:
        bucket.take("a")
    assert refused.value.retry_after == 60


def test_strangers_do_not_fill_the_memory():
    bucket = Buckets(1, clock=lambda: 0.0)
    for n in range(25_000):
        bucket.take(str(n))
    assert len(bucket._levels) == 10_000


def test_one_subscriber_has_one_bucket():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("") == ""


# Probes


async def test_a_process_is_ready_when_what_it_needs_answers(world):
    assert (await world.http.get("/healthz")).json() == {"status": "ok"}
    assert (await world.http.get("/readyz")).json() == {"status": "ok"}


async def test_a_process_without_temporal_lives_and_is_not_ready(world):
    world.workflows.down = True
    assert code_of(await world.http.get("/readyz")) == (503, "temporal.unavailable")
    assert (await world.http.get("/healthz")).status_code == 200


async def test_a_process_that_gets_no_answer_is_not_ready(world, monkeypatch):
    monkeypatch.setattr("api.health.READY_WITHIN", 0.05)
    monkeypatch.setattr(world.workflows, "check", asyncio.Event().wait)
    assert code_of(await world.http.get("/readyz")) == (503, "service.slow")


async def test_a_database_of_another_installation_is_not_ready(world):
    elsewhere = replace(world.acme.deployment, rp=replace(RP, id="example.com"))
    app = create_app(elsewhere, world.workflows)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN) as http:
        assert code_of(await http.get("/readyz")) == (503, "installation.rp_id")


async def test_with_the_database_gone_nothing_is_approved_and_everything_says_so(gone, contract):
    database, stop = gone
    acme = await found_acme(database)
    await prepare(acme.deployment)
    app = create_app(acme.deployment, StandIn(acme))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url=ORIGIN, event_hooks={"response": [contract.check]}
    ) as http:
        world = World(acme, app, app.state.service.workflows, http, key="")
        world.key = await world.new_key()
        asked = await world.asked()
        anna = await world.approver(asked["id"])
        invite = await world.invite()
        await stop()
        answers = {
            "ready": await http.get("/readyz"),
            "ask": await world.ask(),
            "read": await world.get(f"/{asked['id']}", wait=1),
            "list": await world.get(""),
            "cancel": await world.post(f"/{asked['id']}/cancel"),
            "consume": await world.post(f"/{asked['id']}/consume", {"payload_hash": "A" * 43, "consumer": "w"}),
            "evidence": await world.get(f"/{asked['id']}/evidence"),
            "view": await anna.view(),
            "ceremony": await anna.touch("approve"),
            "register": await http.post("/v1/registrations/options", headers=invite),
        }
        assert {name: code_of(answer) for name, answer in answers.items()} == dict.fromkeys(
            answers, (503, "database.unavailable")
        )
        assert (await http.get("/healthz")).status_code == 200


async def test_passkeys_of_another_relying_party_refuse_the_start(acme):
    elsewhere = replace(acme.deployment, rp=replace(RP, id="example.com"))
    with pytest.raises(Conflict, match=r"installation\.rp_id"):
        await prepare(elsewhere)


# Failures


async def test_an_unforeseen_error_says_nothing_and_logs_no_data(world, monkeypatch, caplog):
    async def fail(*_):
        raise RuntimeError("hunter2 is the password")

    monkeypatch.setattr("api.confirmations.read_standing", fail)
    asked = await world.ask()
    assert code_of(asked) == (500, "internal.error")
    assert "hunter2" not in asked.text
    assert "hunter2" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert "in fail" in caplog.text


async def test_no_secret_is_logged(world, caplog):
    caplog.set_level(logging.DEBUG)
    asked = await world.approved(note="the note says hunter2", payload={"secret": "hunter2"})
    await world.get(f"/{asked['id']}")
    anna = await world.approver(asked["id"])
    await anna.view()
    invite = await world.invite()
    await world.http.post("/v1/registrations/options", headers=invite)
    await world.http.get("/v1/confirmations", headers={"X-Api-Key": "ck_wrong-but-secret"})
    for secret in (world.key, anna.headers["Authorization"].split()[1], invite["Authorization"].split()[1]):
        assert secret not in caplog.text
    assert "wrong-but-secret" not in caplog.text
    ours = [
        record.getMessage() for record in caplog.records if record.name.startswith(("api", "cosignet", "activities"))
    ]
    assert not [line for line in ours if "hunter2" in line]


# The document


async def test_the_document_lists_problems_for_every_route(contract):
    document = contract.document
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            declared = operation["responses"]
            if path.startswith("/v1"):
                assert {"401", "403", "422", "429", "503"} <= declared.keys(), (method, path)
                assert operation["security"], (method, path)
            if "requestBody" in operation:
                assert {"400", "413", "415"} <= declared.keys(), (method, path)
                [schema] = (body["schema"] for body in operation["requestBody"]["content"].values())
                assert schema["$ref"].rsplit("/", 1)[1] in document["components"]["schemas"]
            for status, response in declared.items():
                if status >= "4":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)


async def test_the_document_refers_to_nothing_that_is_missing(contract):
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(contract.document)))
    assert len(references) > 10
    for reference in references:
        target = contract.document
        for part in reference.split("/"):
            target = target[part]
        assert target


async def test_the_document_knows_who_may_call_what(contract):
    schemes = {
        path: {name for choice in operation["security"] for name in choice}
        for path, operations in contract.document["paths"].items()
        for operation in operations.values()
        if "security" in operation
    }
    assert schemes["/v1/confirmations"] == {"ApiKey", "ApiKeyHeader"}
    assert schemes["/v1/approvals/{confirmation}/votes"] == {"Link"}
    assert schemes["/v1/registrations"] == {"Invite"}
    assert {path for path, names in schemes.items() if "ApiKey" in names} == {
        path for path in contract.document["paths"] if path.startswith("/v1/confirmations")
    }


async def test_the_document_is_served(world, contract):
    assert (await world.http.get("/openapi.json")).json() == contract.document
