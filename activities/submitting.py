"""A signed vote on its way to its workflow: ordinary refusals never trouble Temporal, a counted vote is told so."""

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.approvals import ApprovalWorkflows
from activities.deployment import Deployment
from activities.matters import credential_of, matter_of
from activities.voting import find_vote, read_submission
from cosignet.core.assertion import Assertion
from cosignet.core.decision import Status, verify_vote
from cosignet.core.encoding import b64u
from cosignet.core.evidence import assertion_to_json
from cosignet.errors import Conflict, NotFound, Refused
from cosignet.temporal.contract import UNPINNED, VoteAnswer, VoteInput
from store.confirmations import get_confirmation
from store.credentials import get_credential
from store.rows import CeremonyRow, Confirmation
from store.votes import get_ceremony, get_vote


async def submit_vote(
    deployment: Deployment,
    workflows: ApprovalWorkflows,
    confirmation: str,
    person: str,
    nonce: bytes,
    assertion: Assertion,
) -> VoteAnswer:
    """Have a vote counted, once: one that is counted already is answered so, whatever assertion came with it.

    Refusals of the workflow are answers. Raises `Refused` with the code of the rule that does not hold before it
    gets there, `Malformed("vote.size")`, and `Unavailable` when nothing is known and the same vote may be sent again.
    """
    # One snapshot: a vote that is being counted at this moment is seen either entirely or not at all.
    async with deployment.database.read() as tx:
        row = await get_confirmation(tx, confirmation)
        ceremony = await get_ceremony(tx, nonce)
        if row is None:
            raise NotFound("confirmation.unknown", "there is no such confirmation")
        if ceremony is None or (ceremony.confirmation_id, ceremony.person_id) != (confirmation, person):
            raise Refused("ceremony.unknown", "this context was not issued to you for this confirmation")
        known = await get_vote(tx, nonce)
        vote = VoteInput(context=b64u(ceremony.context), **assertion_to_json(assertion))
        if not known:
            await _check(tx, deployment, row, ceremony, vote)
    if known:
        return VoteAnswer(accepted=True, status=(await deployment.appender.announce_now(row)).announced)
    return await _send(deployment, workflows, confirmation, nonce, vote)


async def _check(
    tx: AsyncConnection, deployment: Deployment, row: Confirmation, ceremony: CeremonyRow, vote: VoteInput
) -> None:
    """As the workflow will check it, but with the passkeys of this moment instead of the pinned ones."""
    at = await deployment.database.clock(tx)
    if Status(row.status).final:
        raise Conflict("decision.final", "this is decided already")
    if at >= row.deadline:
        raise Refused("time.deadline", "the deadline has passed")
    if ceremony.used_at is not None or at >= ceremony.expires_at:
        raise Refused("ceremony.invalid", "this ceremony is used or took too long; start again")
    submission = read_submission(vote)
    credential = await get_credential(tx, submission.assertion.credential_id)
    if credential is None or credential.person_id != ceremony.person_id:
        raise Refused("assertion.key", "this passkey is not enrolled for this person")
    if credential.revoked_at is not None:
        raise Refused("credential.revoked", "this passkey has been revoked")
    verify_vote(matter_of(row, deployment.rp), submission.context, submission.assertion, credential_of(credential))


async def _send(
    deployment: Deployment, workflows: ApprovalWorkflows, confirmation: str, nonce: bytes, vote: VoteInput
) -> VoteAnswer:
    async def find() -> VoteAnswer | None:
        return await find_vote(deployment, confirmation, nonce)

    answer = await workflows.vote(confirmation, b64u(nonce), vote, find)
    if answer.code == UNPINNED:
        # The passkey was enrolled after the workflow pinned those that there were.
        await workflows.refresh_keys(confirmation)
        answer = await workflows.vote(confirmation, b64u(nonce), vote, find)
    return answer
