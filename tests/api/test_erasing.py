"""Erasure, with everything real: nothing of a confirmation is left, and every proof that its leaves are there holds."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.approvals import ApprovalWorkflows, workflow_id
from activities.erasing import erase_confirmation
from activities.log_reading import pinned_log, read_status
from cosignet.core.evidence import Evidence
from cosignet.core.log_proof import LogProof
from cosignet.core.verdict import verify
from cosignet.errors import Conflict, NotFound, Unavailable
from store.confirmations import get_confirmation
from store.log_schema import events, log_entries
from store.schema import erased, idempotency
from tests.api.live import another_temporal
from tests.api.world import ASK, code_of
from tests.every_value import every_value
from tests.workflow.test_resets import reset_to_start

# What somebody said of it. No other test's database holds any of it.
SECRETS = {
    "action": "Wire 77 EUR to Quillon",
    "payload": {"to": "Quillon", "iban": "XX-7123-5813"},
    "note": "for the murmuration",
    "external_id": "ledger-4711-9",
}
REASON = "as the twelfth of us agreed"
TRACES = ("Quillon", "XX-7123-5813", "murmuration", "ledger-4711-9", "twelfth of us")


@pytest.fixture
def workflows(stage):
    return ApprovalWorkflows(stage.temporal, search_attributes=False)


async def erase(stage, workflows, confirmation):
    return await erase_confirmation(stage.acme.deployment, workflows, confirmation, by="a test")


async def approved(stage, **changes):
    asked = await stage.agent.request(**{**ASK, **changes})
    await (await stage.approver(asked.id)).decide("approve", REASON)
    await stage.outcome(asked.id)
    return asked


async def leaves(database):
    async with database.read() as tx:
        return {row.event_id: row.leaf for row in await tx.execute(select(log_entries))}


async def refusal(coroutine, error):
    with pytest.raises(error) as caught:
        await coroutine
    return caught.value.code


async def test_nothing_of_it_is_left(stage, workflows):
    headers = {"Idempotency-Key": "once", **stage.world.bearer}
    async with stage.worker():
        asked = (await stage.world.ask(headers, **SECRETS)).json()
        anna = await stage.approver(asked["id"])
        await anna.decide("approve", REASON)
        await stage.outcome(asked["id"])
        before = await every_value(stage.acme.database)
        assert [trace for trace in TRACES if trace not in before] == []
        await erase(stage, workflows, asked["id"])
    after = await every_value(stage.acme.database)
    assert [trace for trace in TRACES if trace in after] == []
    await runs_are(stage.temporal, workflow_id(asked["id"]), 0)


async def test_whoever_asks_for_it_finds_nothing(stage, workflows):
    async with stage.worker():
        asked = await approved(stage)
        anna = await stage.approver(asked.id)
        vote = anna.sign(await (await stage.approver((await stage.agent.request(**ASK)).id)).begin())
        await erase(stage, workflows, asked.id)
    world = stage.world
    use = {"payload_hash": asked.payload_hash, "consumer": "worker"}
    for answer in (
        await world.get(f"/{asked.id}"),
        await world.get(f"/{asked.id}/evidence"),
        await world.post(f"/{asked.id}/consume", use),
        await world.post(f"/{asked.id}/cancel"),
        await world.http.get(f"/public/log/entries/{asked.id}/verification"),
    ):
        assert code_of(answer) == (404, "confirmation.unknown")
    for answer in (await anna.view(), await anna.touch("approve"), await anna.send(vote)):
        assert answer.status_code in (401, 404)
    listed = (await world.get("")).json()["confirmations"]
    assert asked.id not in {one["id"] for one in listed}


async def test_its_proofs_still_hold(stage, workflows):
    async with stage.worker():
        asked = await approved(stage)
        kept = await stage.agent.evidence(asked.id)
        evidence, before = Evidence.parse(kept), await leaves(stage.acme.database)
        await erase(stage, workflows, asked.id)
        await approved(stage)
    assert before.items() <= (await leaves(stage.acme.database)).items()
    # Whoever kept the evidence proves with it what they could, to whoever reads the log as it is now.
    verdict = verify(kept, await stage.world.trust("anna"), expected_payload=None, now=datetime.now(UTC))
    assert verdict.decision == "approved"
    log, origin = await pinned_log(stage.acme.deployment), (await read_status(stage.acme.deployment)).origin
    for entry in (evidence.request, evidence.outcome):
        event = next(event for event, leaf in before.items() if leaf == entry.leaf)
        answer = await stage.world.http.get(f"/public/log/entries/{event}/proof")
        head, _ = LogProof.parse(answer.content).verify(entry.leaf, origin, frozenset(key.key for key in log.keys))
        assert head.size > evidence.outcome.index
    unanswered = (await stage.world.http.get("/public/log/unanswered")).json()
    assert asked.id not in str(unanswered)


async def test_its_leaves_lead_nowhere(stage, workflows):
    async with stage.worker():
        asked = await approved(stage)
        await erase(stage, workflows, asked.id)
    async with stage.acme.database.read() as tx:
        of_it = (
            await tx.execute(select(events).where(events.c.confirmation_id == asked.id).order_by(events.c.sequence))
        ).all()
        (kept,) = (await tx.execute(select(erased).where(erased.c.confirmation_id == asked.id))).all()
    assert [event.type for event in of_it] == [
        "confirmation.requested",
        "confirmation.voted",
        "confirmation.approved",
    ]
    assert {(event.salt, event.record) for event in of_it} == {(b"", b"")}
    assert (kept.confirmation_id, kept.organisation_id) == (asked.id, stage.acme.organisation.id)


async def test_the_evidence_of_others_is_untouched(stage, workflows):
    async with stage.worker():
        asked, other = await approved(stage), await approved(stage)
        await erase(stage, workflows, asked.id)
    evidence = await stage.agent.evidence(other.id)
    trust = await stage.world.trust("anna")
    assert verify(evidence, trust, expected_payload=None, now=datetime.now(UTC)).decision == "approved"


async def test_its_id_and_its_key_stay_taken(stage, workflows):
    headers = {"Idempotency-Key": "once", **stage.world.bearer}
    async with stage.worker():
        asked = (await stage.world.ask(headers)).json()
        await stage.world.post(f"/{asked['id']}/cancel")
        assert (await stage.outcome(asked["id"])).status == "cancelled"
        await erase(stage, workflows, asked["id"])
    assert code_of(await stage.world.ask(headers)) == (409, "idempotency.mismatch")
    async with stage.acme.database.read() as tx:
        (kept,) = (await tx.execute(select(idempotency).where(idempotency.c.confirmation_id == asked["id"]))).all()
    assert (kept.request_hash, kept.answer) == (b"", None)
    assert await refusal(stage.acme.ask(asked["id"]), Conflict) == "confirmation.erased"
    assert await refusal(stage.acme.ask(asked["id"], action="another"), Conflict) == "confirmation.erased"


async def test_it_is_erased_once(stage, workflows):
    async with stage.worker():
        asked = await approved(stage)
        answers = await asyncio.gather(*(erase(stage, workflows, asked.id) for _ in range(4)), return_exceptions=True)
    codes = [answer.code for answer in answers if isinstance(answer, Conflict)]
    assert codes == ["confirmation.erased"] * 3
    assert await refusal(erase(stage, workflows, asked.id), Conflict) == "confirmation.erased"


async def test_what_is_not_there_is_not_erased(stage, workflows):
    assert await refusal(erase(stage, workflows, "0" * 32), NotFound) == "confirmation.unknown"


async def test_what_has_not_ended_is_not_erased(stage, workflows):
    async with stage.worker():
        asked = await stage.agent.request(**ASK)
        assert await refusal(erase(stage, workflows, asked.id), Conflict) == "confirmation.pending"
        anna = await stage.approver(asked.id)
        assert (await anna.decide()).json()["status"] == "approved"


async def test_what_its_workflow_still_works_on_is_not_erased(stage, workflows):
    asked = await stage.agent.request(**ASK)
    await stage.world.post(f"/{asked.id}/cancel")
    # No worker runs, so the workflow has not learnt of it.
    assert await refusal(erase(stage, workflows, asked.id), Conflict) == "workflow.running"
    assert await stage.world.status(asked.id) == "cancelled"
    async with stage.worker():
        await stage.outcome(asked.id)
        await erase(stage, workflows, asked.id)


async def test_nothing_is_erased_without_temporal(stage):
    async with stage.worker():
        asked = await approved(stage)
    server, client = await another_temporal()
    await server.shutdown()
    down = ApprovalWorkflows(client, search_attributes=False)
    assert await refusal(erase(stage, down, asked.id), Unavailable) == "temporal.unavailable"
    async with stage.acme.database.read() as tx:
        assert (await get_confirmation(tx, asked.id)).payload
    assert await stage.agent.evidence(asked.id)


async def test_nothing_is_erased_by_a_namespace_that_is_not_there(stage):
    async with stage.worker():
        asked = await approved(stage)
    host = stage.temporal.service_client.config.target_host
    elsewhere = ApprovalWorkflows(await Client.connect(host, namespace="nowhere"), search_attributes=False)
    assert await refusal(erase(stage, elsewhere, asked.id), Unavailable) == "temporal.unavailable"
    assert await stage.agent.evidence(asked.id)


async def test_every_run_of_its_workflow_goes(stage, workflows):
    async with stage.worker():
        asked = await approved(stage)
        handle = stage.temporal.get_workflow_handle(workflow_id(asked.id))
        run = (await handle.describe()).run_id
        first = stage.temporal.get_workflow_handle(handle.id, first_execution_run_id=run)
        again = await reset_to_start(stage.temporal, first)
        assert (await again.result()).status == "approved"
        await runs_are(stage.temporal, handle.id, 2)
        await erase(stage, workflows, asked.id)
        await runs_are(stage.temporal, handle.id, 0)


async def runs_are(client, execution, count):
    """Wait until Temporal's visibility store knows of so many runs, and its history of the newest one or of none."""
    async with asyncio.timeout(30):
        while True:
            found = [run async for run in client.list_workflows(f"WorkflowId = '{execution}'")]
            if len(found) == count and await is_known(client, execution) == bool(count):
                return
            await asyncio.sleep(0.1)


async def is_known(client, execution):
    try:
        await client.get_workflow_handle(execution).fetch_history()
    except RPCError as error:
        return error.status != RPCStatusCode.NOT_FOUND
    return True
