"""Limits, probes, failures, and the document that describes the API."""

import asyncio
import json
import logging
import re
from dataclasses import replace

import httpx2
import pytest

from api.limits import Buckets, Limits, network_of
from api.main import create_app
from cosignet.errors import Conflict, TooMany
from tests.acme import ORIGIN, RP, found_acme
from tests.api.world import StandIn, World, code_of

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
    await acme.deployment.prepare()
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
        await elsewhere.prepare()


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
                assert {"403", "422", "429", "503"} <= declared.keys(), (method, path)
                # Whoever signs in has nothing yet that could be asked for.
                anybody = "/sign-in" in path
                assert (bool(operation.get("security")), "401" in declared) == (not anybody,) * 2, (method, path)
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
        path for path in contract.document["paths"] if path.startswith(("/v1/confirmations", "/v1/trust"))
    }


async def test_the_document_is_served(world, contract):
    assert (await world.http.get("/openapi.json")).json() == contract.document
