"""How approvals are cancelled, used up, and proven."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from activities.closing import close_confirmation
from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.evidence import MEDIA_TYPE
from cosignet.core.verdict import verify
from tests.api.world import ASK, code_of


def consumption(asked, consumer="worker-1"):
    return {"payload_hash": asked["payload_hash"], "consumer": consumer}


# Cancelling


async def test_cancelling_is_final_and_may_be_repeated(world):
    asked = await world.asked()
    first = await world.post(f"/{asked['id']}/cancel")
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (await world.post(f"/{asked['id']}/cancel")).json() == first.json()
    assert asked["id"] in world.workflows.synced
    assert code_of(await (await world.approver(asked["id"])).touch("approve")) == (409, "decision.final")


async def test_cancelling_does_not_need_temporal(world):
    asked = await world.asked()
    world.workflows.down = True
    assert (await world.post(f"/{asked['id']}/cancel")).json()["status"] == "cancelled"


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_what_is_decided_cannot_be_cancelled(world, decision):
    asked = await world.asked()
    await (await world.approver(asked["id"])).decide(decision)
    before = (await world.get(f"/{asked['id']}")).json()
    assert code_of(await world.post(f"/{asked['id']}/cancel")) == (409, "decision.final")
    assert (await world.get(f"/{asked['id']}")).json() == before


# Consuming


async def test_an_approval_is_used_up_once_by_one_consumer(world):
    asked = await world.approved()
    first = await world.post(f"/{asked['id']}/consume", consumption(asked))
    used = first.json()
    assert (first.status_code, used["status"], used["usable"], used["consumer"]) == (200, "approved", False, "worker-1")
    assert used["consumed_at"]
    assert (await world.post(f"/{asked['id']}/consume", consumption(asked))).json() == used
    refused = await world.post(f"/{asked['id']}/consume", consumption(asked, "worker-2"))
    assert code_of(refused) == (409, "confirmation.consumed")


async def test_of_many_consumers_at_once_one_wins(world):
    asked = await world.approved()
    answers = await asyncio.gather(
        *(world.post(f"/{asked['id']}/consume", consumption(asked, f"worker-{n}")) for n in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


async def test_another_payload_is_refused_and_consumes_nothing(world):
    asked = await world.approved()
    other = b64u(sha256(canonicalise({**ASK["payload"], "amount": "2500.00"})))
    body = {"payload_hash": other, "consumer": "worker-1"}
    assert code_of(await world.post(f"/{asked['id']}/consume", body)) == (409, "payload.mismatch")
    assert (await world.get(f"/{asked['id']}")).json()["usable"]


@pytest.mark.parametrize("ending", ["pending", "rejected", "cancelled", "expired"])
async def test_nothing_but_an_approval_can_be_consumed(world, ending):
    asked = await world.asked()
    if ending == "rejected":
        await (await world.approver(asked["id"])).decide("reject")
    if ending == "cancelled":
        await world.post(f"/{asked['id']}/cancel")
    if ending == "expired":
        await close_confirmation(world.acme.deployment, asked["id"], "expired")
    refused = await world.post(f"/{asked['id']}/consume", consumption(asked))
    assert code_of(refused) == (409, "confirmation.not_approved")
    found = (await world.get(f"/{asked['id']}")).json()
    assert (found["status"], found["usable"], found["consumer"]) == (ending, False, None)


async def test_an_approval_is_not_usable_for_ever(world):
    asked = await world.approved(valid_for=60)
    world.later(seconds=900 + 61)
    assert not (await world.get(f"/{asked['id']}")).json()["usable"]
    assert code_of(await world.post(f"/{asked['id']}/consume", consumption(asked))) == (409, "time.validity")


@pytest.mark.parametrize("what", ["passkey", "person"])
async def test_an_approval_is_not_usable_once_its_signer_is_revoked(world, what):
    asked = await world.approved()
    await (world.revoke_passkey("anna") if what == "passkey" else world.revoke_person("anna"))
    found = (await world.get(f"/{asked['id']}")).json()
    assert (found["status"], found["usable"]) == ("approved", False)
    assert [c["usable"] for c in (await world.get("")).json()["confirmations"]] == [False]
    assert code_of(await world.post(f"/{asked['id']}/consume", consumption(asked))) == (409, "confirmation.revoked")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("request.consumer", {"consumer": ""}),
        ("request.consumer", {"consumer": "x" * 2_001}),
        ("request.consumer", {"consumer": "\x00"}),
        ("request.consumer", {"consumer": None}),
        ("request.payload_hash", {"payload_hash": 7}),
        ("encoding.base64url", {"payload_hash": ""}),
        ("encoding.base64url", {"payload_hash": "A" * 42}),
        ("encoding.base64url", {"payload_hash": "A" * 42 + "B"}),
        ("encoding.base64url", {"payload_hash": "A" * 43 + "="}),
        ("encoding.base64url", {"payload_hash": "+" * 43}),
        ("request.unknown_field", {"force": True}),
    ],
)
async def test_consuming_has_a_form(world, code, changes):
    asked = await world.approved()
    body = {**consumption(asked), **changes}
    assert code_of(await world.post(f"/{asked['id']}/consume", body)) == (422, code)
    assert (await world.get(f"/{asked['id']}")).json()["usable"]


# Evidence


async def test_evidence_verifies_without_this_service(world):
    asked = await world.approved()
    response = await world.get(f"/{asked['id']}/evidence")
    assert response.headers["content-type"] == MEDIA_TYPE
    expected = canonicalise(ASK["payload"])
    verdict = verify(response.content, await world.trust("anna"), expected_payload=expected, now=datetime.now(UTC))
    assert (verdict.decision, verdict.payload) == ("approved", ASK["payload"])
    assert b64u(verdict.terms.payload) == asked["payload_hash"]


async def test_there_is_evidence_of_a_rejection_too(world):
    asked = await world.asked()
    await (await world.approver(asked["id"])).decide("reject", "no")
    raw = (await world.get(f"/{asked['id']}/evidence")).content
    verdict = verify(raw, await world.trust("anna"), expected_payload=None, now=datetime.now(UTC))
    assert [(s.decision, s.reason) for s in verdict.signers] == [("reject", "no")]


async def test_while_pending_there_is_no_evidence_yet(world):
    asked = await world.asked()
    response = await world.get(f"/{asked['id']}/evidence")
    assert (response.status_code, response.headers["retry-after"], response.content) == (202, "5", b"")


async def test_nobody_signs_a_cancellation(world):
    asked = await world.asked()
    await world.post(f"/{asked['id']}/cancel")
    assert code_of(await world.get(f"/{asked['id']}/evidence")) == (409, "evidence.unsigned")


async def test_a_word_that_is_none_of_ours_never_reaches_the_wire(world):
    asked = await world.asked()
    await world.acme.deployment.appender.append_to_log()
    async with world.acme.database.write() as tx:
        change = "UPDATE confirmations SET status = 'approved!', outcome_event = request_event WHERE id = :id"
        await tx.execute(text(change), {"id": asked["id"]})
    assert code_of(await world.get(f"/{asked['id']}")) == (500, "internal.error")
