"""Probes: is this process alive, can it do its work, and how does the log stand."""

import asyncio

from fastapi import APIRouter, Response

from activities.log_reading import read_status
from api.documentation import problems
from api.log_schemas import LogStatusJson, Status
from api.schemas import Health
from api.service import Service, Use
from cosignet.errors import Unavailable
from store.installation import get_rp_id

READY_WITHIN = 3
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

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


@router.get("/status")
async def status(service: Use) -> Status:
    """How the log stands: for whoever wonders why nothing is approved."""
    return Status(log=LogStatusJson(**vars(await read_status(service.deployment))))


@router.get(
    "/metrics", response_class=Response, responses={200: {"description": "Gauges", "content": {PROMETHEUS: {}}}}
)
async def metrics(service: Use) -> Response:
    """The same as Prometheus reads it."""
    log = await read_status(service.deployment)
    gauges = {
        "cosignet_log_size": ("Leaves in the log's tree.", log.size),
        "cosignet_log_signed_size": ("Leaves under the newest signed head.", log.signed),
        "cosignet_log_head_age_seconds": ("Age of the newest signed head.", log.head_age),
        "cosignet_log_waiting": ("Events whose leaf is not in the tree.", log.waiting),
        "cosignet_log_read_only": ("1 while nothing may be appended.", int(log.state == "read_only")),
    }
    lines = [
        line
        for name, (what, value) in gauges.items()
        if value is not None
        for line in (f"# HELP {name} {what}", f"# TYPE {name} gauge", f"{name} {value}")
    ]
    return Response("\n".join([*lines, ""]), media_type=PROMETHEUS)


async def _check_database(service: Service) -> None:
    async with service.deployment.database.read() as tx:
        rp_id = await get_rp_id(tx)
    if rp_id != service.deployment.rp.id:
        raise Unavailable("installation.rp_id", "the database belongs to an installation with another rp id")
