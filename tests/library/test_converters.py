"""With the pydantic data converter: what is shown, hashed and checked is the JSON that this converter writes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from cosignet.temporal import guarded, require_approval
from cosignet.temporal.testing import FakeApprovals
from tests.library.stage import failure

ID = UUID("12345678-1234-4234-8234-123456789012")


class Order(BaseModel):
    id: UUID
    total: Decimal
    due: datetime
    note: str | None = None


@activity.defn
@guarded
async def place(order: Order, urgent: bool) -> str:
    return f"{order.total} by {order.due:%d %B}"


@workflow.defn
class Buyer:
    @workflow.run
    async def run(self, order: Order, changed: Order) -> str:
        await require_approval("Place an order", activity=place, input=[order, True], approvers=["anna@example.com"])
        return await workflow.execute_activity(place, args=[changed, True], start_to_close_timeout=timedelta(minutes=1))


@pytest.fixture
async def pydantic_client(temporal_env):
    config = temporal_env.client.config()
    return Client(**{**config, "data_converter": pydantic_data_converter})


async def test_pydantic_models(pydantic_client):
    approvals = FakeApprovals()
    order = Order(id=ID, total=Decimal("99.90"), due=datetime(2026, 2, 1, tzinfo=UTC))
    options = {"workflows": [Buyer], "activities": [place], "plugins": [approvals.plugin]}
    async with approvals.worker(pydantic_client), Worker(pydantic_client, task_queue="buyers", **options):

        async def run(changed):
            return await pydantic_client.execute_workflow(
                Buyer.run, args=[order, changed], id=f"buyer-{uuid4()}", task_queue="buyers"
            )

        assert await run(order) == "99.90 by 01 February"
        error = await failure(run(order.model_copy(update={"total": Decimal("99.91")})))
        assert error.details[0] == "guard.no_approval"
    assert approvals.asked[0].payload == (
        '{"activity":"place","input":[{"due":"2026-02-01T00:00:00Z","id":"12345678-1234-4234-8234-123456789012",'
        '"note":null,"total":"99.90"},true]}'
    )
