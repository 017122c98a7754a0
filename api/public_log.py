"""`/public/log`: the transparency log for everybody, as C2SP's tools read it, and as JSON for everybody else.

c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint, c2sp.org/tlog-proof, c2sp.org/tlog-policy.
"""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from activities import log_reading
from activities.evidence import read_public_evidence
from api.callers import AnyConfirmation, limit_address
from api.documentation import problems
from api.log_schemas import ConsistencyJson, HeadJson, HeadsJson, InclusionJson, UnansweredJson
from api.problems import BadQuery
from api.service import Use
from cosignet.core.checkpoint import MAX_SIZE
from cosignet.core.encoding import b64u, instant
from cosignet.core.evidence import MEDIA_TYPE
from cosignet.core.tiles import read_address
from cosignet.errors import Malformed, NotFound
from store.rows import SignedHead

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
MOVING = "public, max-age=1"
# What is immutable by its address may be kept for ever, by everybody.
IMMUTABLE = "public, max-age=31536000, immutable"
PROOF_RETRY_AFTER = 1

router = APIRouter(
    prefix="/public/log", tags=["log"], dependencies=[Depends(limit_address)], responses=problems(422, 429, 503)
)

Wanted = Annotated[str | None, Query(description="A plain decimal number.")]

_NUMBER = re.compile("0|[1-9][0-9]{0,18}")
_EVENT = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _answers(media_type: str, what: str) -> dict[int | str, dict[str, object]]:
    return {200: {"description": what, "content": {media_type: {"schema": {"type": "string"}}}}}


@router.get("/key", response_class=Response, responses=_answers(TEXT, "Verifier keys, one a line"))
async def key(service: Use) -> Response:
    """The keys that sign every head. Pin them; they never change because the log says so."""
    keys = await log_reading.read_keys(service.deployment)
    return Response("".join(f"{vkey}\n" for vkey in keys), headers=_kept(MOVING), media_type=TEXT)


@router.get("/policy", response_class=Response, responses=_answers(TEXT, "A tlog-policy"))
async def policy(service: Use) -> Response:
    """The same keys as a policy that C2SP's tools read."""
    return Response(await log_reading.read_policy(service.deployment), headers=_kept(MOVING), media_type=TEXT)


@router.get("/checkpoint", response_class=Response, responses=_answers(TEXT, "A signed checkpoint"))
async def checkpoint(service: Use) -> Response:
    """The newest signed head."""
    return _note(await log_reading.read_head(service.deployment))


@router.get("/tile/{path:path}", response_class=Response, responses={**_answers(BYTES, "A tile"), **problems(404)})
async def tile(
    service: Use, path: str, accept_encoding: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Hashes of the tree, or with `entries/` the leaves themselves; what has an address never changes."""
    try:
        address = read_address(path)
    except Malformed as error:
        raise NotFound(error.code, error.detail) from error
    content = await log_reading.read_tile(service.deployment, address)
    headers = _kept(IMMUTABLE)
    if address.level is None:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in accept_encoding:
            content = gzip.compress(content, mtime=0)
            headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=BYTES)


@router.get("/heads")
async def heads(service: Use, response: Response) -> HeadsJson:
    """The newest signed heads, the largest first."""
    response.headers.update(_kept(MOVING))
    found = await log_reading.read_heads(service.deployment)
    return HeadsJson(heads=[_head_json(signed) for signed in found])


@router.get(
    "/heads/{size}", response_class=Response, responses={**_answers(TEXT, "A signed checkpoint"), **problems(404)}
)
async def head(service: Use, size: str) -> Response:
    """The signed head of this size, if there is one."""
    if not _NUMBER.fullmatch(size) or int(size) > MAX_SIZE:
        raise NotFound("log.head", "not the size of a head")
    return _note(await log_reading.read_head(service.deployment, int(size)))


@router.get("/proofs/inclusion", responses=problems(400))
async def inclusion(
    service: Use, response: Response, leaf_index: Wanted = None, tree_size: Wanted = None
) -> InclusionJson:
    """That a leaf is in a tree, by default the newest signed one."""
    index, size = _required(leaf_index, "leaf_index"), _number(tree_size, "tree_size")
    with _ranges():
        proof = await log_reading.prove_inclusion(service.deployment, index, size)
    response.headers.update(_kept(MOVING if size is None else IMMUTABLE))
    hashes = [b64u(found) for found in proof.hashes]
    return InclusionJson(leaf_index=index, tree_size=proof.size, root=b64u(proof.root), hashes=hashes)


@router.get("/proofs/consistency", responses=problems(400))
async def consistency(service: Use, response: Response, first: Wanted = None, second: Wanted = None) -> ConsistencyJson:
    """That a tree, by default the newest signed one, begins with an older one."""
    old, new = _required(first, "first"), _number(second, "second")
    with _ranges():
        proof = await log_reading.prove_consistency(service.deployment, old, new)
    response.headers.update(_kept(MOVING if new is None else IMMUTABLE))
    hashes = [b64u(found) for found in proof.hashes]
    return ConsistencyJson(first=old, second=proof.size, root=b64u(proof.root), hashes=hashes)


@router.get(
    "/entries/{event}/proof",
    response_class=Response,
    responses={
        **_answers(TEXT, "A tlog-proof"),
        202: {"description": "Recorded, and not in a signed tree yet"},
        **problems(404),
    },
)
async def proof(service: Use, event: str) -> Response:
    """That the leaf of an event is in the log: a file that needs nothing else but the log's keys."""
    if not _EVENT.fullmatch(event):
        raise NotFound("log.event", "there is no such event")
    found = await log_reading.prove_event(service.deployment, event)
    if found is None:
        return Response(status_code=202, headers={"Retry-After": str(PROOF_RETRY_AFTER)})
    return Response(found.to_bytes(), headers=_kept(MOVING), media_type=TEXT)


@router.get(
    "/entries/{confirmation}/verification",
    response_class=Response,
    responses={
        200: {"description": "The evidence", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}},
        202: {"description": "Not decided yet, or not in a signed tree"},
        **problems(404, 409),
    },
)
async def verification(service: Use, confirmation: AnyConfirmation) -> Response:
    """Who decided a confirmation, for whoever knows its id: its evidence; what it was about only if that is public."""
    document = await read_public_evidence(service.deployment, confirmation)
    if document is None:
        return Response(status_code=202, headers={"Retry-After": str(PROOF_RETRY_AFTER)})
    return Response(document, headers=_kept(MOVING), media_type=MEDIA_TYPE)


@router.get("/unanswered")
async def unanswered(service: Use, response: Response) -> UnansweredJson:
    """Requests that were due and have no outcome: what the operator has to explain."""
    response.headers.update(_kept(MOVING))
    covered, found = await log_reading.find_unanswered(service.deployment)
    return UnansweredJson.model_validate({"size": covered.size, "requests": [vars(request) for request in found]})


def _note(found: SignedHead) -> Response:
    return Response(found.note, headers=_kept(MOVING), media_type=TEXT)


def _head_json(found: SignedHead) -> HeadJson:
    return HeadJson(size=found.size, root=b64u(found.root), signed_at=instant(found.signed_at))


def _kept(caching: str) -> dict[str, str]:
    return {"Cache-Control": caching}


def _required(text: str | None, name: str) -> int:
    number = _number(text, name)
    if number is None:
        raise BadQuery(f"request.{name}", f"{name} is missing")
    return number


def _number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > MAX_SIZE:
        raise BadQuery(f"request.{name}", f"{name} must be a plain decimal number")
    return int(text)


@contextmanager
def _ranges() -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        raise BadQuery(error.code, error.detail) from error
