import pytest

from store.idempotency import Remembered, remember_answer, reserve
from tests.store.builders import NOW, found_tenant, race


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
