"""`/v1/registrations`: how an invited person enrols a passkey. Without an open invite there is no way in."""

from typing import Annotated

from fastapi import APIRouter, Depends

from activities.enrolment import begin_enrolment, finish_enrolment
from api.answers import RegistrationRequest
from api.bodies import JsonBody
from api.callers import WithInvite, limit_address
from api.documentation import problems
from api.options import Registered, RegistrationOptions, registered_json, registration_json
from api.service import Use

router = APIRouter(
    prefix="/v1/registrations",
    tags=["registrations"],
    dependencies=[Depends(limit_address)],
    responses=problems(401, 403, 422, 429, 503),
)


@router.post("/options")
async def begin_registration(service: Use, invite: WithInvite) -> RegistrationOptions:
    """Who is invited by whom, and what to ask the browser for. The invite stays open."""
    return registration_json(await begin_enrolment(service.deployment, invite), service.deployment.rp.id)


@router.post("", status_code=201, responses=problems(409))
async def finish_registration(
    service: Use, invite: WithInvite, made: Annotated[RegistrationRequest, Depends(JsonBody(RegistrationRequest))]
) -> Registered:
    """Enrol the passkey and use up the invite."""
    return registered_json(await finish_enrolment(service.deployment, invite, made.credential.registration()))
