"""Who asks by a workflow: what Temporal says of it, and nobody where that is not enough."""

import secrets
from dataclasses import replace

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.approvals import workflow_id
from activities.steps import ApprovalSteps, OpenInput, Parent
from cosignet.temporal.contract import ApprovalInput
from tests.acme import a_wire_transfer


async def refusal(parent, *, organisation="org-1", called=workflow_id):
    """How the step that opens a confirmation refuses, before it looks at any database."""
    confirmation = secrets.token_hex(16)
    steps = ApprovalSteps(None, None, namespace="default", organisation=organisation, search_attributes=False)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id=called(confirmation))
    with pytest.raises(ApplicationError) as caught:
        await environment.run(steps.open, OpenInput(ApprovalInput(confirmation, a_wire_transfer()), parent))
    assert caught.value.non_retryable
    return caught.value.type


@pytest.mark.parametrize("namespace", ["other", "", "DEFAULT", "default "])
async def test_a_parent_in_another_namespace_asks_for_nobody(namespace):
    assert await refusal(Parent(namespace, "agent-1")) == "request.namespace"


async def test_a_namespace_without_an_organisation_asks_for_nobody():
    assert await refusal(Parent("default", "agent-1"), organisation="") == "request.namespace"


async def test_a_workflow_without_a_parent_asks_for_nobody():
    assert await refusal(None) == "request.no_parent"


@pytest.mark.parametrize("called", [lambda confirmation: confirmation, lambda _: workflow_id("0" * 32)])
async def test_a_workflow_under_another_name_opens_nothing(called):
    assert await refusal(Parent("default", "agent-1"), called=called) == "request.workflow_id"
