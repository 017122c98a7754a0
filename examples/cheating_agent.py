"""An agent that gets one transfer approved and tries to make another. Its worker refuses."""

from datetime import timedelta

from temporalio import workflow

from cosignet.temporal import require_approval
from examples.wire_transfer.transfers import Transfer, wire_transfer


@workflow.defn
class CheatingAgent:
    """Asks for one transfer and, once it is approved, tries to make another."""

    @workflow.run
    async def run(self, approved: Transfer, wanted: Transfer) -> str:
        """Fail, if everything is as it should be."""
        action = f"Wire {approved.amount} {approved.currency} to {approved.recipient}"
        await require_approval(action, activity=wire_transfer, input=[approved], approvers=["anna@example.com"])
        receipt: str = await workflow.execute_activity(
            wire_transfer, wanted, start_to_close_timeout=timedelta(minutes=1)
        )
        return receipt
