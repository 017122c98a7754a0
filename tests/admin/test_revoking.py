import asyncio
import secrets

import pytest

from activities.closing import read_standing
from activities.voting import record_vote
from cosignet.core.encoding import b64u, from_b64u
from store.credentials import get_credential, revoke_credential
from store.events import add_event
from store.organisations import find_person
from store.votes import list_votes
from tests.admin.commands import events


def passkey_of(acme, name) -> str:
    return b64u(acme.passkeys[name].id)


async def test_a_revoked_passkey_is_on_record(admin, acme, database):
    answer = await admin("revoke-credential", passkey_of(acme, "anna"))
    anna = acme.people["anna"].id
    assert answer == {**answer, "credential": passkey_of(acme, "anna"), "person": anna}
    async with database.read() as tx:
        assert (await get_credential(tx, acme.passkeys["anna"].id)).revoked_at is not None
        assert (await find_person(tx, acme.organisation.id, anna)).revoked_at is None
    async with database.read() as tx:
        enrolled = (await get_credential(tx, acme.passkeys["anna"].id)).enrolled_event
    event = {"person": anna, "credential": passkey_of(acme, "anna"), "enrolled": enrolled, "by": "command line"}
    assert await events(database, acme.organisation.id, of="credential.revoked") == [event]


async def test_a_passkey_is_revoked_once(admin, acme, database):
    await admin("revoke-credential", passkey_of(acme, "anna"))
    assert await admin.refusal("revoke-credential", passkey_of(acme, "anna")) == "credential.revoked"
    assert await admin.refusal("revoke-credential", b64u(b"unknown")) == "credential.unknown"
    assert await admin.refusal("revoke-credential", "not base64url!") == "encoding.base64url"
    assert len(await events(database, acme.organisation.id)) == 1


async def test_a_passkey_whose_id_begins_with_a_dash_can_be_revoked(admin, acme):
    for beginning in ("-i", "--", "-h"):
        acme.passkeys["anna"] = await acme.enrol("anna", credential_id=from_b64u(beginning + "A" * 20))
        answer = await admin("revoke-credential", passkey_of(acme, "anna"))
        assert answer["credential"].startswith(beginning)


async def test_a_revoked_person_goes_with_every_passkey(admin, acme, database):
    first, second = passkey_of(acme, "ben"), b64u((await acme.enrol("ben")).id)
    gone = b64u((await acme.enrol("ben")).id)
    await admin("revoke-credential", gone)
    answer = await admin("revoke-person", acme.organisation.id, "BEN@example.com")
    assert set(answer["credentials"]) == {first, second}
    revoked = await events(database, acme.organisation.id, of="credential.revoked")
    assert sorted(event["credential"] for event in revoked) == sorted([first, second, gone])
    change = {"change": "person.revoked", "by": "command line", "person": acme.people["ben"].id}
    assert await events(database, acme.organisation.id, of="admin.changed") == [change]


async def test_a_person_is_revoked_once(admin, acme):
    await admin("revoke-person", acme.organisation.id, acme.people["ben"].id)
    assert await admin.refusal("revoke-person", acme.organisation.id, "ben@example.com") == "person.revoked"
    assert await admin.refusal("revoke-person", acme.organisation.id, "nobody@example.com") == "person.unknown"


@pytest.fixture
async def confirmation(acme):
    return (await acme.ask(secrets.token_hex(16), approvers=["anna@example.com", "ben@example.com"])).id


async def test_a_passkey_that_is_revoked_between_ceremony_and_vote_does_not_vote(admin, acme, confirmation):
    # Anna has another one, so she may still open a ceremony, and then sign it with the one she lost.
    lost = acme.passkeys["anna"]
    await acme.enrol("anna")
    await admin("revoke-credential", b64u(lost.id))
    acme.passkeys["anna"] = lost
    _, vote = await acme.sign(confirmation, "anna")
    answer = (await record_vote(acme.deployment, confirmation, vote)).answer
    assert (answer.accepted, answer.code, answer.status) == (False, "credential.revoked", "pending")
    standing = await read_standing(acme.deployment, confirmation)
    assert (standing.row.status, standing.votes) == ("pending", [])


async def test_a_person_who_is_revoked_between_ceremony_and_vote_does_not_vote(admin, acme, confirmation):
    _, vote = await acme.sign(confirmation, "ben")
    await admin("revoke-person", acme.organisation.id, "ben@example.com")
    assert (await record_vote(acme.deployment, confirmation, vote)).answer.code == "credential.revoked"
    assert (await read_standing(acme.deployment, confirmation)).row.status == "pending"


async def test_a_revocation_that_commits_first_wins_over_a_vote_under_way(acme, confirmation):
    _, vote = await acme.sign(confirmation, "anna")
    async with acme.database.write() as tx:
        at = await acme.database.clock(tx)
        await revoke_credential(tx, acme.passkeys["anna"].id, at=at)
        voting = asyncio.create_task(record_vote(acme.deployment, confirmation, vote))
        await asyncio.sleep(0.5)
        assert not voting.done()
        await add_event(tx, acme.organisation.id, "credential.revoked", {}, at=at)
    assert (await voting).answer.code == "credential.revoked"
    assert (await read_standing(acme.deployment, confirmation)).row.status == "pending"


async def test_the_vote_of_a_passkey_that_is_revoked_later_is_voided(admin, acme, database):
    two = ["anna@example.com", "ben@example.com", "cem@example.com"]
    confirmation = (await acme.ask(secrets.token_hex(16), approvers=two, threshold=2)).id
    for name in ("anna", "ben"):
        _, vote = await acme.sign(confirmation, name)
        answer = (await record_vote(acme.deployment, confirmation, vote)).answer
        assert (answer.accepted, answer.status) == (True, "pending")
        if name == "anna":
            await admin("revoke-credential", passkey_of(acme, "anna"))
    async with database.read() as tx:
        assert [v.person_id for v in await list_votes(tx, confirmation)] == [acme.people["ben"].id]
        assert len(await list_votes(tx, confirmation, with_voided=True)) == 2


async def test_an_approval_that_rests_on_a_revoked_passkey_is_not_usable(admin, acme, confirmation):
    _, vote = await acme.sign(confirmation, "anna")
    assert (await record_vote(acme.deployment, confirmation, vote)).answer.status == "approved"
    assert (await read_standing(acme.deployment, confirmation)).usable
    await admin("revoke-credential", passkey_of(acme, "anna"))
    assert not (await read_standing(acme.deployment, confirmation)).usable
