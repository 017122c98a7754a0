"""Thousands of bad votes over HTTP: none reaches the workflow, and an honest vote beside them counts.

Worker and API run in processes of their own, as in production; whoever floods them shares the machine with them.
"""

import asyncio
import json
import secrets

import httpx2
import pytest

from activities.approvals import workflow_id
from api.limits import Limits
from api.main import create_app
from cosignet.core.encoding import b64u
from tests.api.world import code_of
from tests.fault.conftest import clients, database_kind, installation, own_postgres  # noqa: F401
from tests.load.flood import Flood


def changed(vote, **response):
    credential = {**vote["credential"], "response": {**vote["credential"]["response"], **response}}
    return {**vote, "credential": credential}


def with_passkey(vote, passkey):
    return {**vote, "credential": {**vote["credential"], "id": passkey, "rawId": passkey}}


def noise(size):
    return b64u(secrets.token_bytes(size))


async def bad_requests(world, confirmation):
    """How to make one of each kind (body and headers), its status and its code."""
    anna, cem = [await world.approver(confirmation, name) for name in ("anna", "cem")]
    elsewhere = await world.approver((await world.asked())["id"])
    vote, rejection = anna.sign(await anna.begin()), anna.sign(await anna.begin("reject"))
    foreign, cems = elsewhere.sign(await elsewhere.begin()), cem.sign(await cem.begin())
    text = json.dumps(vote)
    link, nobody = anna.headers, {"Authorization": f"Link {noise(32)}"}
    return [
        (lambda: (changed(vote, signature=noise(70)), link), 403, "assertion.signature"),
        (lambda: ({**rejection, "nonce": vote["nonce"]}, link), 403, "assertion.challenge"),
        (lambda: (foreign, link), 403, "ceremony.unknown"),
        (lambda: (cems, link), 403, "ceremony.unknown"),
        (lambda: ({**vote, "nonce": noise(32)}, link), 403, "ceremony.unknown"),
        (lambda: (with_passkey(vote, noise(16)), link), 403, "assertion.key"),
        (lambda: (changed(vote, signature="A" * 10_000), link), 422, "vote.size"),
        (lambda: (changed(vote, signature="A" * 300_000), link), 413, "request.too_large"),
        (lambda: (text[:-1], link), 400, "payload.not_json"),
        (lambda: (text[:-1] + ', "nonce": "x"}', link), 422, "payload.duplicate_key"),
        (lambda: (vote, nobody), 401, "link.invalid"),
        (lambda: (vote, {}), 401, "link.missing"),
    ]


@pytest.mark.soak(alone=True)
async def test_bad_requests_leave_no_history_and_do_not_hold_up_an_honest_vote(clients, soak):  # noqa: F811
    total, world = soak.amount(part=60, full=3_000), clients.world
    everybody = ["anna@example.com", "ben@example.com", "cem@example.com"]
    confirmation = (await world.asked(approvers=everybody, threshold=2))["id"]
    async with asyncio.timeout(60):
        while len(list(clients.outbox.glob("*.json"))) < len(everybody):
            await asyncio.sleep(0.1)
    handle = clients.temporal.get_workflow_handle(workflow_id(confirmation))
    ben = await world.approver(confirmation, "ben")
    bens, bad = ben.sign(await ben.begin()), await bad_requests(world, confirmation)
    await asyncio.sleep(0.5)
    before, flood, beside = (await handle.describe()).history_length, Flood(soak, total // 2), Flood(soak, total // 2)

    async def attempt(number):
        make, status, code = bad[number % len(bad)]
        body, headers = make()
        content = {"content": body} if isinstance(body, str) else {"json": body}
        path = f"/v1/approvals/{confirmation}/votes"
        answer = await world.http.post(path, headers={"Content-Type": "application/json", **headers}, **content)
        assert code_of(answer) == (status, code)
        return code

    async def honest():
        assert (await ben.send(bens)).json() == {"status": "pending", "accepted": True}

    await flood.run(attempt)
    assert (await handle.describe()).history_length == before
    seconds = await beside.run_beside(attempt, honest)
    anna = await world.approver(confirmation)
    assert (await anna.decide()).json()["status"] == "approved"
    soak.figure("refused", flood.refused.total() + beside.refused.total())
    soak.figure("events", 0)
    soak.figure("seconds of the honest vote", seconds)


async def test_with_the_limits_as_delivered_a_flood_is_told_to_wait_and_nobody_else_is(service, world):
    limits = Limits()
    # Time stands still while they come.
    limits.addresses._clock = lambda: 0.0
    app = create_app(service.acme.deployment, service.workflows, limits=limits)
    confirmation = (await world.asked())["id"]
    anna = await world.approver(confirmation)
    vote = anna.sign(await anna.begin())

    def coming_from(address):
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, client=(address, 1)), base_url="http://localhost")

    async with coming_from("192.0.2.1") as flooder, coming_from("192.0.2.2") as elsewhere:
        path = f"/v1/approvals/{confirmation}/votes"
        for _ in range(int(limits.addresses._size)):
            limits.addresses.take("192.0.2.1")
        refused = await flooder.post(path, json=vote, headers=anna.headers)
        assert code_of(refused) == (429, "rate.limited")
        assert int(refused.headers["Retry-After"]) >= 1
        counted = await elsewhere.post(path, json=vote, headers=anna.headers)
        assert counted.json() == {"status": "approved", "accepted": True}
