"""The evidence of a decision, put together from the bytes as they were stored."""

from typing import cast

from activities.deployment import Deployment
from activities.matters import assertion_of, credential_of
from cosignet.core.decision import Status
from cosignet.core.evidence import DecisionStatus, Evidence, VoteEvidence
from cosignet.errors import Conflict, NotFound
from store.confirmations import get_confirmation
from store.credentials import get_credentials
from store.rows import Confirmation
from store.votes import list_votes


async def read_evidence(deployment: Deployment, confirmation: str) -> bytes | None:
    """The evidence document, `None` while the confirmation is pending, or its outcome is not in the log.

    Raises `NotFound("confirmation.unknown")`, `Conflict("evidence.unsigned")` for what nobody's signature ended.
    """
    async with deployment.database.read() as tx:
        row = await get_confirmation(tx, confirmation)
        if row is None:
            raise NotFound("confirmation.unknown", "there is no such confirmation")
        votes = await list_votes(tx, confirmation)
        credentials = await get_credentials(tx, [vote.credential_id for vote in votes])
    if row.announced is Status.PENDING:
        return None
    return Evidence(
        decision=_signed_decision(row),
        decided_at=row.decided_at or row.created_at,
        terms=row.terms,
        payload=row.payload,
        note=row.note,
        policy=row.policy,
        votes=tuple(VoteEvidence(v.context, v.reason, assertion_of(v), v.counted_at) for v in votes),
        credentials=tuple(credential_of(credential) for credential in sorted(credentials, key=lambda c: c.id)),
    ).to_bytes()


def _signed_decision(row: Confirmation) -> DecisionStatus:
    if row.status not in ("approved", "rejected"):
        raise Conflict("evidence.unsigned", f"a confirmation that {row.status} was signed by nobody")
    return cast(DecisionStatus, row.status)
