"""Reads everything that an installation knows, for the checker."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import select
from temporalio.client import Client

from activities.approvals import workflow_id
from activities.deployment import Deployment
from activities.evidence import read_evidence
from activities.log_reading import pinned_log
from cosignet.core.assertion import Credential
from cosignet.core.trust import Approver, Floor, Trust
from cosignet.core.verdict import verify
from cosignet.errors import VerificationFailed
from cosignet.temporal.contract import Outcome
from store.confirmations import Filter, list_confirmations
from store.events import list_events
from store.rows import Confirmation, VoteRow, read_all
from store.schema import confirmations, votes
from tests.acme import RP, Acme
from tests.fault.checker import Found
from tests.fault.clients import Clients

# Of workflows that are asked for their result at the same time.
AT_ONCE = 50
PATIENCE = 240


async def collect_all(clients: Clients) -> Found:
    """Wait for all workflows to end, and read all there is."""
    acme = clients.world.acme
    async with acme.database.read() as tx:
        ids = list((await tx.execute(select(confirmations.c.id))).scalars())
    return await collect(acme, clients.pinned, await _outcomes(clients.temporal, ids))


async def collect(acme: Acme, pinned: dict[str, list[Credential]], outcomes: dict[str, Outcome]) -> Found:
    """What the database knows, and what its evidence is worth."""
    async with acme.database.read() as tx:
        everything = await list_confirmations(tx, acme.organisation.id, None, Filter(), limit=1_000_000)
        rows = {row.id: row for row in everything}
        counted = read_all(VoteRow, await tx.execute(select(votes)))
        events = await list_events(tx, acme.organisation.id)
    trust = await _trust(acme, pinned)
    signed = [row for row in rows.values() if row.status in ("approved", "rejected")]
    verdicts = {row.id: await _verdict(acme.deployment, row, trust) for row in signed}
    return Found(rows, counted, events, verdicts, outcomes)


async def _outcomes(temporal: Client, ids: Iterable[str]) -> dict[str, Outcome]:
    slots, outcomes = asyncio.Semaphore(AT_ONCE), {}

    async def read(confirmation: str) -> None:
        handle = temporal.get_workflow_handle(workflow_id(confirmation), result_type=Outcome)
        async with slots:
            outcomes[confirmation] = await handle.result()

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(read(confirmation) for confirmation in ids))
    return outcomes


async def _verdict(deployment: Deployment, row: Confirmation, trust: Trust) -> str:
    try:
        evidence = await read_evidence(deployment, row.id)
        verdict = verify(evidence or b"", trust, expected_payload=row.payload, now=datetime.now(UTC))
    except VerificationFailed as failed:
        return failed.code
    return verdict.decision


async def _trust(acme: Acme, pinned: dict[str, list[Credential]]) -> Trust:
    approvers = tuple(Approver(acme.people[name].id, name, tuple(keys)) for name, keys in pinned.items())
    log = await pinned_log(acme.deployment)
    return Trust(acme.organisation.id, RP, log, approvers, Floor(1, frozenset()))
