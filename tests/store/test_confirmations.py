import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from cosignet.core.decision import Status
from store.confirmations import (
    Filter,
    consume,
    decide,
    get_confirmation,
    get_statuses,
    insert_confirmation,
    list_confirmations,
    list_pending,
)
from store.events import new_event_id
from tests.store.builders import LATER, NOW, a_confirmation, found_tenant, log, race, record


async def test_what_is_stored_is_read_verbatim(database):
    tenant = await found_tenant(database)
    text = "naïve \u202e 🂡 ' \" \\ \n"
    row = a_confirmation(
        tenant.id, terms=bytes(range(256)), payload=b"\x00", note=text, claim=text, external_id=text, owner=text
    )
    await record(database, row)
    async with database.read() as tx:
        assert await get_confirmation(tx, row.id) == row
        assert await get_confirmation(tx, row.id.upper()) is None


async def test_one_of_a_hundred_decides(database):
    row = a_confirmation((await found_tenant(database)).id)
    await record(database, row)
    statuses = [Status.APPROVED, Status.REJECTED, Status.EXPIRED, Status.CANCELLED]

    async def step(tx, number):
        return await decide(tx, row.id, statuses[number % 4], event=f"event {number}", at=NOW)

    won = await race(database, step, runners=100)
    assert sum(won) == 1
    winner = won.index(True)
    async with database.read() as tx:
        stored = await get_confirmation(tx, row.id)
    assert (stored.status, stored.outcome_event) == (statuses[winner % 4], f"event {winner}")
    assert stored.decided_at == NOW


async def test_one_of_a_hundred_consumes(database):
    row = a_confirmation((await found_tenant(database)).id, status="approved")
    await record(database, row)
    won = await race(database, lambda tx, number: consume(tx, row.id, f"worker {number}", at=NOW), runners=100)
    assert sum(won) == 1
    async with database.read() as tx:
        stored = await get_confirmation(tx, row.id)
    assert (stored.consumer, stored.consumed_at) == (f"worker {won.index(True)}", NOW)


async def test_one_of_many_inserts_under_the_same_id(database):
    tenant = await found_tenant(database)
    taken = secrets.token_hex(16)
    rows = [a_confirmation(tenant.id, id=taken, note=str(number)) for number in range(20)]
    won = await race(database, lambda tx, number: insert_confirmation(tx, rows[number]), runners=20)
    assert sum(won) == 1
    async with database.read() as tx:
        assert await get_confirmation(tx, taken) == rows[won.index(True)]


@pytest.mark.parametrize("status", ["pending", "rejected", "expired", "cancelled", "Approved", "approved "])
async def test_only_an_approved_confirmation_is_consumed(database, status):
    row = a_confirmation((await found_tenant(database)).id, status=status)
    await record(database, row)
    async with database.write() as tx:
        assert not await consume(tx, row.id, "worker", at=NOW)
        assert (await get_confirmation(tx, row.id)).consumer is None


async def test_the_unknown_is_neither_decided_nor_consumed(database):
    async with database.write() as tx:
        assert not await decide(tx, "f" * 32, Status.APPROVED, event="e", at=NOW)
        assert not await consume(tx, "f" * 32, "worker", at=NOW)
        assert await get_statuses(tx, ["f" * 32]) == {}
        assert await get_statuses(tx, []) == {}


async def test_pages_show_each_confirmation_once_newest_first(database):
    tenant = await found_tenant(database)
    # Seven in each second, so that pages end in the middle of a second.
    rows = [a_confirmation(tenant.id, created_at=NOW + timedelta(seconds=n // 7)) for n in range(50)]
    await record(database, *rows)
    seen, before = [], None
    while True:
        async with database.read() as tx:
            page = await list_confirmations(tx, tenant.id, "key:1", Filter(before=before), limit=4)
        if not page:
            break
        seen += page
        before = (page[-1].created_at, page[-1].id)
    assert seen == sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)


async def test_a_page_does_not_move_when_newer_ones_arrive(database):
    tenant = await found_tenant(database)
    old = [a_confirmation(tenant.id, created_at=NOW - timedelta(seconds=n)) for n in range(4)]
    await record(database, *old)
    before = (old[1].created_at, old[1].id)
    await record(database, a_confirmation(tenant.id, created_at=NOW + timedelta(seconds=1)))
    async with database.read() as tx:
        assert await list_confirmations(tx, tenant.id, "key:1", Filter(before=before), limit=9) == old[2:]


async def test_an_owner_sees_their_own_and_an_organisation_its_own(database):
    one, other = await found_tenant(database), await found_tenant(database)
    mine = a_confirmation(one.id, owner="key:1")
    sibling = a_confirmation(one.id, owner="key:2", created_at=NOW - timedelta(seconds=1))
    stranger = a_confirmation(other.id, owner="key:1")
    await record(database, mine, sibling, stranger)
    async with database.read() as tx:
        assert await list_confirmations(tx, one.id, "key:1", Filter(), limit=9) == [mine]
        assert await list_confirmations(tx, one.id, None, Filter(), limit=9) == [mine, sibling]
        assert await list_confirmations(tx, other.id, "key:2", Filter(), limit=9) == []


async def test_filters_are_exact(database):
    tenant = await found_tenant(database)
    early = a_confirmation(tenant.id, external_id="order 1")
    late = a_confirmation(tenant.id, created_at=LATER, status="approved", outcome_event=new_event_id())
    await record(database, early, late)

    async def found(**wanted):
        async with database.read() as tx:
            return await list_confirmations(tx, tenant.id, "key:1", Filter(**wanted), limit=9)

    assert await found(status="approved") == []
    assert await found(status="pending") == [late, early]
    late = replace(late, outcome_leaf=await log(database, late.outcome_event))
    assert await found(status="approved") == [late]
    assert await found(status="pending") == [early]
    assert await found(status="%") == []
    assert await found(external_id="order 1") == [early]
    assert await found(external_id="order") == []
    assert await found(since=LATER) == [late]
    assert await found(until=LATER) == [early]
    assert await found(since=NOW, until=LATER + timedelta(seconds=1)) == [late, early]


async def test_pending_ones_are_listed_oldest_first_once_they_are_old_enough(fresh):
    tenant = await found_tenant(fresh)
    second, first = a_confirmation(tenant.id), a_confirmation(tenant.id, created_at=NOW - timedelta(seconds=1))
    young, done = (
        a_confirmation(tenant.id, created_at=LATER),
        a_confirmation(tenant.id, status="expired", outcome_event="e"),
    )
    await record(fresh, second, first, young, done)
    async with fresh.read() as tx:
        assert await get_statuses(tx, [first.id, done.id]) == {first.id: "pending", done.id: "pending"}
    await log(fresh, "e")
    async with fresh.read() as tx:
        assert await list_pending(tx, created_before=NOW) == [first.id, second.id]
        assert await get_statuses(tx, [first.id, done.id]) == {first.id: "pending", done.id: "expired"}
