"""The evidence of a decision, put together from the bytes as they were stored."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from activities.matters import credential_of, vote_evidence
from activities.revealing import is_public
from cosignet.core.checkpoint import Head
from cosignet.core.decision import Status
from cosignet.core.encoding import sha256
from cosignet.core.entry import Entry
from cosignet.core.evidence import DecisionStatus, Evidence, HeadProof, KeyEvidence, VoteEvidence
from cosignet.core.merkle import Range, consistency_ranges, inclusion_ranges
from cosignet.core.terms import Context, Terms
from cosignet.core.tiles import hashes_of, tiles_for
from cosignet.errors import Conflict, NotFound
from store.confirmations import get_confirmation
from store.credentials import get_credentials
from store.events import LoggedEvent, open_events
from store.heads import covering_head
from store.log import read_tiles
from store.rows import Confirmation, CredentialRow, SignedHead
from store.votes import list_votes

# The publisher signs ten heads a second, so whoever asks at once is not told to ask again.
HEAD_SECONDS = 2.0
HEAD_PAUSE = 0.05


async def read_evidence(deployment: Deployment, confirmation: str) -> bytes | None:
    """The evidence document, `None` while the confirmation is pending, or no signed head of the log covers its outcome.

    Raises `NotFound("confirmation.unknown")`, `Conflict` with `evidence.unsigned` for what nobody's signature ended and
    `evidence.unlogged` for a passkey from before the log.
    """
    evidence = await _read(deployment, confirmation)
    return evidence.to_bytes() if evidence else None


async def read_public_evidence(deployment: Deployment, confirmation: str) -> bytes | None:
    """As `read_evidence`, for everybody who knows the confirmation's id: what it was about only if that is public."""
    evidence = await _read(deployment, confirmation)
    if evidence is None:
        return None
    shown = evidence if is_public(Terms.parse(evidence.terms), evidence.decision) else evidence.without_content()
    return shown.to_bytes()


async def _read(deployment: Deployment, confirmation: str) -> Evidence | None:
    end = time.monotonic() + HEAD_SECONDS
    while True:
        async with deployment.database.read() as tx:
            row = await get_confirmation(tx, confirmation)
            if row is None:
                raise NotFound("confirmation.unknown", "there is no such confirmation")
            if row.announced is Status.PENDING or row.outcome_event is None:
                return None
            decision = _signed_decision(row)
            covering = await covering_head(tx, row.outcome_event)
            if covering:
                return await _compose(tx, row, decision, covering[1])
        if time.monotonic() > end:
            return None
        await asyncio.sleep(HEAD_PAUSE)


async def _compose(tx: AsyncConnection, row: Confirmation, decision: DecisionStatus, head: SignedHead) -> Evidence:
    votes = [vote_evidence(vote) for vote in await list_votes(tx, row.id)]
    passkeys = await get_credentials(tx, {vote.assertion.credential_id for vote in votes})
    heads = {named.size: named for named in map(_head_of, votes) if named}
    opened = await open_events(tx, _events_of(row, passkeys))
    covered = {event: entry for event, entry in opened.items() if entry.index < head.size}
    ranges = {event: inclusion_ranges(entry.index, head.size) for event, entry in covered.items()}
    older = {size: consistency_ranges(size, head.size) for size in heads}
    proofs = await _prove(tx, [*ranges.values(), *older.values()])
    entries = {event: _entry(covered[event], proofs, found) for event, found in ranges.items()}
    return Evidence(
        decision=decision,
        terms=row.terms,
        terms_hash=row.terms_hash,
        payload=row.payload,
        payload_hash=sha256(row.payload),
        note=row.note,
        policy=row.policy,
        votes=tuple(votes),
        keys=tuple(_key(passkey, entries) for passkey in sorted(passkeys, key=lambda passkey: passkey.id)),
        request=entries[row.request_event],
        outcome=entries[cast(str, row.outcome_event)],
        checkpoint=head.note,
        heads=tuple(HeadProof(size, _hashes(proofs, found)) for size, found in sorted(older.items())),
    )


Proofs = Mapping[Range, bytes]


async def _prove(tx: AsyncConnection, needed: Iterable[list[Range]]) -> Proofs:
    """The hash of every range, out of as few tiles as there are."""
    ranges = list({leaves for some in needed for leaves in some})
    hashes = hashes_of(ranges, await read_tiles(tx, tiles_for(ranges)))
    return dict(zip(ranges, hashes, strict=True))


def _hashes(proofs: Proofs, ranges: list[Range]) -> tuple[bytes, ...]:
    return tuple(proofs[leaves] for leaves in ranges)


def _entry(event: LoggedEvent, proofs: Proofs, ranges: list[Range]) -> Entry:
    return Entry(event.index, event.leaf, _hashes(proofs, ranges), event.record, event.salt)


def _key(passkey: CredentialRow, entries: Mapping[str, Entry]) -> KeyEvidence:
    enrolled = entries.get(passkey.enrolled_event or "")
    if enrolled is None:
        raise Conflict("evidence.unlogged", "a passkey that signed was enrolled before there was a log")
    return KeyEvidence(credential_of(passkey), enrolled, entries.get(passkey.revoked_event or ""))


def _events_of(row: Confirmation, passkeys: Iterable[CredentialRow]) -> list[str]:
    about = [event for passkey in passkeys for event in (passkey.enrolled_event, passkey.revoked_event)]
    return [event for event in (row.request_event, row.outcome_event, *about) if event]


def _head_of(vote: VoteEvidence) -> Head | None:
    return Context.parse(vote.context).head


def _signed_decision(row: Confirmation) -> DecisionStatus:
    if row.status not in ("approved", "rejected"):
        raise Conflict("evidence.unsigned", f"a confirmation that {row.status} was signed by nobody")
    return cast(DecisionStatus, row.status)
