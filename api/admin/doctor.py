"""`doctor`: is this installation fit to ask humans, and what is to be done where it is not. It changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.approvals import RPC_TIMEOUT, has_search_attributes
from activities.deployment import Deployment
from activities.log_reading import LogStatus, read_status
from api.admin.office import Answer, closing, command, say
from cosignet.errors import CosignetError, NotFound
from cosignet.temporal.contract import TASK_QUEUE
from settings import Settings, connect_temporal, read_settings
from store.credentials import list_credentials
from store.installation import get_rp_id
from store.organisations import enrolled, find_organisation, list_organisations, list_people

CLOCK_TOLERANCE = 5

State = Literal["ok", "attention", "failed"]


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    state: State
    detail: str
    remedy: str = ""


@command("doctor", indent=2)
async def doctor() -> Answer:
    """Check settings, database, Temporal, clocks and passkeys; exit with 1 when something does not work."""
    settings, deployment = read_settings()
    async with closing(deployment.database):
        findings = [finding async for finding in _examine(settings, deployment)]
    for finding in findings:
        say(
            f"{finding.state:9}  {finding.check}: {finding.detail}" + (f" → {finding.remedy}" if finding.remedy else "")
        )
    return {"ok": all(f.state != "failed" for f in findings), "checks": [asdict(finding) for finding in findings]}


async def _examine(settings: Settings, deployment: Deployment) -> AsyncIterator[Finding]:
    yield _public_url(deployment)
    try:
        async for finding in _examine_database(settings, deployment):
            yield finding
    except CosignetError as error:
        yield Finding("database", "failed", str(error), "start it, or correct COSIGNET_DATABASE_URL")
    try:
        async for finding in _examine_temporal(await connect_temporal()):
            yield finding
    except CosignetError as error:
        yield Finding("temporal", "failed", str(error), "start it, or correct TEMPORAL_ADDRESS")


def _public_url(deployment: Deployment) -> Finding:
    if deployment.public_url.startswith("https:"):
        return Finding("public URL", "ok", deployment.public_url)
    remedy = "set COSIGNET_PUBLIC_URL to the https address that approvers use"
    return Finding(
        "public URL", "attention", f"{deployment.public_url} is for trying out on this machine alone", remedy
    )


async def _examine_database(settings: Settings, deployment: Deployment) -> AsyncIterator[Finding]:
    if not await deployment.database.is_migrated():
        remedy = "run `setup`; API and worker migrate when they start, too"
        yield Finding("database", "failed", "reachable, but not at the newest schema", remedy)
        return
    yield Finding("database", "ok", "reachable, at the newest schema")
    async with deployment.database.read() as tx:
        yield _clocks(await deployment.database.clock(tx), datetime.now(UTC))
        yield _rp_id(deployment.rp.id, await get_rp_id(tx))
        yield await _temporal_organisation(tx, settings.temporal_organisation)
        yield await _passkeys(tx)
        yield await _flagged(tx)
    yield _log(await read_status(deployment))


def _clocks(database: datetime, machine: datetime) -> Finding:
    apart = abs(machine - database).total_seconds()
    if apart <= CLOCK_TOLERANCE:
        return Finding("clocks", "ok", "this machine and the database agree")
    return Finding("clocks", "failed", f"this machine and the database are {apart:.0f} s apart", "run NTP on both")


def _rp_id(configured: str, recorded: str | None) -> Finding:
    if recorded in (configured, None):
        return Finding("relying party id", "ok", configured)
    remedy = "set COSIGNET_PUBLIC_URL and COSIGNET_RP_ID as the service has them, or enrol everybody anew"
    return Finding("relying party id", "failed", f"{configured} by the settings, {recorded} by the database", remedy)


async def _temporal_organisation(tx: AsyncConnection, organisation: str) -> Finding:
    check = "organisation of the namespace"
    if not organisation:
        remedy = "set COSIGNET_TEMPORAL_ORGANISATION to its id if workflows are to ask"
        return Finding(check, "attention", "none: requests from workflows are refused", remedy)
    try:
        known = await find_organisation(tx, organisation)
    except NotFound:
        known = None
    if known is None or known.id != organisation:
        detail = f"{organisation!r} is the id of none"
        return Finding(check, "failed", detail, "set COSIGNET_TEMPORAL_ORGANISATION to an organisation's id")
    return Finding(check, "ok", known.name)


async def _passkeys(tx: AsyncConnection) -> Finding:
    check = "people without a passkey"
    people = [person for tenant in await list_organisations(tx) for person in await list_people(tx, tenant.id)]
    able = await enrolled(tx, [person.id for person in people])
    unable = [person.email for person in people if person.id not in able]
    if unable:
        return Finding(check, "attention", ", ".join(unable), "send them a new link with `invite`")
    return Finding(check, "ok", "none" if people else "there are no people yet")


async def _flagged(tx: AsyncConnection) -> Finding:
    check = "passkeys whose counter went backwards"
    flagged: list[str] = []
    for tenant in await list_organisations(tx):
        owners = {person.id: person.email for person in await list_people(tx, tenant.id)}
        keys = [key for key in await list_credentials(tx, tenant.id) if key.flagged_at and not key.revoked_at]
        flagged += [f"one of {owners[key.person_id]}" for key in keys if key.person_id in owners]
    if flagged:
        remedy = "it may have been copied: ask its owner, and `revoke-credential` in doubt"
        return Finding(check, "attention", ", ".join(flagged), remedy)
    return Finding(check, "ok", "none")


def _log(log: LogStatus) -> Finding:
    if log.state == "read_only":
        return Finding("public log", "failed", log.why, "docs/operations.md, “The public log”, says what to do")
    if log.state == "unfounded":
        return Finding("public log", "attention", log.why, "start a worker; nobody can vote before")
    if log.state == "silent":
        detail = f"the newest head is {log.head_age} s old" if log.head_age is not None else "no head is signed yet"
        return Finding("public log", "attention", detail, "look for a worker that has the log's key, and its log file")
    return Finding("public log", "ok", f"{log.signed} leaves under a head that is {log.head_age} s old")


async def _examine_temporal(client: Client) -> AsyncIterator[Finding]:
    namespace = client.namespace
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace), timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        remedy = "create the namespace, or correct TEMPORAL_NAMESPACE"
        yield Finding("temporal", "failed", f"namespace {namespace}: {error.message}", remedy)
        return
    yield Finding("temporal", "ok", f"reachable, namespace {namespace}")
    if await has_search_attributes(client):
        yield Finding("search attributes", "ok", "registered")
    else:
        yield Finding("search attributes", "attention", "missing: the Temporal UI cannot filter", "run `setup`")
    yield await _workers(client)


async def _workers(client: Client) -> Finding:
    queue = TaskQueue(name=TASK_QUEUE)
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    request = DescribeTaskQueueRequest(namespace=client.namespace, task_queue=queue, task_queue_type=kind)
    described = await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
    if described.pollers:
        return Finding("workers", "ok", f"{len(described.pollers)} on task queue {TASK_QUEUE}")
    return Finding("workers", "attention", f"none on task queue {TASK_QUEUE}", "start one with `python worker.py`")
