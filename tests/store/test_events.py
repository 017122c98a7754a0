import asyncio
import json
from datetime import timedelta

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.leaf import Leaf
from store.events import INSTALLATION, add_event, list_events
from store.log import list_waiting
from tests.store.builders import NOW, a_confirmation, found_tenant, race

KEYS = b64u(bytes(32))


async def test_fifty_writers_number_their_events_without_gaps(database):
    one, other = await found_tenant(database), await found_tenant(database)

    async def step(tx, number):
        for tenant in (one, other):
            await add_event(tx, tenant.id, "admin.changed", {"n": number}, at=NOW)

    await race(database, step, runners=50)
    async with database.read() as tx:
        for tenant in (one, other):
            events = await list_events(tx, tenant.id)
            assert [event.sequence for event in events] == list(range(1, 51))
            waiting = [leaf.event_id for leaf in await list_waiting(tx, limit=1_000)]
            assert [event for event in waiting if event in {e.id for e in events}] == [event.id for event in events]
            assert sorted(json.loads(event.record)["n"] for event in events) == list(range(50))
            assert len({event.id for event in events}) == 50


async def test_a_number_that_was_rolled_back_is_given_again(database):
    tenant = await found_tenant(database)

    async def attempt(number):
        async with database.write() as tx:
            await add_event(tx, tenant.id, "admin.changed", {"n": number}, at=NOW)
            if number % 3 == 0:
                raise RuntimeError("changed my mind")

    await asyncio.gather(*(attempt(number) for number in range(30)), return_exceptions=True)
    async with database.read() as tx:
        events = await list_events(tx, tenant.id)
    assert [event.sequence for event in events] == list(range(1, 21))
    assert not any(json.loads(event.record)["n"] % 3 == 0 for event in events)


async def test_a_record_says_what_happened_in_canonical_form(database):
    tenant = await found_tenant(database)
    async with database.write() as tx:
        event_id = await add_event(tx, tenant.id, "admin.changed", {"b": "ü", "a": [1]}, at=NOW)
        (event,) = await list_events(tx, tenant.id)
    record = json.loads(event.record)
    assert event.record == canonicalise(record)
    assert record == {
        "v": "cosignet/record/v1",
        "event": "admin.changed",
        "organisation": tenant.id,
        "sequence": 1,
        "time": "2026-01-31T12:00:00Z",
        "a": [1],
        "b": "ü",
    }
    assert (event.id, event.confirmation_id, event.created_at) == (event_id, None, NOW)


async def test_a_leaf_commits_to_the_record_under_a_salt_of_its_own(database):
    tenant = await found_tenant(database)
    async with database.write() as tx:
        for _ in range(2):
            await add_event(tx, tenant.id, "admin.changed", {}, at=NOW)
        one, other = await list_events(tx, tenant.id)
        leaves = {leaf.event_id: Leaf.parse(leaf.leaf) for leaf in await list_waiting(tx, limit=1_000)}
    assert one.salt != other.salt
    for event in (one, other):
        leaf = leaves[event.id]
        assert leaf == Leaf("admin.changed", event.id, NOW, sha256(event.salt + event.record), {})
        assert len(event.salt) == 32


async def test_what_follows_a_request_names_its_event(database):
    tenant = await found_tenant(database)
    row = a_confirmation(tenant.id, deadline=NOW + timedelta(seconds=1))
    async with database.write() as tx:
        request = await add_event(tx, tenant.id, "confirmation.requested", {}, confirmation=row, at=NOW)
        voted = await add_event(tx, tenant.id, "confirmation.voted", {}, confirmation=row, at=NOW)
        leaves = {leaf.event_id: Leaf.parse(leaf.leaf) for leaf in await list_waiting(tx, limit=1_000)}
    assert request == row.request_event
    assert leaves[request].public == {"deadline": "2026-01-31T12:01:00Z"}
    assert leaves[voted].public == {"request": request}


async def test_the_installation_numbers_its_own_events(fresh):
    async with fresh.write() as tx:
        for _ in range(2):
            await add_event(tx, INSTALLATION, "key.rotated", {"keys": KEYS}, at=NOW)
        events = await list_events(tx, INSTALLATION)
        leaves = [Leaf.parse(leaf.leaf) for leaf in await list_waiting(tx, limit=9)]
    assert [event.sequence for event in events] == [1, 2]
    assert [leaf.public for leaf in leaves] == [{"keys": KEYS}] * 2
