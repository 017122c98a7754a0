"""`issue_ceremony`: one context for one approver's one decision, usable once, at most five minutes."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from activities.matters import matter_of
from activities.revealing import address_to_publish, hash_address
from cosignet.core.decision import Matter
from cosignet.core.encoding import from_b64u
from cosignet.core.terms import MAX_REASON, Context, DecisionWord, challenge_of, hash_text, nonce_of
from cosignet.errors import Conflict, Malformed, NotFound, Refused, TooMany, Unavailable
from store.confirmations import get_confirmation
from store.credentials import active_credentials
from store.heads import covering_head
from store.rows import CeremonyRow, Confirmation, CredentialRow
from store.votes import MAX_OPEN_CEREMONIES, count_open_ceremonies, insert_ceremony, list_votes

LIFETIME = timedelta(minutes=5)
# The publisher signs ten heads a second; one that starts anew after a crash needs some seconds for its first.
HEAD_SECONDS = 8.0
HEAD_PAUSE = 0.05


@dataclass(frozen=True)
class Ceremony:
    """What the approver's page needs: the context's bytes, nonce (32) and challenge (64 bytes), usable passkeys.

    `publishes` is the approver's address where a hash of it becomes public with their vote, else empty.
    """

    context: bytes
    nonce: bytes
    challenge: bytes
    credentials: list[CredentialRow]
    expires_at: datetime
    publishes: str


async def issue_ceremony(
    deployment: Deployment, confirmation: str, person: str, decision: DecisionWord, reason: str
) -> Ceremony:
    """Issue the context that `person` may sign now, as soon as a signed head of the log covers the request.

    Raises `NotFound`, `Conflict("decision.final")`, `Refused` with `time.deadline`, `policy.approver`, `vote.person`,
    `ceremony.no_passkey` or `email.unverified`, `Malformed("request.reason")`, `TooMany("ceremony.too_many")`, and
    `Unavailable`, with `log.pending` when no such head came in time.
    """
    _check_reason(reason)
    end = time.monotonic() + HEAD_SECONDS
    while True:
        async with deployment.database.write() as tx:
            ceremony = await _issue(tx, deployment, confirmation, person, decision, reason)
        if ceremony is not None:
            if ceremony.publishes:
                await hash_address(deployment, ceremony.nonce, ceremony.publishes)
            return ceremony
        if time.monotonic() > end:
            raise Unavailable("log.pending", "the public log does not have this request yet; try again")
        await asyncio.sleep(HEAD_PAUSE)


async def _issue(
    tx: AsyncConnection,
    deployment: Deployment,
    confirmation: str,
    person: str,
    decision: DecisionWord,
    reason: str,
) -> Ceremony | None:
    row = await get_confirmation(tx, confirmation, lock=True)
    if row is None:
        raise NotFound("confirmation.unknown", "there is no such confirmation")
    at = await deployment.database.clock(tx)
    matter = matter_of(row, deployment.rp)
    seat = await find_seat(tx, row, matter, person, at)
    credentials = await usable_credentials(tx, matter, person)
    publishes = await address_to_publish(tx, matter.terms, person, decision)
    if await count_open_ceremonies(tx, confirmation, person, at=at) >= MAX_OPEN_CEREMONIES:
        raise TooMany("ceremony.too_many", "too many unfinished attempts", retry_after=int(LIFETIME.total_seconds()))
    covering = await covering_head(tx, row.request_event)
    if covering is None:
        return None
    _, head = covering
    context = Context(
        terms=row.terms_hash,
        approver=person,
        stands_in_for="" if seat == person else seat,
        decision=decision,
        reason=hash_text(reason),
        issued_at=at,
        head=head.head,
        random=secrets.token_bytes(32),
    ).to_bytes()
    expires_at = min(at + LIFETIME, row.deadline)
    nonce = nonce_of(context)
    await insert_ceremony(tx, CeremonyRow(nonce, row.id, person, context, reason, None, at, expires_at, None))
    return Ceremony(context, nonce, challenge_of(nonce, matter.terms.payload), credentials, expires_at, publishes)


def _check_reason(reason: str) -> None:
    if len(reason) > MAX_REASON or any("\ud800" <= c <= "\udfff" or c == "\x00" for c in reason):
        raise Malformed("request.reason", f"a reason has at most {MAX_REASON} characters")


async def find_seat(tx: AsyncConnection, row: Confirmation, matter: Matter, person: str, at: datetime) -> str:
    """The seat this person may fill now: their own, else the first open one of those who delegated to them.

    Raises `Conflict("decision.final")` or `("vote.person")`, `Refused("time.deadline")` or `("policy.approver")`.
    """
    if row.status != "pending":
        raise Conflict("decision.final", "this is decided already")
    if at >= row.deadline:
        raise Refused("time.deadline", "the deadline has passed")
    votes = await list_votes(tx, row.id)
    if person in {vote.person_id for vote in votes}:
        raise Conflict("vote.person", "you have voted already")
    taken = {vote.seat for vote in votes}
    seats = [person, *sorted(matter.policy.seats - {person})]
    named = [seat for seat in seats if matter.policy.may_sign(person, seat, created_at=row.created_at, at=at)]
    if not named:
        raise Refused("policy.approver", "the policy does not let you vote on this, or not yet")
    seat = next((seat for seat in named if seat not in taken), None)
    if seat is None:
        raise Conflict("vote.person", "whoever you stand in for has voted already")
    return seat


async def usable_credentials(tx: AsyncConnection, matter: Matter, person: str) -> list[CredentialRow]:
    """The passkeys with which this person may vote. Raises `Refused("ceremony.no_passkey")`."""
    found = await active_credentials(tx, [person])
    usable = [row for row in found if not (matter.policy.device_bound_only and row.backup_eligible)]
    if not usable:
        raise Refused("ceremony.no_passkey", "you have no passkey that this confirmation accepts")
    return usable


def claimed_challenge(client_data: bytes) -> bytes:
    """The challenge (32 bytes) that an answer says it is for; whether it was issued shows when it is used.

    Raises `Refused("assertion.form")`, also for the challenge of a vote, which has 64 bytes.
    """
    try:
        return from_b64u(json.loads(client_data)["challenge"], size=32)
    except (ValueError, KeyError, TypeError, RecursionError, Malformed) as error:
        raise Refused("assertion.form", "clientDataJSON holds no challenge of this kind") from error
