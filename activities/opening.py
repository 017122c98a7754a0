"""`open_confirmation`: the one door through which every request comes, over HTTP or from a workflow."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from activities.resolving import resolve_policy
from cosignet.core.addresses import MAX_ADDRESSES
from cosignet.core.canonical import Payload, canonicalise
from cosignet.core.deception import deceives, deceiving_paths
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import MAX_ACTION, MAX_NAME, MAX_NOTE, Terms, hash_text
from cosignet.errors import Conflict, Malformed
from cosignet.temporal.contract import Ask
from store.confirmations import get_confirmation, insert_confirmation
from store.erasure import is_erased
from store.events import add_event, new_event_id
from store.rows import Confirmation

EXPIRES_IN = (30, 2_592_000)
VALID_FOR = (1, 2_592_000)
MAX_EXTERNAL_ID = 200
# An endorsement of a passkey is recognised by it, docs/protocol.md §7.
RESERVED = "cosignet:"


@dataclass(frozen=True)
class Caller:
    """Who asks, as the service itself knows it: never what a caller says of itself.

    `owner` is whose API keys may see the confirmation; `requester` is what approvers read and sign.
    """

    organisation: str
    owner: str
    requester: str


async def open_confirmation(deployment: Deployment, caller: Caller, confirmation: str, ask: Ask) -> Confirmation:
    """Record a request, or return the record when the same was asked under this id before.

    `confirmation` is 32 hexadecimal characters. Raises `Malformed` with the code of the rule the ask breaks,
    `Conflict` with `confirmation.other_terms` for another ask under the same id, or `confirmation.erased`, and
    `Unavailable`.
    """
    payload = _check(confirmation, ask)
    ask_hash = sha256(canonicalise({"ask": asdict(ask), "caller": asdict(caller)}))
    async with deployment.database.write() as tx:
        known = await get_confirmation(tx, confirmation)
        if known is not None:
            return _require_same(known, ask_hash)
        at = await deployment.database.clock(tx)
        policy = await resolve_policy(tx, caller.organisation, ask)
        _check_reveal(ask, policy)
        row = _compose(deployment, caller, confirmation, ask, ask_hash, payload, policy, at)
        if await is_erased(tx, confirmation):
            raise Conflict("confirmation.erased", "this id was that of a confirmation that has been erased")
        if await insert_confirmation(tx, row):
            await _record_request(tx, row, caller)
            return row
    # Somebody asked under the same id at the same time, and was faster.
    return await open_confirmation(deployment, caller, confirmation, ask)


def warnings_of(row: Confirmation, payload: object) -> list[str]:
    """What an approver will be warned of: the places whose text could be taken for another. `payload` is the row's."""
    terms = Terms.parse(row.terms)
    texts = {"action": terms.action, "note": row.note, "requester": terms.requester, "claim": row.claim}
    found = [name for name, text in texts.items() if deceives(text)]
    found += deceiving_paths(payload)
    return [f"deceiving characters in {place}" for place in found]


def _check(confirmation: str, ask: Ask) -> Payload:
    if len(confirmation) != 32 or set(confirmation) - set("0123456789abcdef"):
        raise Malformed("request.id", "a confirmation's id is 32 hexadecimal characters")
    _check_length("action", ask.action, 1, MAX_ACTION)
    _check_length("note", ask.note, 0, MAX_NOTE)
    _check_length("execution", ask.execution, 0, MAX_NAME)
    if ask.execution.startswith(RESERVED):
        raise Malformed("request.execution", f"{RESERVED} begins what the service alone asks for")
    _check_length("external_id", ask.external_id, 0, MAX_EXTERNAL_ID)
    _check_length("claim", ask.claim, 0, MAX_NAME)
    _check_range("expires_in", ask.expires_in, *EXPIRES_IN)
    _check_range("valid_for", ask.valid_for, *VALID_FOR)
    return Payload.from_text(ask.payload.encode("utf-8", "surrogatepass"))


def _check_reveal(ask: Ask, policy: Policy) -> None:
    if ask.public_reveal and policy.threshold > MAX_ADDRESSES:
        detail = f"what is made public has at most {MAX_ADDRESSES} approvals"
        raise Malformed("request.public_reveal", detail)


def _check_length(name: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most:
        raise Malformed(f"request.{name}", f"{name} must have {least} to {most} characters, not {len(text)}")
    if any("\ud800" <= character <= "\udfff" for character in text) or "\x00" in text:
        raise Malformed(f"request.{name}", f"{name} holds something that is not a character")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise Malformed(f"request.{name}", f"{name} must be {least} to {most} seconds, not {value}")


def _compose(
    deployment: Deployment,
    caller: Caller,
    confirmation: str,
    ask: Ask,
    ask_hash: bytes,
    payload: Payload,
    policy: Policy,
    at: datetime,
) -> Confirmation:
    deadline = at + timedelta(seconds=ask.expires_in)
    terms = Terms(
        confirmation=confirmation,
        audience=deployment.rp.id,
        organisation=caller.organisation,
        requester=caller.requester,
        action=ask.action,
        note=hash_text(ask.note),
        payload=payload.hash,
        policy=policy.hash,
        created_at=at,
        deadline=deadline,
        valid_until=deadline + timedelta(seconds=ask.valid_for),
        reveal="yes" if ask.public_reveal else "no",
        execution=ask.execution,
    )
    # What is stored must be what any verifier will be able to read.
    Terms.parse(terms.to_bytes())
    return Confirmation(
        id=confirmation,
        organisation_id=caller.organisation,
        owner=caller.owner,
        ask_hash=ask_hash,
        request_event=new_event_id(),
        terms=terms.to_bytes(),
        terms_hash=sha256(terms.to_bytes()),
        payload=payload.canonical,
        policy=policy.to_bytes(),
        note=ask.note,
        claim=ask.claim,
        external_id=ask.external_id,
        status="pending",
        created_at=at,
        deadline=terms.deadline,
        valid_until=terms.valid_until,
        decided_at=None,
        outcome_event=None,
        consumer=None,
        consumed_at=None,
        outcome_leaf=None,
    )


def _require_same(known: Confirmation, ask_hash: bytes) -> Confirmation:
    if known.ask_hash != ask_hash:
        raise Conflict("confirmation.other_terms", "this id is taken by a confirmation of something else")
    return known


async def _record_request(tx: AsyncConnection, row: Confirmation, caller: Caller) -> None:
    record = {"confirmation": row.id, "terms": b64u(row.terms_hash), "deadline": instant(row.deadline)}
    await add_event(tx, caller.organisation, "confirmation.requested", record, confirmation=row, at=row.created_at)
