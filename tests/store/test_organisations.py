import pytest

from cosignet.errors import CosignetError
from store.api_keys import PREFIX_LENGTH, create_api_key, find_api_key, revoke_api_key
from store.installation import claim_rp_id, get_rp_id
from store.organisations import (
    FloorRow,
    add_person,
    create_organisation,
    find_organisation,
    find_person,
    get_floors,
    get_people,
    get_policy,
    list_organisations,
    list_people,
    normalise_email,
    revoke_person,
    set_floor,
    set_policy,
)
from tests.store.builders import LATER, NOW, found_tenant, race


async def refusal(step) -> str:
    with pytest.raises(CosignetError) as caught:
        await step
    return caught.value.code


async def test_an_organisation_is_found_by_id_and_by_a_name_that_is_its_own(fresh):
    async with fresh.write() as tx:
        acme = await create_organisation(tx, "Acme", at=NOW)
        twins = [await create_organisation(tx, "Twin", at=LATER) for _ in range(2)]
        assert await find_organisation(tx, "Acme") == await find_organisation(tx, acme.id) == acme
        assert await find_organisation(tx, twins[0].id) == twins[0]
        for wrong in ("Twin", "acme", "", "%"):
            assert await refusal(find_organisation(tx, wrong)) == "organisation.unknown"
        assert (await list_organisations(tx))[0] == acme
        assert len(await list_organisations(tx)) == 3


@pytest.mark.parametrize("spelling", ["Anna@Example.com", "  anna@example.com\n", "ANNA@EXAMPLE.COM"])
async def test_one_address_is_one_person_however_it_is_spelled(database, spelling):
    tenant = await found_tenant(database, people=0)
    async with database.write() as tx:
        anna = await add_person(tx, tenant.id, email=spelling, name="Anna", role="owner", at=NOW)
        assert anna.email == normalise_email(spelling) == "anna@example.com"
        assert await find_person(tx, tenant.id, spelling) == anna
        assert await find_person(tx, tenant.id, anna.id) == anna
        again = add_person(tx, tenant.id, email="anna@example.com", name="Anna", role="approver", at=NOW)
        assert await refusal(again) == "person.exists"
        assert await list_people(tx, tenant.id) == [anna]


async def test_one_of_many_adds_a_person(database):
    tenant = await found_tenant(database, people=0)

    async def step(tx, number):
        try:
            person = await add_person(tx, tenant.id, email="a@x.org", name=str(number), role="approver", at=NOW)
        except CosignetError as error:
            return error.code
        return person.name

    results = await race(database, step, runners=20)
    assert results.count("person.exists") == 19
    async with database.read() as tx:
        (person,) = await list_people(tx, tenant.id)
    assert person.name in results


async def test_people_belong_to_one_organisation(database):
    one, other = await found_tenant(database), await found_tenant(database)
    async with database.read() as tx:
        assert await find_person(tx, other.id, one.people[0].id) is None
        assert (await find_person(tx, other.id, "p0@example.com")).id == other.people[0].id
        assert await list_people(tx, one.id) == sorted(one.people, key=lambda person: person.id)
        assert {p.id for p in await get_people(tx, [one.people[0].id, "none"])} == {one.people[0].id}


async def test_a_person_is_revoked_once_and_still_known(database):
    tenant = await found_tenant(database)
    anna = tenant.people[0]
    assert sum(await race(database, lambda tx, _: revoke_person(tx, anna.id, at=NOW), runners=20)) == 1
    async with database.read() as tx:
        assert anna.id not in {person.id for person in await list_people(tx, tenant.id)}
        assert anna.id in {person.id for person in await list_people(tx, tenant.id, with_revoked=True)}
        assert (await find_person(tx, tenant.id, anna.email)).revoked_at == NOW


async def test_the_last_policy_and_floor_under_a_name_stand(database):
    tenant, other = await found_tenant(database), await found_tenant(database)
    async with database.write() as tx:
        for document in (b"first", bytes(range(256))):
            await set_policy(tx, tenant.id, "wires", document, at=NOW)
        assert await get_policy(tx, tenant.id, "wires") == bytes(range(256))
        assert await get_policy(tx, tenant.id, "Wires") is None
        assert await get_policy(tx, other.id, "wires") is None


async def test_many_set_the_same_policy_at_once(database):
    tenant = await found_tenant(database)
    await race(database, lambda tx, n: set_policy(tx, tenant.id, "wires", bytes([n]), at=NOW), runners=20)
    async with database.read() as tx:
        assert len(await get_policy(tx, tenant.id, "wires")) == 1


async def test_an_action_must_respect_its_own_floor_and_the_general_one(database):
    tenant, other = await found_tenant(database), await found_tenant(database)
    general = FloorRow("", 1, frozenset())
    strict = FloorRow("Wire money", 2, frozenset({"p1", "p2"}))
    async with database.write() as tx:
        await set_floor(tx, tenant.id, FloorRow("Wire money", 9, frozenset()), at=NOW)
        await set_floor(tx, tenant.id, strict, at=LATER)
        await set_floor(tx, tenant.id, general, at=NOW)
        assert {floor.action: floor for floor in await get_floors(tx, tenant.id, "Wire money")} == {
            "": general,
            "Wire money": strict,
        }
        assert await get_floors(tx, tenant.id, "wire money") == [general]
        assert await get_floors(tx, other.id, "Wire money") == []


async def test_an_api_key_works_until_it_is_revoked(database):
    tenant, other = await found_tenant(database), await found_tenant(database)
    async with database.write() as tx:
        key, text = await create_api_key(tx, tenant.id, name="agent", owner=None, at=NOW)
        worker, _ = await create_api_key(tx, tenant.id, name="worker", owner="temporal:default", at=NOW)
        assert (key.owner, worker.owner) == (f"key:{key.id}", "temporal:default")
        assert key.prefix == text[:PREFIX_LENGTH]
        assert await find_api_key(tx, text) == key
        for wrong in (text[:-1], text + "A", text.upper(), key.prefix, ""):
            assert await find_api_key(tx, wrong) is None
        assert not await revoke_api_key(tx, other.id, key.prefix, at=NOW)
        assert await revoke_api_key(tx, tenant.id, key.prefix, at=NOW)
        assert not await revoke_api_key(tx, tenant.id, key.prefix, at=NOW)
        assert await find_api_key(tx, text) is None


async def test_the_rp_id_stays_as_long_as_passkeys_are_bound_to_it(fresh):
    async with fresh.write() as tx:
        assert await get_rp_id(tx) is None
        await claim_rp_id(tx, "localhost")
        await claim_rp_id(tx, "example.com")
        assert await get_rp_id(tx) == "example.com"
    await found_tenant(fresh)
    async with fresh.write() as tx:
        await claim_rp_id(tx, "example.com")
        assert await refusal(claim_rp_id(tx, "localhost")) == "installation.rp_id"
        assert await get_rp_id(tx) == "example.com"
