"""Preparing the Temporal namespace: the search attributes by which operators find confirmations in its UI."""

import shlex

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.approvals import RPC_TIMEOUT, SEARCH_ATTRIBUTES
from api.admin.office import Answer, command, opened, say
from cosignet.errors import Conflict, NotFound
from settings import connect_temporal

_TYPES = {
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: "Datetime",
}


@command("setup")
async def setup() -> Answer:
    """Bring the database to the newest schema, and register the search attributes in the Temporal namespace."""
    async with opened():
        client = await connect_temporal()
    missing = list(SEARCH_ATTRIBUTES)
    try:
        missing = await _missing(client)
        await _register(client, missing)
    except RPCError as error:
        return _leave_it_to_others(client.namespace, missing, error)
    if missing:
        say(f"Registered in namespace {client.namespace}: {', '.join(missing)}. Restart API and workers to use them.")
    else:
        say(f"Namespace {client.namespace} has all search attributes already.")
    return {"ok": True, "namespace": client.namespace, "registered": missing}


def create_command(namespace: str, names: list[str]) -> str:
    """The `temporal` command that registers these search attributes."""
    pairs = [f"--name {name} --type {_TYPES[SEARCH_ATTRIBUTES[name]]}" for name in names]
    return f"temporal operator search-attribute create --namespace {shlex.quote(namespace)} {' '.join(pairs)}"


async def _missing(client: Client) -> list[str]:
    """Raises `Conflict("temporal.search_attribute")` for one that is registered with another type, `RPCError`."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    found = (await client.operator_service.list_search_attributes(request, timeout=RPC_TIMEOUT)).custom_attributes
    for name, kind in SEARCH_ATTRIBUTES.items():
        if found.get(name, kind) != kind:
            raise Conflict("temporal.search_attribute", f"{name} is registered, but not as {_TYPES[kind]}")
    return [name for name in SEARCH_ATTRIBUTES if name not in found]


async def _register(client: Client, names: list[str]) -> None:
    if names:
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={name: SEARCH_ATTRIBUTES[name] for name in names}
        )
        await client.operator_service.add_search_attributes(request, timeout=RPC_TIMEOUT)


def _leave_it_to_others(namespace: str, names: list[str], error: RPCError) -> Answer:
    if error.status == RPCStatusCode.NOT_FOUND:
        raise NotFound(
            "temporal.namespace", f"{namespace!r} does not exist; `temporal operator namespace create` makes it"
        ) from error
    run = create_command(namespace, names)
    say(f"Temporal refuses these credentials ({error.message}). Have somebody who may do it run:\n\n  {run}\n")
    return {"ok": False, "namespace": namespace, "registered": [], "run": run}
