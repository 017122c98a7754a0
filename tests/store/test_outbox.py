import asyncio
import json

import pytest

from cosignet.core.canonical import canonicalise
from store.idempotency import Remembered, remember_answer, reserve
from store.outbox import add_event, list_events
from tests.store.builders import NOW, found_tenant, race


async def test_fifty_writers_number_their_events_without_gaps(database):
    one, other = await found_tenant(database), await found_tenant(database)

    async def step(tx, number):
        for tenant in (one, other):
            await add_event(tx, tenant.id, "test.event", {"n": number}, at=NOW)

    await race(database, step, runners=50)
    async with database.read() as tx:
        for tenant in (one, other):
            events = await list_events(tx, tenant.id)
            assert [event.sequence for event in events] == list(range(1, 51))
            assert [event.position for event in events] == sorted(event.position for event in events)
            assert sorted(json.loads(event.record)["n"] for event in events) == list(range(50))
            assert len({event.id for event in events}) == 50


async def test_a_number_that_was_rolled_back_is_given_again(database):
    tenant = await found_tenant(database)

    async def attempt(number):
        async with database.write() as tx:
            await add_event(tx, tenant.id, "test.event", {"n": number}, at=NOW)
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
        event_id = await add_event(tx, tenant.id, "test.event", {"b": "ü", "a": [1]}, confirmation="c", at=NOW)
        (event,) = await list_events(tx, tenant.id)
    record = json.loads(event.record)
    assert event.record == canonicalise(record)
    assert record == {
        "v": "cosignet/record/v1",
        "event": "test.event",
        "organisation": tenant.id,
        "sequence": 1,
        "time": "2026-01-31T12:00:00Z",
        "a": [1],
        "b": "ü",
    }
    assert (event.id, event.confirmation_id, event.created_at) == (event_id, "c", NOW)


@pytest.fixture
async def wanted(database):
    tenant = await found_tenant(database, people=0)
    return Remembered("key:1", tenant.id, "my key", b"hash", "c1", None, NOW)


async def test_one_of_many_requests_reserves_an_idempotency_key(database, wanted):
    async def step(tx, number):
        mine = Remembered(**{**vars(wanted), "confirmation_id": f"c{number}"})
        return (await reserve(tx, mine)).confirmation_id

    assert len(set(await race(database, step, runners=30))) == 1


async def test_the_first_answer_stays(database, wanted):
    async with database.write() as tx:
        await reserve(tx, wanted)
    answers = await race(database, lambda tx, n: remember_answer(tx, wanted, bytes([n])), runners=10)
    assert len(set(answers)) == 1
    async with database.write() as tx:
        assert (await reserve(tx, wanted)).answer == answers[0]


async def test_an_idempotency_key_belongs_to_one_key_of_one_organisation(database, wanted):
    other = await found_tenant(database, people=0)
    async with database.write() as tx:
        await reserve(tx, wanted)
        for change in ({"owner": "key:2"}, {"organisation_id": other.id}, {"key": "My key"}):
            mine = Remembered(**{**vars(wanted), "confirmation_id": "c2", **change})
            assert await reserve(tx, mine) == mine
