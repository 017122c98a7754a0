"""`/v1/approvals/{id}/sign-in`: for approvers who were passed a link on. A passkey says who they are; it only shows."""

from typing import Annotated

from fastapi import APIRouter, Depends

from activities.signing_in import issue_sign_in, sign_in
from api.answers import SignInRequest
from api.bodies import JsonBody
from api.callers import AnyConfirmation, limit_address
from api.documentation import problems
from api.options import SignInOptions, sign_in_json
from api.schemas import LinkJson
from api.service import Use

router = APIRouter(
    prefix="/v1/approvals/{confirmation}/sign-in",
    tags=["approvals"],
    dependencies=[Depends(limit_address)],
    responses=problems(403, 422, 429, 503),
)


@router.post("/options")
async def begin_sign_in(service: Use, confirmation: AnyConfirmation) -> SignInOptions:
    """What to ask the browser for, whether or not there is such a confirmation: one challenge, for five minutes."""
    return sign_in_json(await issue_sign_in(service.deployment, confirmation), service.deployment.rp.id)


@router.post("")
async def finish_sign_in(
    service: Use, confirmation: AnyConfirmation, signed: Annotated[SignInRequest, Depends(JsonBody(SignInRequest))]
) -> LinkJson:
    """A personal link for whoever signed, if they are one of the approvers."""
    return LinkJson(token=await sign_in(service.deployment, confirmation, signed.credential.assertion()))
