"""`/v1/trust`: a first trust file, as the service would have it. Whoever relies on it reads it first, and decides."""

from fastapi import APIRouter, Depends, Response

from activities.trusting import propose_trust
from api.callers import Key, limit_address
from api.documentation import problems
from api.service import Use

router = APIRouter(prefix="/v1", tags=["confirmations"], dependencies=[Depends(limit_address)])


@router.get(
    "/trust",
    response_class=Response,
    responses={
        200: {"description": "A trust file", "content": {"application/json": {"schema": {"type": "object"}}}},
        **problems(401, 403, 404, 422, 429, 503),
    },
)
async def trust(service: Use, key: Key) -> Response:
    """Every active passkey of the organisation, its pages and its log. `cosignet trust` shows it to a human."""
    proposed, _ = await propose_trust(service.deployment, key.organisation_id)
    return Response(proposed.to_bytes(), media_type="application/json")
