import asyncio
import secrets
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from store.credentials import revoke_credential
from store.organisations import revoke_person
from store.votes import (
    Link,
    count_open_ceremonies,
    create_link,
    find_link,
    get_ceremony,
    get_vote,
    list_votes,
    list_votes_of,
    revoked_votes,
    use_ceremony,
    void_votes,
)
from tests.store.builders import LATER, NOW, a_confirmation, found_tenant, issue, race, record, vote


@pytest.fixture
async def tenant(database):
    return await found_tenant(database)


@pytest.fixture
async def confirmation(database, tenant):
    row = a_confirmation(tenant.id)
    await record(database, row)
    return row.id


async def test_one_of_a_hundred_uses_a_ceremony(database, tenant, confirmation):
    nonce = await issue(database, confirmation, tenant.people[0].id)
    assert sum(await race(database, lambda tx, _: use_ceremony(tx, nonce, at=NOW), runners=100)) == 1
    async with database.read() as tx:
        assert (await get_ceremony(tx, nonce)).used_at == NOW


async def test_a_ceremony_ends_when_it_says(database, tenant, confirmation):
    nonce = await issue(database, confirmation, tenant.people[0].id)
    async with database.write() as tx:
        assert not await use_ceremony(tx, nonce, at=LATER)
        assert not await use_ceremony(tx, secrets.token_bytes(32), at=NOW)
        assert await use_ceremony(tx, nonce, at=LATER - timedelta(seconds=1))


async def test_open_ceremonies_are_counted_per_person_and_confirmation(database, tenant, confirmation):
    anna, ben = tenant.people[0].id, tenant.people[1].id
    other = a_confirmation(tenant.id)
    await record(database, other)
    used = await issue(database, confirmation, anna)
    await issue(database, confirmation, anna)
    await issue(database, confirmation, anna, expires_at=NOW)
    await issue(database, confirmation, ben)
    await issue(database, other.id, anna)
    async with database.write() as tx:
        await use_ceremony(tx, used, at=NOW)
        assert await count_open_ceremonies(tx, confirmation, anna, at=NOW) == 1


async def test_a_vote_is_read_verbatim_and_in_order(database, tenant, confirmation):
    async with database.write() as tx:
        first = await vote(tx, confirmation, tenant, 1, reason="nö", signature=bytes(range(256)), user_handle=b"\x00")
        second = await vote(tx, confirmation, tenant, 0, decision="reject")
    async with database.read() as tx:
        votes = await list_votes(tx, confirmation)
        assert [v.nonce for v in votes] == [first, second]
        assert votes[0] == await get_vote(tx, first)
        assert (votes[0].reason, votes[0].signature, votes[0].user_handle) == ("nö", bytes(range(256)), b"\x00")
        assert await list_votes_of(tx, [confirmation, "none"]) == {confirmation: votes}


@pytest.mark.parametrize("same", ["person_id", "seat", "credential_id"])
async def test_person_seat_and_passkey_vote_once(database, tenant, confirmation, same):
    people, passkeys = [person.id for person in tenant.people], tenant.passkeys
    twin = {"person_id": people[1], "seat": people[1], "credential_id": passkeys[1]}
    twin[same] = passkeys[0] if same == "credential_id" else people[0]
    async with database.write() as tx:
        await vote(tx, confirmation, tenant, 0)
    with pytest.raises(IntegrityError):
        async with database.write() as tx:
            await vote(tx, confirmation, tenant, 1, **twin)
    async with database.write() as tx:
        await void_votes(tx, [v.nonce for v in await list_votes(tx, confirmation)], at=NOW)
        await vote(tx, confirmation, tenant, 1, **twin)


async def test_a_nonce_votes_once_anywhere_and_for_ever(database, tenant, confirmation):
    other = a_confirmation(tenant.id)
    await record(database, other)
    async with database.write() as tx:
        nonce = await vote(tx, confirmation, tenant, 0)
        await void_votes(tx, [nonce], at=NOW)
    with pytest.raises(IntegrityError):
        async with database.write() as tx:
            await vote(tx, other.id, tenant, 1, nonce=nonce)


async def test_one_of_many_votes_of_a_person_at_once_is_counted(database, tenant, confirmation):
    async def step(tx, _):
        return await vote(tx, confirmation, tenant, 0)

    attempts = [race(database, step, runners=1) for _ in range(10)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, IntegrityError) for result in results) == 9
    async with database.read() as tx:
        assert len(await list_votes(tx, confirmation)) == 1


async def test_voided_votes_are_out_of_the_count_and_still_on_record(database, tenant, confirmation):
    async with database.write() as tx:
        nonce = await vote(tx, confirmation, tenant, 0)
        await void_votes(tx, [], at=NOW)
        assert len(await list_votes(tx, confirmation)) == 1
        await void_votes(tx, [nonce], at=LATER)
        assert await list_votes(tx, confirmation) == []
        assert await list_votes_of(tx, [confirmation]) == {}
        (voided,) = await list_votes(tx, confirmation, with_voided=True)
    assert (voided.nonce, voided.voided_at) == (nonce, LATER)


async def test_votes_of_a_revoked_passkey_or_person_are_found(database, tenant, confirmation):
    async with database.write() as tx:
        by_passkey = await vote(tx, confirmation, tenant, 0)
        by_person = await vote(tx, confirmation, tenant, 1)
        await vote(tx, confirmation, tenant, 2)
        assert await revoked_votes(tx, confirmation) == []
        assert await revoke_credential(tx, tenant.passkeys[0], at=NOW)
        assert await revoke_person(tx, tenant.people[1].id, at=NOW)
        assert set(await revoked_votes(tx, confirmation)) == {by_passkey, by_person}
        await void_votes(tx, [by_passkey, by_person], at=NOW)
        assert await revoked_votes(tx, confirmation) == []


async def test_a_link_opens_one_confirmation_for_one_person(database, tenant, confirmation):
    other = a_confirmation(tenant.id)
    await record(database, other)
    async with database.write() as tx:
        token = await create_link(tx, confirmation, tenant.people[0].id, delivered=True, at=NOW)
        again = await create_link(tx, confirmation, tenant.people[0].id, delivered=False, at=NOW)
        assert await find_link(tx, confirmation, token) == Link(tenant.people[0].id, delivered=True)
        assert await find_link(tx, confirmation, again) == Link(tenant.people[0].id, delivered=False)
        assert await find_link(tx, other.id, token) is None
        assert await find_link(tx, confirmation, token + "A") is None
        assert await find_link(tx, confirmation, "") is None
