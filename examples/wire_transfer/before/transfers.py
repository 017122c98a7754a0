"""An agent's workflow that wires money: the activity that does it, and the workflow that decides to."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow


@dataclass(frozen=True)
class Transfer:
    """What is to be paid: `amount` in `currency`, to the account `iban` of `recipient`."""

    recipient: str
    iban: str
    amount: str
    currency: str


@activity.defn
async def wire_transfer(transfer: Transfer) -> str:
    """Call the bank. Here it only says so."""
    return f"sent {transfer.amount} {transfer.currency} to {transfer.recipient}, {transfer.iban}"


@workflow.defn
class PayInvoice:
    """What the agent does once it has read an invoice."""

    @workflow.run
    async def run(self, transfer: Transfer) -> str:
        """Pay it."""
        return await workflow.execute_activity(
            wire_transfer,
            transfer,
            start_to_close_timeout=timedelta(minutes=1),
        )
