"""Everything an organisation has asked and decided, as JSON lines: for audits, and beside backups of the database."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import typer

from activities.deployment import Deployment
from activities.evidence import read_evidence
from api.admin.office import command, opened
from api.admin.people import Organisation, describe
from cosignet.core.encoding import b64u, instant
from cosignet.errors import Conflict, NotFound
from store.confirmations import Filter, list_confirmations
from store.credentials import list_credentials
from store.erasure import list_erased
from store.events import list_events
from store.organisations import find_organisation, list_people
from store.rows import Confirmation
from store.rows import Organisation as Tenant
from store.votes import list_votes

PAGE = 200

Line = dict[str, Any]


@command("export")
async def export(organisation: Organisation) -> None:
    """Print all of an organisation as JSON lines: people, confirmations with votes and evidence, events.

    Bytes are base64url. Of what is erased there are ids, and events without salt and record. The last line counts the
    others, so that a copy that was cut short shows.
    """
    counts = dict.fromkeys(("organisation", "person", "confirmation", "erased", "event"), 0)
    async with opened() as deployment:
        async for kind, line in _lines(deployment, organisation):
            _print(kind, line)
            counts[kind] += 1
    _print("end", counts)


def _print(kind: str, line: Line) -> None:
    # In ASCII: what agents wrote must not be able to steer the terminal of whoever looks at it.
    typer.echo(json.dumps({"kind": kind, **line}))


async def _lines(deployment: Deployment, named: str) -> AsyncIterator[tuple[str, Line]]:
    async with deployment.database.read() as tx:
        tenant = await find_organisation(tx, named)
        passkeys = await list_credentials(tx, tenant.id)
        people = await list_people(tx, tenant.id, with_revoked=True)
    yield "organisation", _as_json(tenant)
    for person in people:
        yield "person", describe(person, passkeys)
    async for row in _confirmations(deployment, tenant):
        yield "confirmation", await _with_votes(deployment, row)
    async with deployment.database.read() as tx:
        erased = await list_erased(tx, tenant.id)
        events = await list_events(tx, tenant.id)
    for confirmation, at in erased:
        yield "erased", {"confirmation": confirmation, "erased_at": instant(at)}
    for event in events:
        yield "event", _as_json(event)


async def _confirmations(deployment: Deployment, tenant: Tenant) -> AsyncIterator[Confirmation]:
    before: tuple[datetime, str] | None = None
    while True:
        async with deployment.database.read() as tx:
            page = await list_confirmations(tx, tenant.id, None, Filter(before=before), limit=PAGE)
        for row in page:
            yield row
        if len(page) < PAGE:
            return
        before = (page[-1].created_at, page[-1].id)


async def _with_votes(deployment: Deployment, row: Confirmation) -> Line:
    async with deployment.database.read() as tx:
        votes = await list_votes(tx, row.id, with_voided=True)
    return {**_as_json(row), "votes": [_as_json(vote) for vote in votes], "evidence": await _evidence(deployment, row)}


async def _evidence(deployment: Deployment, row: Confirmation) -> Any:
    try:
        evidence = await read_evidence(deployment, row.id)
    except (Conflict, NotFound):
        # Nobody's signature ended it, so there is nothing to prove; or it has been erased by now, as a later line says.
        return None
    return None if evidence is None else json.loads(evidence)


def _as_json(row: object) -> Line:
    return {name: _value(value) for name, value in vars(row).items()}


def _value(value: object) -> object:
    if isinstance(value, bytes):
        return b64u(value)
    return instant(value) if isinstance(value, datetime) else value
