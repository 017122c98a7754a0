"""The steps of the approval workflow, as Temporal activities, and what goes in and out of them.

Each is idempotent by the confirmation's id or the vote's nonce, so it may run any number of times: local
activities do, after a lost answer or a killed worker.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.approvals import workflow_id
from activities.closing import ClosingStatus, close_confirmation, read_outcome
from activities.deployment import Deployment
from activities.matters import outcome_of
from activities.notifying import Notifier, notify_stage
from activities.opening import Caller, open_confirmation
from activities.voting import Recorded, record_vote
from cosignet.core.decision import Status
from cosignet.core.encoding import b64u
from cosignet.core.policy import Policy
from cosignet.errors import CosignetError, NotFound, Refused, Unavailable
from cosignet.temporal.contract import ApprovalInput, Outcome, VoteInput
from store.confirmations import get_confirmation
from store.credentials import active_credentials
from store.rows import Confirmation, VoteRow
from store.votes import list_votes


@dataclass(frozen=True)
class Parent:
    """The workflow that asks, as Temporal itself names it."""

    namespace: str
    workflow_id: str


@dataclass(frozen=True)
class OpenInput:
    """Open, or find, the confirmation that a workflow is for."""

    approval: ApprovalInput
    parent: Parent | None


@dataclass(frozen=True)
class Key:
    """A passkey that may vote: id and COSE public key in base64url."""

    id: str
    person: str
    public_key: str
    backup_eligible: bool


@dataclass(frozen=True)
class Voters:
    """The passkeys that may vote now, and the people whose vote is counted."""

    keys: list[Key]
    voted: list[str]


@dataclass(frozen=True)
class Opened:
    """An open confirmation: terms and policy as canonical bytes in base64url, or the outcome it has already."""

    terms: str
    policy: str
    rp_id: str
    origins: list[str]
    organisation: str
    voters: Voters
    search_attributes: bool
    outcome: Outcome | None


@dataclass(frozen=True)
class NotifyInput:
    """Tell the approvers of one stage: 0 at the start, then the policy's fallback stages by number."""

    confirmation: str
    stage: int


@dataclass(frozen=True)
class RecordInput:
    """Count one vote."""

    confirmation: str
    vote: VoteInput


@dataclass(frozen=True)
class CloseInput:
    """End a confirmation that nobody decided."""

    confirmation: str
    status: ClosingStatus


class ApprovalSteps:
    """The activities of `cosignet.Approval`.

    `namespace` is the one this worker serves, `organisation` the one its workflows ask for (empty: none).
    """

    def __init__(
        self,
        deployment: Deployment,
        notifier: Notifier,
        *,
        namespace: str,
        organisation: str,
        search_attributes: bool,
    ) -> None:
        self._deployment = deployment
        self._notifier = notifier
        self._namespace = namespace
        self._organisation = organisation
        self._search_attributes = search_attributes

    @activity.defn(name="cosignet.open")
    async def open(self, ask: OpenInput) -> Opened:
        """Record the request, or read the one recorded. Refusals are final `ApplicationError`s of their code."""
        with _as_application_errors():
            _require_own_workflow(ask.approval)
            if ask.approval.ask is not None:
                caller = self._caller(ask.parent)
                await open_confirmation(self._deployment, caller, ask.approval.confirmation, ask.approval.ask)
            return await self._opened(ask.approval.confirmation)

    @activity.defn(name="cosignet.read_voters")
    async def read_voters(self, confirmation: str) -> Voters:
        """Read the approvers' passkeys again, for one that was enrolled or revoked since."""
        with _as_application_errors():
            async with self._deployment.database.read() as tx:
                row = await get_confirmation(tx, confirmation)
                if row is None:
                    raise NotFound("confirmation.unknown", "there is no such confirmation")
                return await _voters(tx, row, await list_votes(tx, row.id))

    @activity.defn(name="cosignet.notify")
    async def notify(self, stage: NotifyInput) -> int:
        """Send each approver of the stage their personal link; answers how many were told."""
        with _as_application_errors():
            return await notify_stage(self._deployment, self._notifier, stage.confirmation, stage.stage)

    @activity.defn(name="cosignet.record_vote")
    async def record_vote(self, vote: RecordInput) -> Recorded:
        """Count a vote; refusals are answers."""
        with _as_application_errors():
            return await record_vote(self._deployment, vote.confirmation, vote.vote)

    @activity.defn(name="cosignet.close")
    async def close(self, closing: CloseInput) -> Outcome:
        """End a confirmation that is still pending, and answer how it really ended."""
        with _as_application_errors():
            return await close_confirmation(self._deployment, closing.confirmation, closing.status)

    @activity.defn(name="cosignet.read_outcome")
    async def read_outcome(self, confirmation: str) -> Outcome | None:
        """How the confirmation ended, if it did."""
        with _as_application_errors():
            return await read_outcome(self._deployment, confirmation)

    def _caller(self, parent: Parent | None) -> Caller:
        # Who asks is what Temporal says, never what the input says: the parent, in a namespace that is mapped.
        if parent is None:
            raise Refused("request.no_parent", "a workflow asks by starting cosignet.Approval as its child")
        if parent.namespace != self._namespace or not self._organisation:
            raise Refused("request.namespace", "no organisation is set for this namespace")
        name = f"temporal:{parent.namespace}"
        return Caller(self._organisation, name, f"{name}/{parent.workflow_id}")

    async def _opened(self, confirmation: str) -> Opened:
        async with self._deployment.database.read() as tx:
            row = await get_confirmation(tx, confirmation)
            if row is None:
                raise Refused("request.unknown", "no such confirmation was recorded, and nothing is asked")
            votes = await list_votes(tx, row.id)
            voters = await _voters(tx, row, votes)
        if Status(row.status).final:
            row = await self._deployment.appender.announce(row)
        return Opened(
            terms=b64u(row.terms),
            policy=b64u(row.policy),
            rp_id=self._deployment.rp.id,
            origins=sorted(self._deployment.rp.origins),
            organisation=row.organisation_id,
            voters=voters,
            search_attributes=self._search_attributes,
            outcome=outcome_of(row, votes) if row.announced.final else None,
        )


def _require_own_workflow(approval: ApprovalInput) -> None:
    if activity.info().workflow_id != workflow_id(approval.confirmation):
        raise Refused("request.workflow_id", "the workflow of a confirmation is called approval-<its id>")


async def _voters(tx: AsyncConnection, row: Confirmation, votes: Sequence[VoteRow]) -> Voters:
    credentials = await active_credentials(tx, Policy.parse(row.policy).signers)
    keys = [Key(b64u(c.id), c.person_id, b64u(c.public_key), c.backup_eligible) for c in credentials]
    return Voters(keys, [vote.person_id for vote in votes])


@contextmanager
def _as_application_errors() -> Iterator[None]:
    """A refusal is final and keeps its code; an outage is retried."""
    try:
        yield
    except CosignetError as error:
        if isinstance(error, Unavailable):
            raise ApplicationError(error.detail, type=error.code) from error
        # Benign: a refusal is ordinary business, not a fault for the operator's logs.
        category = ApplicationErrorCategory.BENIGN
        raise ApplicationError(error.detail, type=error.code, non_retryable=True, category=category) from error
