"""What an operator reads in Temporal's UI: summary, details, search attributes; and nothing about people."""

import secrets

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest

from activities.approvals import (
    DEADLINE,
    ORGANISATION,
    SEARCH_ATTRIBUTES,
    STATUS,
    ApprovalWorkflows,
    has_search_attributes,
)
from activities.steps import ApprovalSteps


@pytest.fixture
def database_kind():
    return "sqlite"


async def details_of(handle):
    metadata = await handle.query("__temporal_workflow_metadata")
    return metadata["currentDetails"] if isinstance(metadata, dict) else metadata.current_details


async def test_details_tell_status_and_deadline_and_escape_markup(service):
    async with service.worker():
        confirmation, handle = await service.start(action="Pay **now** [here](http://x) \u202eevil")
        await service.inbox.told("anna@example.com")
        details = await details_of(handle)
        assert "**pending**: Pay \\*\\*now\\*\\* \\[here\\]\\(http\\:\\/\\/x\\)" in details
        assert "\u202e" not in details
        assert "anna" not in details
        assert "250.00" not in details
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await service.vote(confirmation, nonce, vote)
        await handle.result()
        assert (await details_of(handle)).startswith("**approved**")


async def test_search_attributes_follow_the_status_once_registered(service, monkeypatch):
    assert not await has_search_attributes(service.client)
    await service.client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=service.client.namespace, search_attributes=SEARCH_ATTRIBUTES)
    )
    assert await has_search_attributes(service.client)
    monkeypatch.setattr("activities.approvals.TASK_QUEUE", service.task_queue)
    service.steps = ApprovalSteps(
        service.acme.deployment,
        service.inbox,
        namespace=service.client.namespace,
        organisation="",
        search_attributes=True,
    )
    confirmation = secrets.token_hex(16)
    row = await service.acme.ask(confirmation)
    async with service.worker():
        await ApprovalWorkflows(service.client, search_attributes=True).start(row)
        handle = service.client.get_workflow_handle(f"approval-{confirmation}")
        described = await handle.describe()
        assert await described.static_summary() == "Wire 250 EUR to ACME Ltd"
        assert described.typed_search_attributes[STATUS] == "pending"
        assert described.typed_search_attributes[ORGANISATION] == service.acme.organisation.id
        assert described.typed_search_attributes[DEADLINE] == row.deadline
        await service.inbox.told("anna@example.com")
        await handle.cancel()
        await handle.result()
        assert (await handle.describe()).typed_search_attributes[STATUS] == "cancelled"
        assert (await handle.describe()).history_length <= 22
