"""`/v1/confirmations`: what agents do. An API key asks, reads, cancels and consumes; it can never decide."""

import asyncio
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Header, Query, Response

from activities.closing import (
    Standing,
    close_confirmation,
    consume_confirmation,
    list_standings,
    read_standing,
)
from activities.evidence import read_evidence
from activities.opening import Caller, open_confirmation
from api.bodies import BODY_DEPTH, JsonBody
from api.callers import Key, OwnConfirmation, limit_address
from api.documentation import problems
from api.idempotency import answer_once
from api.presenting import confirmation_json
from api.schemas import ConfirmationJson, ConfirmationRequest, Consumption, Listing, Page, Reading
from api.service import Service, Use
from cosignet.core.canonical import canonicalise
from cosignet.core.decision import Status
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.evidence import MEDIA_TYPE
from cosignet.errors import Conflict, Malformed, Unavailable
from cosignet.temporal.contract import Ask
from store.confirmations import Filter
from store.rows import ApiKey

logger = logging.getLogger(__name__)

EVIDENCE_RETRY_AFTER = 5

router = APIRouter(
    prefix="/v1/confirmations",
    tags=["confirmations"],
    dependencies=[Depends(limit_address)],
    responses=problems(401, 403, 422, 429, 503),
)

IdempotencyKey = Annotated[
    str | None, Header(pattern="^[!-~]{1,255}$", description="Makes it safe to send the request again.")
]
_OWN = "/{confirmation}"
_CURSOR = re.compile(rb"(\d{1,11})\.([0-9a-f]{32})")


@router.post("", status_code=201, response_model=ConfirmationJson, responses=problems(409))
async def request_confirmation(
    service: Use,
    key: Key,
    asked: Annotated[ConfirmationRequest, Depends(JsonBody(ConfirmationRequest))],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Ask people to approve exactly this payload. Put references into it, not secrets."""

    async def act(confirmation: str) -> bytes:
        return await _open(service, key, confirmation, asked)

    request_hash = sha256(canonicalise(asked.model_dump(), max_depth=BODY_DEPTH))
    answer = await answer_once(service.deployment.database, key, idempotency_key, request_hash, act)
    headers = {"Location": f"{router.prefix}/{answer.confirmation}"}
    return Response(answer.body, 201, headers, media_type="application/json")


@router.get("")
async def list_confirmations(service: Use, key: Key, wanted: Annotated[Listing, Query()]) -> Page:
    """The confirmations of this key, newest first."""
    before = _from_cursor(wanted.cursor) if wanted.cursor is not None else None
    rows = Filter(wanted.status, wanted.external_id, wanted.since, wanted.until, before)
    found = await list_standings(service.deployment, key.organisation_id, key.owner, rows, limit=wanted.limit + 1)
    page = found[: wanted.limit]
    return Page(
        # A page of large payloads takes seconds to write; meanwhile others are to be served.
        confirmations=await asyncio.to_thread(_present, service, page),
        next_cursor=_cursor(page) if len(found) > len(page) else None,
    )


@router.get(_OWN, responses=problems(404))
async def read_confirmation(
    service: Use, confirmation: OwnConfirmation, how: Annotated[Reading, Query()]
) -> ConfirmationJson:
    """Where it stands, at once or as soon as it ends within `wait` seconds; `pending` when it did not."""
    standing = await read_standing(service.deployment, confirmation)
    if how.wait and standing.row.announced is Status.PENDING:
        await service.poller.wait(confirmation, how.wait)
        standing = await read_standing(service.deployment, confirmation)
    return confirmation_json(service.deployment, standing)


@router.post(_OWN + "/cancel", responses=problems(404, 409))
async def cancel_confirmation(service: Use, confirmation: OwnConfirmation, tasks: BackgroundTasks) -> ConfirmationJson:
    """Withdraw the request. What is decided stays decided."""
    outcome = await close_confirmation(service.deployment, confirmation, "cancelled")
    if outcome.status != Status.CANCELLED:
        raise Conflict("decision.final", f"already {outcome.status}")
    tasks.add_task(_tell, service, confirmation)
    return confirmation_json(service.deployment, await read_standing(service.deployment, confirmation))


@router.post(_OWN + "/consume", responses=problems(404, 409))
async def consume(
    service: Use, confirmation: OwnConfirmation, use: Annotated[Consumption, Depends(JsonBody(Consumption))]
) -> ConfirmationJson:
    """Use the approval up, once: the same consumer gets the same answer again, any other a conflict."""
    standing = await consume_confirmation(service.deployment, confirmation, use.payload_hash, use.consumer)
    return confirmation_json(service.deployment, standing)


@router.get(
    _OWN + "/evidence",
    response_class=Response,
    responses={
        200: {"description": "The evidence", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}},
        202: {"description": "Not decided yet"},
        **problems(404, 409),
    },
)
async def evidence(service: Use, confirmation: OwnConfirmation) -> Response:
    """The evidence of the decision, to be verified by whoever relies on it."""
    document = await read_evidence(service.deployment, confirmation)
    if document is None:
        return Response(status_code=202, headers={"Retry-After": str(EVIDENCE_RETRY_AFTER)})
    return Response(document, media_type=MEDIA_TYPE)


async def _open(service: Service, key: ApiKey, confirmation: str, asked: ConfirmationRequest) -> bytes:
    """Record the request and start its workflow; to repeat either does no harm."""
    caller = Caller(key.organisation_id, key.owner, f"API key {key.name} ({key.prefix})")
    row = await open_confirmation(service.deployment, caller, confirmation, _ask(asked))
    await service.workflows.start(row)
    standing = await read_standing(service.deployment, confirmation)
    return confirmation_json(service.deployment, standing).model_dump_json().encode()


def _ask(asked: ConfirmationRequest) -> Ask:
    return Ask(
        action=asked.action,
        payload=canonicalise(asked.payload).decode(),
        approvers=asked.approvers,
        policy=asked.policy,
        threshold=asked.threshold or 0,
        note=asked.note,
        expires_in=asked.expires_in,
        valid_for=asked.valid_for,
        execution=asked.execution,
        external_id=asked.external_id,
        claim=asked.claim,
        public_reveal=asked.public_reveal,
    )


def _present(service: Service, page: Sequence[Standing]) -> list[ConfirmationJson]:
    return [confirmation_json(service.deployment, standing) for standing in page]


async def _tell(service: Service, confirmation: str) -> None:
    try:
        await service.workflows.sync(confirmation)
    except Unavailable:
        # The row has decided; housekeeping tells the workflow later.
        logger.warning("The workflow of %s was not told that it is cancelled", confirmation)


def _cursor(page: Sequence[Standing]) -> str:
    last = page[-1].row
    return b64u(f"{int(last.created_at.timestamp())}.{last.id}".encode())


def _from_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        found = _CURSOR.fullmatch(from_b64u(cursor))
    except Malformed:
        found = None
    if found is None:
        raise Malformed("request.cursor", "not a cursor of this service")
    return datetime.fromtimestamp(int(found[1]), UTC), found[2].decode()
