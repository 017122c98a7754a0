"""Each thing the service needs is taken away in turn: nothing is approved, all are told so, and then it goes on."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event

from activities.approvals import workflow_id
from activities.notifying import OutboxNotifier
from cosignet.client import CosignetClient
from cosignet.core.canonical import canonicalise
from cosignet.errors import Unavailable
from cosignet.temporal.contract import Outcome
from store.confirmations import get_confirmation
from store.database import Database
from store.events import list_events
from tests.acme import found_acme
from tests.api.world import code_of
from tests.outage.installation import installed
from tests.postgres_server import PostgresServer
from tests.publishing import published
from tests.workflow.service import Service

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
async def unsigned(tmp_path):
    """A migrated database whose log is signed by whoever runs the installation."""
    database = Database(f"sqlite:///{tmp_path}/unsigned.db")
    await database.migrate()
    yield database
    await database.close()


async def test_without_worker_and_temporal_nothing_is_approved_and_then_it_goes_on(unsigned, tmp_path):
    async with installed(tmp_path / "data", unsigned) as (installation, world):
        first, second = [(await world.asked())["id"] for _ in range(2)]
        waiting, anna = await world.approver(first), await world.approver(second)
        of_first, of_second = waiting.sign(await waiting.begin()), anna.sign(await anna.begin("reject"))
        await installation.stop("worker", "temporal")
        answers = await asyncio.gather(waiting.send(of_first), anna.send(of_second))
        assert [code_of(answer) for answer in answers] == [(503, "vote.unanswered")] * 2
        assert code_of(await world.ask()) == (503, "temporal.unavailable")
        assert [await world.status(confirmation) for confirmation in (first, second)] == ["pending", "pending"]
        await installation.start("temporal", "worker")
        for approver, vote, status in ((waiting, of_first, "approved"), (anna, of_second, "rejected")):
            async with asyncio.timeout(60):
                while (answer := await approver.send(vote)).status_code == 503:
                    await asyncio.sleep(0.5)
            assert answer.json() == {"status": status, "accepted": True}
        client = (await installation.workflows())._client
        handle = client.get_workflow_handle(workflow_id(first), result_type=Outcome)
        assert (await asyncio.wait_for(handle.result(), 60)).status == "approved"


async def test_without_the_api_a_client_knows_of_no_approval_and_then_it_does(unsigned, tmp_path):
    async with installed(tmp_path / "data", unsigned) as (installation, world):
        asked = await world.asked()
        await (await world.approver(asked["id"])).decide()
        await installation.stop("api")
        async with CosignetClient(installation.url, world.key, timeout=2) as agent:
            for call in (
                agent.get(asked["id"]),
                agent.evidence(asked["id"]),
                agent.consume(asked["id"], asked["payload_hash"], "worker-1"),
            ):
                with pytest.raises(Unavailable):
                    await call
            await installation.start("api")
            assert (await agent.get(asked["id"])).usable
            assert not (await agent.consume(asked["id"], asked["payload_hash"], "worker-1")).usable


async def test_without_postgres_a_workflow_waits_and_then_it_goes_on(temporal_env, tmp_path):
    server = await asyncio.to_thread(PostgresServer().__enter__)
    try:
        async with published(server.create_database(), tmp_path) as database:
            service = await Service.found(temporal_env.client, database)
            await take_away(service, server)
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def take_away(service, server):
    async with service.worker():
        confirmation, handle = await service.start()
        await service.inbox.told("anna@example.com")
        nonce, vote = await service.acme.sign(confirmation, "anna")
        await asyncio.to_thread(server.stop, "immediate")
        with pytest.raises(Unavailable) as caught:
            await service.vote(confirmation, nonce, vote)
        assert caught.value.code == "database.unavailable"
        await asyncio.to_thread(server.start)
        assert (await asyncio.wait_for(handle.result(), 60)).status == "approved"
        assert (await service.vote(confirmation, nonce, vote)).status == "approved"


async def test_a_full_disk_is_an_outage_that_leaves_nothing(database):
    acme, pages = await found_acme(database), {"at most": 2**31}

    def cap(connection, _):
        connection.cursor().execute(f"PRAGMA max_page_count={pages['at most']}")

    event.listen(database._engine.sync_engine, "connect", cap)
    confirmation, large = "0" * 32, canonicalise({"text": "x" * 60_000}).decode()
    # SQLite makes of it the size that the file has already.
    pages["at most"] = 1
    await database._engine.dispose()
    with pytest.raises(Unavailable) as caught:
        await acme.ask(confirmation, payload=large)
    assert caught.value.code == "database.unavailable"
    async with database.read() as tx:
        assert await get_confirmation(tx, confirmation) is None
        assert not any(event.confirmation_id for event in await list_events(tx, acme.organisation.id))
    pages["at most"] = 2**31
    await database._engine.dispose()
    assert (await acme.ask(confirmation, payload=large)).status == "pending"


async def test_a_locked_database_is_an_outage_that_leaves_nothing(database, monkeypatch):
    monkeypatch.setattr("store.sqlite._TURN_SECONDS", 0.2)
    acme, confirmation = await found_acme(database), "0" * 32
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            await acme.ask(confirmation)
        assert caught.value.code == "database.unavailable"
    assert (await acme.ask(confirmation)).status == "pending"


async def test_where_no_message_can_be_written_the_link_still_serves_and_messages_follow(
    temporal_env, database, tmp_path
):
    service, outbox = await Service.found(temporal_env.client, database), tmp_path / "outbox"
    outbox.write_text("a file where the folder should be")
    service.steps._notifier = OutboxNotifier(outbox)
    async with service.worker():
        decided, handle = await service.start()
        _, waiting = await service.start()
        nonce, vote = await service.acme.sign(decided, "anna", "reject")
        assert (await service.vote(decided, nonce, vote)).status == "rejected"
        assert (await handle.result()).status == "rejected"
        outbox.unlink()
        async with asyncio.timeout(60):
            while not list(outbox.glob("*.json")):
                await asyncio.sleep(0.2)
        await waiting.cancel()
        assert (await waiting.result()).status == "cancelled"
