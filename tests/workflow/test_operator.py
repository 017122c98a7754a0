"""What an operator reads in Temporal's UI: summary, details, search attributes; and nothing about people."""

import secrets

import pytest
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.worker import Worker

from activities.approvals import (
    DEADLINE,
    ORGANISATION,
    SEARCH_ATTRIBUTES,
    STATUS,
    ApprovalWorkflows,
    has_search_attributes,
)
from activities.steps import ApprovalSteps
from tests.acme import a_wire_transfer
from tests.workflow.parents import Agent


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


async def register(service):
    if not await has_search_attributes(service.client):
        await service.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=service.client.namespace, search_attributes=SEARCH_ATTRIBUTES)
        )


def with_attributes(service):
    return ApprovalSteps(
        service.acme.deployment,
        service.inbox,
        namespace=service.client.namespace,
        organisation=service.acme.organisation.id,
        search_attributes=True,
    )


async def test_search_attributes_follow_the_status_once_registered(service, monkeypatch):
    await register(service)
    assert await has_search_attributes(service.client)
    monkeypatch.setattr("activities.approvals.TASK_QUEUE", service.task_queue)
    service.steps = with_attributes(service)
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


async def test_a_child_that_was_started_without_search_attributes_gets_them(service):
    await register(service)
    service.steps = with_attributes(service)
    queue, confirmation = f"agents-{secrets.token_hex(4)}", secrets.token_hex(16)
    async with service.worker(), Worker(service.client, task_queue=queue, workflows=[Agent]):
        arguments = [confirmation, a_wire_transfer(), service.task_queue]
        parent = await service.client.start_workflow("Agent", args=arguments, id=queue, task_queue=queue)
        await service.inbox.told("anna@example.com")
        child = service.client.get_workflow_handle(f"approval-{confirmation}")
        assert (await child.describe()).typed_search_attributes[STATUS] == "pending"
        await parent.cancel()
        await child.result()
        shown = (await child.describe()).typed_search_attributes
        assert (shown[STATUS], shown[ORGANISATION]) == ("cancelled", service.acme.organisation.id)
