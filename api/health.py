"""Probes: is this process alive, and can it do its work."""

import asyncio

from fastapi import APIRouter

from api.documentation import problems
from api.schemas import Health
from api.service import Service, Use
from cosignet.errors import Unavailable
from store.installation import get_rp_id

READY_WITHIN = 3

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Whether this process answers."""
    return Health(status="ok")


@router.get("/readyz", responses=problems(503))
async def readyz(service: Use) -> Health:
    """Whether the database answers and is ours, and Temporal answers."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            await _check_database(service)
            await service.workflows.check()
    except TimeoutError as error:
        raise Unavailable("service.slow", f"no answer from what this service needs in {READY_WITHIN} s") from error
    return Health(status="ok")


async def _check_database(service: Service) -> None:
    async with service.deployment.database.read() as tx:
        rp_id = await get_rp_id(tx)
    if rp_id != service.deployment.rp.id:
        raise Unavailable("installation.rp_id", "the database belongs to an installation with another rp id")
