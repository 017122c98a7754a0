import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from activities.approvals import SEARCH_ATTRIBUTES, STATUS
from api.admin.doctor import _clocks
from cosignet.core.encoding import b64u
from cosignet.temporal.contract import TASK_QUEUE
from store.credentials import get_credential, record_use
from workflows.approval import Approval


@pytest.fixture
async def namespace(temporal_env):
    """A namespace of the test's own on the shared server."""
    name = f"admin-{secrets.token_hex(4)}"
    service = temporal_env.client.workflow_service
    day = Duration(seconds=86_400)
    await service.register_namespace(RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day))
    async with asyncio.timeout(30):
        while not await _exists(service, name):
            await asyncio.sleep(0.1)
    return name


async def _exists(service, name) -> bool:
    try:
        await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError:
        return False
    return True


@pytest.fixture
def temporal(temporal_env, namespace):
    """The environment that leads to that namespace."""
    host = temporal_env.client.service_client.config.target_host
    return {"TEMPORAL_ADDRESS": host, "TEMPORAL_NAMESPACE": namespace}


async def attributes(temporal_env, namespace):
    request = ListSearchAttributesRequest(namespace=namespace)
    return dict((await temporal_env.client.operator_service.list_search_attributes(request)).custom_attributes)


async def examine(admin, *, ok, **environment):
    done = await admin.run("doctor", **environment)
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["ok"]) == ((0, True) if ok else (1, False)), done.stderr
    # One line for each finding, and something to do about each that is not fine.
    assert len(done.stderr.splitlines()) == len(answer["checks"])
    assert all(bool(check["remedy"]) == (check["state"] != "ok") for check in answer["checks"])
    return {check["check"]: check for check in answer["checks"]}


async def test_setup_registers_once(fresh_admin, temporal, temporal_env, namespace):
    first = await fresh_admin("setup", **temporal)
    assert first == {"ok": True, "namespace": namespace, "registered": list(SEARCH_ATTRIBUTES)}
    assert await attributes(temporal_env, namespace) == SEARCH_ATTRIBUTES
    assert await fresh_admin("setup", **temporal) == {"ok": True, "namespace": namespace, "registered": []}


async def test_setup_refuses_an_attribute_of_another_kind(fresh_admin, temporal, temporal_env, namespace):
    text = {STATUS.name: IndexedValueType.INDEXED_VALUE_TYPE_TEXT}
    request = AddSearchAttributesRequest(namespace=namespace, search_attributes=text)
    await temporal_env.client.operator_service.add_search_attributes(request)
    assert await fresh_admin.refusal("setup", **temporal) == "temporal.search_attribute"
    assert await attributes(temporal_env, namespace) == text


async def test_setup_says_what_to_run_where_it_may_not(fresh_admin, temporal, namespace, monkeypatch):
    async def refuse(*_):
        raise RPCError("not on your life", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr("api.admin.search_attributes._register", refuse)
    done = await fresh_admin.run("setup", **temporal)
    command = (
        f"temporal operator search-attribute create --namespace {namespace} --name CosignetStatus --type Keyword "
        "--name CosignetOrganisation --type Keyword --name CosignetDeadline --type Datetime"
    )
    assert done.exit_code == 1
    assert command in done.stdout
    assert f"\n\n  {command}\n" in done.stderr
    assert "not on your life" in done.stderr


async def test_setup_without_temporal_or_its_namespace_is_refused(fresh_admin, temporal):
    assert await fresh_admin.refusal("setup") == "temporal.unavailable"
    unknown = {**temporal, "TEMPORAL_NAMESPACE": "nowhere"}
    assert await fresh_admin.refusal("setup", **unknown) == "temporal.namespace"


async def test_an_installation_that_works_gets_a_clean_bill(admin, acme, temporal, temporal_env, namespace):
    await admin("setup", **temporal)
    settings = {**temporal, "COSIGNET_TEMPORAL_ORGANISATION": acme.organisation.id}
    client = await Client.connect(temporal["TEMPORAL_ADDRESS"], namespace=namespace)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Approval]):
        async with asyncio.timeout(30):
            while (checks := await examine(admin, ok=True, **settings))["workers"]["state"] != "ok":
                await asyncio.sleep(0.2)
    assert checks["organisation of the namespace"]["detail"] == "Acme"
    fine = {"database", "clocks", "relying party id", "temporal", "search attributes", "workers", "public log"}
    assert all(checks[check]["state"] == "ok" for check in fine)


async def test_what_works_but_wants_attention_does_not_fail(admin, acme, database, temporal):
    async with database.write() as tx:
        row = await get_credential(tx, acme.passkeys["anna"].id)
        await record_use(tx, row, sign_count=9, backed_up=False, at=row.created_at)
        row = await get_credential(tx, acme.passkeys["anna"].id)
        await record_use(tx, row, sign_count=3, backed_up=False, at=row.created_at)
    await admin("invite", acme.organisation.id, "dora@example.com")
    checks = await examine(admin, ok=True, **temporal)
    attention = {name for name, check in checks.items() if check["state"] == "attention"}
    assert attention == {
        "public URL",
        "organisation of the namespace",
        "people without a passkey",
        "passkeys whose counter went backwards",
        "search attributes",
        "workers",
    }
    assert "dora@example.com" in checks["people without a passkey"]["detail"]
    assert "anna@example.com" in checks["passkeys whose counter went backwards"]["detail"]
    await admin("revoke-credential", b64u(acme.passkeys["anna"].id))
    checks = await examine(admin, ok=True, **temporal)
    assert "anna@example.com" not in checks["passkeys whose counter went backwards"]["detail"]


async def test_nothing_listening_is_said_in_seconds(admin):
    async with asyncio.timeout(20):
        checks = await examine(admin, ok=False)
    assert checks["temporal"]["state"] == "failed"
    assert "Connection refused" in checks["temporal"]["detail"]
    nowhere = {"COSIGNET_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    async with asyncio.timeout(20):
        checks = await examine(admin, ok=False, **nowhere)
    assert checks["database"]["detail"].startswith("database.unavailable")


async def test_a_namespace_that_is_not_there_fails(admin, temporal):
    checks = await examine(admin, ok=False, **{**temporal, "TEMPORAL_NAMESPACE": "nowhere"})
    assert checks["temporal"]["state"] == "failed"


async def test_doctor_does_not_migrate(fresh_admin, temporal):
    for _ in range(2):
        checks = await examine(fresh_admin, ok=False, **temporal)
        assert checks["database"]["detail"] == "reachable, but not at the newest schema"
    await fresh_admin("setup", **temporal)
    assert (await examine(fresh_admin, ok=True, **temporal))["database"]["state"] == "ok"


async def test_the_organisation_of_the_namespace_is_an_id(admin, temporal):
    name = secrets.token_hex(8)
    await admin("create-organisation", name, "--owner-email", "o@example.com")
    for wrong in ("nobody", name):
        checks = await examine(admin, ok=False, **temporal, COSIGNET_TEMPORAL_ORGANISATION=wrong)
        assert checks["organisation of the namespace"]["state"] == "failed"


async def test_an_address_that_passkeys_are_not_bound_to_fails(admin, acme, temporal):
    await admin("invite", acme.organisation.id, "dora@example.com")
    settings = {**temporal, "COSIGNET_PUBLIC_URL": "https://elsewhere.example"}
    checks = await examine(admin, ok=False, **settings)
    assert checks["relying party id"]["state"] == "failed"
    assert checks["public URL"]["state"] == "ok"


@pytest.mark.parametrize(("apart", "state"), [(-6, "failed"), (-5, "ok"), (0, "ok"), (5, "ok"), (6, "failed")])
def test_clocks_may_be_five_seconds_apart(apart, state):
    now = datetime.now(UTC)
    assert _clocks(now, now + timedelta(seconds=apart)).state == state
