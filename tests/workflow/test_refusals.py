"""What the workflow refuses, and that refusing costs no history."""

import asyncio
import secrets
from dataclasses import replace

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from activities.approvals import workflow_id
from cosignet.core.encoding import b64u
from cosignet.temporal.contract import (
    APPROVAL_SIGNAL,
    APPROVAL_WORKFLOW,
    REFRESH_KEYS_UPDATE,
    SYNC_SIGNAL,
    UNPINNED,
    VOTE_UPDATE,
    ApprovalInput,
    VoteAnswer,
)
from store.credentials import revoke_credential
from tests.acme import a_wire_transfer


async def refused(handle, vote, nonce):
    """The code with which the Update's validator refuses."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(VOTE_UPDATE, vote, id=nonce, result_type=VoteAnswer)
    return caught.value.cause.type


async def history_length(handle):
    return (await handle.describe()).history_length


async def test_bad_votes_leave_no_history_and_the_honest_one_wins(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        nonce, vote = await service.acme.sign(confirmation, "anna")
        other, foreign = await service.acme.sign(*(await start_another(service)))
        await asyncio.sleep(0.3)
        before = await history_length(handle)
        forged = b64u(secrets.token_bytes(70))
        assert await refused(handle, replace(vote, signature=forged), nonce) == "assertion.signature"
        assert await refused(handle, foreign, other) == "terms.hash"
        assert await refused(handle, vote, "another-id") == "vote.id"
        assert await refused(handle, replace(vote, context="!!"), nonce) == "encoding.base64url"
        assert await refused(handle, replace(vote, context="A" * 9000), nonce) == "vote.size"
        assert await refused(handle, replace(vote, context=b64u(b"{}")), nonce) == "context.form"
        assert await refused(handle, replace(vote, credential=b64u(b"x" * 16)), nonce) == UNPINNED
        assert await refused(handle, replace(vote, user_handle=b64u(b"ben")), nonce) == "assertion.user"
        assert await history_length(handle) == before
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"


async def start_another(service):
    confirmation, _ = await service.start()
    return confirmation, "anna"


async def test_a_swapped_decision_is_refused(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        _, reject = await service.acme.sign(confirmation, "anna", "reject")
        nonce, approve = await service.acme.sign(confirmation, "anna", "approve")
        crossed = replace(reject, context=approve.context)
        assert await refused(handle, crossed, nonce) == "assertion.challenge"


async def test_a_context_the_service_never_issued_is_refused_by_the_row(service):
    async with service.worker():
        confirmation, handle = await service.start()
        issued = await service.acme.ceremony(confirmation, "anna")
        async with service.acme.database.write() as tx:
            await tx.exec_driver_sql("DELETE FROM ceremonies")
        nonce, vote = service.acme.answer("anna", issued)
        answer = await service.vote(confirmation, nonce, vote)
        assert (answer.accepted, answer.code) == (False, "ceremony.unknown")
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"


async def test_bad_signals_are_counted_and_dropped(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        for _ in range(20):
            await handle.signal(APPROVAL_SIGNAL, replace(vote, signature=b64u(secrets.token_bytes(70))))
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        await handle.result()
        history = await handle.fetch_history()
    scheduled = [e for e in history.events if e.HasField("activity_task_scheduled_event_attributes")]
    names = [e.activity_task_scheduled_event_attributes.activity_type.name for e in scheduled]
    assert names == ["cosignet.notify"]


async def test_a_revoked_passkey_does_not_vote(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await service.inbox.told("anna@example.com")
        async with service.acme.database.write() as tx:
            at = await service.acme.database.clock(tx)
            await revoke_credential(tx, service.acme.passkeys["anna"].id, at=at)
        answer = await service.vote(confirmation, nonce, vote)
        assert (answer.accepted, answer.code) == (False, "credential.revoked")
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"


async def test_a_passkey_enrolled_later_votes_after_a_refresh(service):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        await service.acme.enrol("anna", algorithm="EdDSA", synced=True)
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert await refused(handle, vote, nonce) == UNPINNED
        await handle.execute_update(REFRESH_KEYS_UPDATE)
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"


async def test_sync_has_no_authority(service):
    async with service.worker():
        confirmation, handle = await service.start()
        for _ in range(3):
            await handle.signal(SYNC_SIGNAL)
        nonce, vote = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"
        assert (await handle.result()).status == "approved"


@pytest.mark.parametrize("ask", [None, a_wire_transfer()])
async def test_a_workflow_started_by_hand_cannot_ask(service, ask):
    confirmation = secrets.token_hex(16)
    async with service.worker():
        handle = await service.client.start_workflow(
            APPROVAL_WORKFLOW,
            ApprovalInput(confirmation, ask),
            id=workflow_id(confirmation),
            task_queue=service.task_queue,
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    code = caught.value.cause.type
    assert code == ("request.unknown" if ask is None else "request.no_parent")


async def test_a_workflow_under_another_name_is_refused(service):
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    async with service.worker():
        handle = await service.client.start_workflow(
            APPROVAL_WORKFLOW,
            ApprovalInput(confirmation),
            id=f"other-{confirmation}",
            task_queue=service.task_queue,
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert caught.value.cause.type == "request.workflow_id"


async def test_a_vote_before_the_confirmation_is_open_is_not_lost(service):
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    nonce, vote = await service.acme.sign(confirmation, "anna")
    handle = await service.run(confirmation)
    submission = asyncio.create_task(service.vote(confirmation, nonce, vote))
    await asyncio.sleep(0.2)
    async with service.worker():
        assert (await submission).status == "approved"
        assert (await handle.result()).status == "approved"
