"""Agents' workflows ask by starting a child: who asks is what Temporal says."""

import secrets

import pytest
from temporalio.client import WorkflowFailureError

from activities.closing import read_standing
from activities.steps import ApprovalSteps
from cosignet.core.terms import Terms
from cosignet.temporal.contract import Outcome
from tests.acme import a_wire_transfer
from tests.workflow.parents import agents


@pytest.fixture
def database_kind():
    return "sqlite"


async def test_the_requester_is_the_parent_and_what_it_says_of_itself_is_a_claim(service):
    async with service.worker(), agents(service) as start:
        confirmation, handle = await start(a_wire_transfer(claim="I am the board"))
        await service.inbox.told("anna@example.com")
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await service.vote(confirmation, nonce, vote)
        assert (await handle.result()).status == "approved"
    row = (await read_standing(service.acme.deployment, confirmation)).row
    namespace = service.client.namespace
    assert Terms.parse(row.terms).requester == f"temporal:{namespace}/{handle.id}"
    assert (row.owner, row.claim) == (f"temporal:{namespace}", "I am the board")


async def refusal_of(handle):
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    return caught.value.cause.cause.type


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approvers": ["mallory@example.com"]}, "policy.unknown_approver"),
        ({"threshold": 2}, "policy.unreachable"),
        ({"approvers": []}, "policy.choice"),
        ({"policy": "none", "approvers": []}, "policy.unknown"),
        ({"payload": '{"a": 1, "a": 2}'}, "payload.duplicate_key"),
        ({"payload": "[]"}, "payload.not_object"),
        ({"expires_in": 29}, "request.expires_in"),
        ({"action": ""}, "request.action"),
    ],
)
async def test_an_ask_that_breaks_a_rule_fails_with_its_code(service, changes, code):
    async with service.worker(), agents(service) as start:
        _, handle = await start(a_wire_transfer(**changes))
        assert await refusal_of(handle) == code


async def test_an_id_that_is_taken_by_other_terms_is_refused(service):
    confirmation = secrets.token_hex(16)
    await service.acme.ask(confirmation)
    async with service.worker(), agents(service) as start:
        _, handle = await start(a_wire_transfer(), confirmation)
        assert await refusal_of(handle) == "confirmation.other_terms"


async def test_a_namespace_without_an_organisation_asks_for_nobody(service):
    service.steps = ApprovalSteps(
        service.acme.deployment,
        service.inbox,
        namespace=service.client.namespace,
        organisation="",
        search_attributes=False,
    )
    async with service.worker(), agents(service) as start:
        _, handle = await start(a_wire_transfer())
        assert await refusal_of(handle) == "request.namespace"


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_when_the_parent_ends_the_confirmation_is_cancelled(service, how):
    async with service.worker(), agents(service) as start:
        confirmation, handle = await start(a_wire_transfer())
        await service.inbox.told("anna@example.com")
        await getattr(handle, how)()
        child = service.client.get_workflow_handle(f"approval-{confirmation}", result_type=Outcome)
        assert (await child.result()).status == "cancelled"
