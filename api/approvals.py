"""`/v1/approvals`: what approvers do, by their personal link. The link only shows; a passkey decides."""

from typing import Annotated

from fastapi import APIRouter, Depends

from activities.ceremonies import issue_ceremony
from activities.submitting import submit_vote
from activities.viewing import read_view
from api.answers import VoteRequest
from api.bodies import JsonBody
from api.callers import WithLink, limit_address
from api.documentation import problems
from api.options import CeremonyJson, ceremony_json
from api.presenting import approval_json
from api.schemas import ApprovalJson, CeremonyRequest, VoteAnswerJson
from api.service import Use
from cosignet.core.decision import Status
from cosignet.errors import Conflict, Refused
from cosignet.temporal.contract import VoteAnswer

router = APIRouter(
    prefix="/v1/approvals/{confirmation}",
    tags=["approvals"],
    dependencies=[Depends(limit_address)],
    responses=problems(401, 403, 422, 429, 503),
)

# What is refused because something else came first, not because of the vote itself.
_CONFLICTS = frozenset({"decision.final", "vote.nonce", "vote.person"})


@router.post("/view")
async def view(service: Use, viewer: WithLink) -> ApprovalJson:
    """Everything that is to be shown before somebody decides, and the exact bytes of it."""
    found = await read_view(service.deployment, viewer.confirmation, viewer.person.id)
    return approval_json(service.deployment, found, viewer.person)


@router.post("/ceremonies", responses=problems(409))
async def begin_vote(
    service: Use, viewer: WithLink, touched: Annotated[CeremonyRequest, Depends(JsonBody(CeremonyRequest))]
) -> CeremonyJson:
    """What to sign for this decision: one context, usable once, for at most five minutes."""
    ceremony = await issue_ceremony(
        service.deployment, viewer.confirmation, viewer.person.id, touched.decision, touched.reason
    )
    return ceremony_json(ceremony, service.deployment.rp.id)


@router.post("/votes", responses=problems(409))
async def vote(
    service: Use, viewer: WithLink, signed: Annotated[VoteRequest, Depends(JsonBody(VoteRequest))]
) -> VoteAnswerJson:
    """Have a signed vote counted. To send the same vote again is safe, and finds out what became of it."""
    answer = await submit_vote(
        service.deployment,
        service.workflows,
        viewer.confirmation,
        viewer.person.id,
        signed.nonce,
        signed.credential.assertion(),
    )
    return VoteAnswerJson(status=Status(_accepted(answer).status), accepted=True)


def _accepted(answer: VoteAnswer) -> VoteAnswer:
    if not answer.accepted:
        raise (Conflict if answer.code in _CONFLICTS else Refused)(answer.code, answer.detail)
    return answer
