"""Many confirmations at once: asked for beside the API, as fast as store and Temporal take them, and looked at."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import Client

from activities.approvals import ApprovalWorkflows
from activities.deployment import Deployment
from activities.opening import EXPIRES_IN, open_confirmation
from cosignet.temporal.contract import APPROVAL_WORKFLOW
from store.database import Database, database_clock
from store.rows import Confirmation, read_all
from store.schema import confirmations
from tests.acme import ORIGIN, RP, Acme, a_wire_transfer

# Of requests, and of ids in one query.
AT_ONCE, BATCH = 32, 500
RUNNING = f"WorkflowType = '{APPROVAL_WORKFLOW}' AND ExecutionStatus = 'Running'"


async def gather_crowd(
    acme: Acme, temporal: Client, number: int, *, left: int, progress: Callable[[int, int], None]
) -> list[str]:
    """So many pending confirmations with `left` seconds to go, the shortest ones from some seconds ago."""

    async def earlier(tx: AsyncConnection) -> datetime:
        return await database_clock(tx) - timedelta(seconds=max(0, EXPIRES_IN[0] - left))

    database = Database(acme.database.url, clock=earlier)
    deployment, workflows = Deployment(database, RP, ORIGIN), ApprovalWorkflows(temporal, search_attributes=True)
    ask = a_wire_transfer(expires_in=max(left, EXPIRES_IN[0]))
    todo, created = iter(range(number)), []

    async def work() -> None:
        for _ in todo:
            row = await open_confirmation(deployment, acme.caller, secrets.token_hex(16), ask)
            await workflows.start(row)
            created.append(row.id)
            progress(len(created), number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    await database.close()
    return created


async def count_pending(database: Database) -> int:
    """Rows."""
    query = select(func.count()).where(confirmations.c.status == "pending")
    async with database.read() as tx:
        return int((await tx.execute(query)).scalar_one())


async def count_running(temporal: Client, expected: int) -> int:
    """Workflows; Temporal's list lags behind, so it is given some time to show as many as expected."""
    for _ in range(60):
        running = (await temporal.count_workflows(RUNNING)).count
        if running == expected:
            break
        await asyncio.sleep(0.5)
    return running


async def read_rows(database: Database, ids: list[str]) -> list[Confirmation]:
    found: list[Confirmation] = []
    for first in range(0, len(ids), BATCH):
        some = confirmations.c.id.in_(ids[first : first + BATCH])
        query = select(confirmations, null().label("outcome_leaf")).where(some)
        async with database.read() as tx:
            found += read_all(Confirmation, await tx.execute(query))
    return found
