"""How Cosignet's errors cross Temporal."""

from datetime import timedelta
from typing import Literal

from temporalio.exceptions import ApplicationError

from cosignet.client import NotReady
from cosignet.errors import CosignetError, TooMany, Unavailable
from cosignet.temporal.contract import Outcome

GUARD = "cosignet.guard"
UNVERIFIED = "cosignet.unverified"

NotApprovedStatus = Literal["rejected", "expired", "cancelled", "refused", "unverified", "unknown"]


class NotApproved(ApplicationError):
    """There is no approval, whatever the reason; never retryable.

    `status` is `rejected`, `expired` or `cancelled` as the humans or the clock decided; `refused` when the service
    did not accept the request; `unverified` when it said approved and the evidence does not prove it; else `unknown`.
    `reasons` are what the approvers signed, or what went wrong. `outcome` is the service's word, when it gave one.
    On the wire it is an `ApplicationError` of type `cosignet.<status>` with the details `[status, reasons]`.
    """

    def __init__(
        self, status: NotApprovedStatus, message: str, reasons: list[str], outcome: Outcome | None = None
    ) -> None:
        self.status = status
        self.reasons = tuple(reasons)
        self.outcome = outcome
        super().__init__(message, status, reasons, type=f"cosignet.{status}", non_retryable=True)


def failure_of(error: CosignetError, kind: str) -> ApplicationError:
    """`error` as a failure of type `kind`, its code the first detail; retryable only when nothing was decided."""
    again = isinstance(error, Unavailable | TooMany)
    delay = timedelta(seconds=error.retry_after) if isinstance(error, NotReady | TooMany) else None
    return ApplicationError(str(error), error.code, type=kind, non_retryable=not again, next_retry_delay=delay)
