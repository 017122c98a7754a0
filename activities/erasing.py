"""Erasure: a confirmation that has ended is forgotten, and every proof that its leaves are in the log still holds."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.approvals import ApprovalWorkflows
from activities.deployment import Deployment
from cosignet.core.decision import Status
from cosignet.errors import Conflict, NotFound
from store import erasure
from store.confirmations import get_confirmation
from store.events import add_event
from store.rows import Confirmation


async def erase_confirmation(
    deployment: Deployment, workflows: ApprovalWorkflows, confirmation: str, *, by: str
) -> datetime:
    """Forget what it was about and who signed it, in the database and in Temporal; when that was.

    What is left are its id, so that no other one can have it, and its leaves in the log, which lead nowhere. An
    approval that was not used up can no longer be. Raises `NotFound("confirmation.unknown")`, `Conflict` with
    `confirmation.erased`, `confirmation.pending` while it has not ended, or `workflow.running`, and `Unavailable`.
    """
    async with deployment.database.read() as tx:
        await _require_ended(tx, confirmation, lock=False)
    # First what may not answer: when it does not, nothing is erased and the command can be given again.
    await workflows.forget(confirmation)
    async with deployment.database.write() as tx:
        row = await _require_ended(tx, confirmation, lock=True)
        at = await deployment.database.clock(tx)
        await erasure.erase_confirmation(tx, row, at=at)
        record = {"change": "confirmation.erased", "by": by, "confirmation": row.id}
        await add_event(tx, row.organisation_id, "admin.changed", record, at=at)
    return at


async def _require_ended(tx: AsyncConnection, confirmation: str, *, lock: bool) -> Confirmation:
    row = await get_confirmation(tx, confirmation, lock=lock)
    if row is None and await erasure.is_erased(tx, confirmation):
        raise Conflict("confirmation.erased", "it is erased already")
    if row is None:
        raise NotFound("confirmation.unknown", "there is no such confirmation")
    if row.announced is Status.PENDING:
        raise Conflict("confirmation.pending", "it has not ended, or its end is not in the log yet; cancel it first")
    return row
