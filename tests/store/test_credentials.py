from dataclasses import replace
from datetime import timedelta

import pytest

from cosignet.errors import CosignetError
from store.credentials import (
    CEREMONY_LIFETIME,
    INVITE_LIFETIME,
    active_credentials,
    add_credential,
    begin_registration,
    count_open_registrations,
    create_invite,
    find_invite,
    finish_registration,
    get_credential,
    get_credentials,
    list_credentials,
    record_use,
    revoke_credential,
)
from store.organisations import enrolled, revoke_person
from tests.store.builders import NOW, a_passkey, found_tenant, race


@pytest.fixture
async def tenant(database):
    return await found_tenant(database)


async def refusal(step) -> str:
    """The code of the error that `step` raises."""
    with pytest.raises(CosignetError) as caught:
        await step
    return caught.value.code


async def test_a_passkey_is_read_as_it_was_enrolled(database, tenant):
    new = a_passkey(public_key=bytes(range(256)), aaguid=b"\xff" * 16, sign_count=2**32 - 1, backup_eligible=True)
    async with database.write() as tx:
        await add_credential(tx, tenant.people[0], new, transports=["usb", "nfc"], event="enrolled", at=NOW)
        row = await get_credential(tx, new.id)
    assert (row.public_key, row.aaguid, row.sign_count) == (new.public_key, new.aaguid, new.sign_count)
    assert (row.backup_eligible, row.backed_up, row.transports) == (True, False, "usb nfc")
    assert (row.organisation_id, row.person_id, row.created_at) == (tenant.id, tenant.people[0].id, NOW)
    assert (row.flagged_at, row.revoked_at) == (None, None)


async def test_a_passkey_is_enrolled_once_by_anybody_anywhere(database, tenant):
    stranger = (await found_tenant(database)).people[0]
    new = a_passkey()

    async def step(tx, number):
        try:
            await add_credential(
                tx, [stranger, *tenant.people][number % 4], new, transports=[], event="enrolled", at=NOW
            )
        except CosignetError as error:
            return error.code
        return "enrolled"

    results = await race(database, step, runners=20)
    assert sorted(results) == ["credential.exists"] * 19 + ["enrolled"]


async def test_a_revoked_passkey_never_comes_back(database, tenant):
    new = a_passkey()
    async with database.write() as tx:
        await add_credential(tx, tenant.people[0], new, transports=[], event="enrolled", at=NOW)
        assert await revoke_credential(tx, new.id, at=NOW)
        assert (
            await refusal(add_credential(tx, tenant.people[0], new, transports=[], event="enrolled", at=NOW))
            == "credential.exists"
        )


async def test_one_of_many_revokes(database, tenant):
    passkey = tenant.passkeys[0]
    won = await race(database, lambda tx, n: revoke_credential(tx, passkey, at=NOW + timedelta(days=n)), runners=20)
    assert sum(won) == 1
    async with database.write() as tx:
        assert (await get_credential(tx, passkey)).revoked_at == NOW + timedelta(days=won.index(True))
        assert not await revoke_credential(tx, b"unknown", at=NOW)


async def test_only_active_passkeys_of_active_people_vote(database, tenant):
    people = [person.id for person in tenant.people]
    async with database.write() as tx:
        await revoke_credential(tx, tenant.passkeys[0], at=NOW)
        await revoke_person(tx, people[1], at=NOW)
        active = await active_credentials(tx, people)
        assert [row.id for row in active] == [tenant.passkeys[2]]
        assert await active_credentials(tx, people[:2]) == []
        assert await active_credentials(tx, []) == []
        assert await enrolled(tx, people) == {people[2]}
        assert await enrolled(tx, []) == frozenset()
        assert {row.id for row in await get_credentials(tx, tenant.passkeys)} == set(tenant.passkeys)


async def test_an_organisation_lists_its_own_passkeys_revoked_ones_too(database, tenant):
    await found_tenant(database)
    async with database.write() as tx:
        await revoke_credential(tx, tenant.passkeys[0], at=NOW)
        assert {row.id for row in await list_credentials(tx, tenant.id)} == set(tenant.passkeys)


@pytest.mark.parametrize(
    ("before", "after", "flagged"),
    [(0, 0, False), (0, 1, False), (5, 6, False), (5, 90, False), (5, 5, True), (5, 4, True), (5, 0, True)],
)
async def test_a_counter_that_does_not_rise_is_flagged(database, tenant, before, after, flagged):
    new = a_passkey(sign_count=before)
    async with database.write() as tx:
        await add_credential(tx, tenant.people[0], new, transports=[], event="enrolled", at=NOW)
        row = await get_credential(tx, new.id)
        assert await record_use(tx, row, sign_count=after, backed_up=True, at=NOW) is flagged
        used = await get_credential(tx, new.id)
    assert used == replace(row, sign_count=max(before, after), backed_up=True, flagged_at=NOW if flagged else None)


async def test_a_flag_stays(database, tenant):
    new = a_passkey(sign_count=5)
    async with database.write() as tx:
        await add_credential(tx, tenant.people[0], new, transports=[], event="enrolled", at=NOW)
        await record_use(tx, await get_credential(tx, new.id), sign_count=4, backed_up=False, at=NOW)
        await record_use(tx, await get_credential(tx, new.id), sign_count=9, backed_up=False, at=NOW)
        assert (await get_credential(tx, new.id)).flagged_at == NOW


async def test_an_invite_opens_until_it_expires(database, tenant):
    async with database.write() as tx:
        token = await create_invite(tx, tenant.people[0].id, at=NOW)
        invite = await find_invite(tx, token, at=NOW + INVITE_LIFETIME - timedelta(seconds=1))
        assert invite.person == tenant.people[0]
        assert invite.expires_at == NOW + INVITE_LIFETIME
        for wrong, at in [(token, NOW + INVITE_LIFETIME), (token + "A", NOW), ("", NOW), (token.lower(), NOW)]:
            assert await refusal(find_invite(tx, wrong, at=at)) == "invite.invalid"


async def test_the_invite_of_a_revoked_person_opens_nothing(database, tenant):
    async with database.write() as tx:
        token = await create_invite(tx, tenant.people[0].id, at=NOW)
        await revoke_person(tx, tenant.people[0].id, at=NOW)
        assert await refusal(find_invite(tx, token, at=NOW)) == "invite.invalid"


async def test_one_of_many_enrols_with_an_invite(database, tenant):
    async with database.write() as tx:
        token = await create_invite(tx, tenant.people[0].id, at=NOW)
        invite = await find_invite(tx, token, at=NOW)
        challenges = [await begin_registration(tx, invite, at=NOW) for _ in range(20)]
    assert len(set(challenges)) == 20

    async def step(tx, number):
        try:
            await finish_registration(tx, invite, challenges[number], at=NOW)
        except CosignetError as error:
            return error.code
        return "enrolled"

    results = await race(database, step, runners=20)
    assert sorted(results) == ["enrolled"] + ["invite.invalid"] * 19
    async with database.read() as tx:
        assert await refusal(find_invite(tx, token, at=NOW)) == "invite.invalid"


async def test_a_challenge_is_answered_once_in_time_and_under_its_own_invite(database, tenant):
    async with database.write() as tx:
        invites = [
            await find_invite(tx, await create_invite(tx, person.id, at=NOW), at=NOW) for person in tenant.people
        ]
        challenge = await begin_registration(tx, invites[0], at=NOW)
        assert await count_open_registrations(tx, invites[0], at=NOW) == 1
        assert await count_open_registrations(tx, invites[1], at=NOW) == 0
        assert await refusal(finish_registration(tx, invites[1], challenge, at=NOW)) == "ceremony.invalid"
        assert await refusal(finish_registration(tx, invites[0], bytes(32), at=NOW)) == "ceremony.invalid"
        late = NOW + CEREMONY_LIFETIME
        assert await refusal(finish_registration(tx, invites[0], challenge, at=late)) == "ceremony.invalid"
        assert await count_open_registrations(tx, invites[0], at=late) == 0
        await finish_registration(tx, invites[0], challenge, at=late - timedelta(seconds=1))
        assert await refusal(finish_registration(tx, invites[0], challenge, at=NOW)) == "ceremony.invalid"
