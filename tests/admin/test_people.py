import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cosignet.core.encoding import from_instant
from cosignet.errors import CosignetError
from store.api_keys import find_api_key
from store.credentials import find_invite
from store.database import Database
from store.organisations import find_organisation, find_person, list_organisations
from store.schema import metadata
from tests.admin.commands import PUBLIC_URL, events


@pytest.fixture
def name():
    return f"Acme {secrets.token_hex(4)}"


async def invited(database, register_url):
    page, _, token = register_url.partition("#")
    assert page == f"{PUBLIC_URL}/register"
    async with database.read() as tx:
        return await find_invite(tx, token, at=await database.clock(tx))


async def test_a_new_organisation_has_an_owner_to_be_enrolled_and_a_key_that_may_request(admin, database, name):
    answer = await admin("create-organisation", name, "--owner-email", " Olga@Example.com", "--owner-name", "Olga Ö.")
    assert list(answer) == ["organisation", "api_key", "register_url"]
    owner = (await invited(database, answer["register_url"])).person
    assert (owner.email, owner.name, owner.role) == ("olga@example.com", "Olga Ö.", "owner")
    async with database.read() as tx:
        organisation = await find_organisation(tx, name)
        key = await find_api_key(tx, answer["api_key"])
    assert answer["organisation"] == organisation.id == owner.organisation_id == key.organisation_id
    assert key.owner == f"key:{key.id}"
    assert await events(database, organisation.id) == [
        {"change": "organisation.created", "by": "command line"},
        {"change": "person.added", "by": "command line", "person": owner.id, "role": "owner"},
        {"change": "key.created", "by": "command line", "prefix": key.prefix, "owner": key.owner},
    ]


async def test_an_owner_without_a_name_is_called_by_their_address(admin, database, name):
    answer = await admin("create-organisation", name, "--owner-email", "owner@localhost")
    assert (await invited(database, answer["register_url"])).person.name == "owner@localhost"


async def test_secrets_are_kept_as_hashes_alone(fresh_admin, empty_url, name):
    answer = await fresh_admin("create-organisation", name, "--owner-email", "o@example.com")
    worker = await fresh_admin("create-key", name, "worker", "--temporal", "default")
    invite = await fresh_admin("invite", name, "a@example.com")
    texts = [answer["api_key"], worker["api_key"]]
    texts += [answer["register_url"].split("#")[1], invite["register_url"].split("#")[1]]
    database = Database(empty_url)
    async with database.read() as tx:
        rows = [list(row) for table in metadata.tables.values() for row in await tx.execute(select(table))]
    await database.close()
    stored = repr(rows).encode()
    if empty_url.startswith("sqlite"):
        stored += b"".join(file.read_bytes() for file in Path(empty_url[10:]).parent.glob("cosignet.db*"))
    # What is looked for would be found: the beginning of a key is stored, to tell keys apart.
    assert texts[0][:9].encode() in stored
    for text in texts:
        assert text[9:].encode() not in stored
        assert text[:10].encode() not in stored


@pytest.mark.parametrize(
    "email",
    ["", "anna", "@example.com", "anna@", "a b@example.com", "a@b@c", "a\n@x.org", "аnna@example.com", "a@\ud800"],
)
async def test_what_is_no_address_is_refused(admin, acme, name, email):
    assert await admin.refusal("create-organisation", name, "--owner-email", email) == "email.invalid"
    assert await admin.refusal("invite", acme.organisation.id, email) == "email.invalid"


@pytest.mark.parametrize("wrong", ["", "  ", "x" * 201, "Ac\u202eme", "Аcme", "Ac\nme", "Ac\x1b[31mme", "Acme\u200b"])
async def test_names_that_deceive_are_refused(admin, acme, database, wrong):
    assert await admin.refusal("create-organisation", wrong, "--owner-email", "o@example.com") == "name.invalid"
    assert await admin.refusal("create-key", acme.organisation.id, wrong) == "name.invalid"
    if wrong.strip():
        options = ("dora@example.com", "--name", wrong)
        assert await admin.refusal("invite", acme.organisation.id, *options) == "name.invalid"
    async with database.read() as tx:
        assert await find_person(tx, acme.organisation.id, "dora@example.com") is None


async def test_a_refused_command_leaves_nothing(admin, database, name):
    async with database.read() as tx:
        before = await list_organisations(tx)
    arguments = ("create-organisation", name, "--owner-email", "o@example.com")
    assert await admin.refusal(*arguments, "--owner-name", "O\u202e") == "name.invalid"
    async with database.read() as tx:
        assert await list_organisations(tx) == before


async def test_a_name_is_taken_once(admin, name):
    await admin("create-organisation", name, "--owner-email", "o@example.com")
    assert await admin.refusal("create-organisation", name, "--owner-email", "p@example.com") == "organisation.exists"


async def test_an_invite_makes_a_new_person_and_further_ones_only_invite(admin, acme, database):
    first = await admin("invite", acme.organisation.id, "dora@example.com", "--name", "Dora", "--role", "admin")
    again = await admin("invite", acme.organisation.id, "Dora@example.com")
    assert again["person"] == first["person"]
    for answer in (first, again):
        open_invite = await invited(database, answer["register_url"])
        assert (open_invite.person.id, open_invite.person.role) == (first["person"], "admin")
        assert from_instant(answer["expires_at"]) == open_invite.expires_at
    async with database.read() as tx:
        assert from_instant(first["expires_at"]) - await database.clock(tx) > timedelta(days=6, hours=23)
    changes = [event["change"] for event in await events(database, acme.organisation.id, of="admin.changed")]
    assert changes == ["person.added", "person.invited"]
    assert "dora@example.com" in admin.said


async def test_an_invite_does_not_change_whom_it_invites(admin, acme):
    organisation = acme.organisation.id
    assert await admin.refusal("invite", organisation, "anna@example.com", "--role", "owner") == "person.exists"
    assert await admin.refusal("invite", organisation, "anna@example.com", "--name", "Bob") == "person.exists"
    await admin("invite", organisation, "anna@example.com", "--name", "Anna", "--role", "approver")
    await admin("revoke-person", organisation, "anna@example.com")
    assert await admin.refusal("invite", organisation, "anna@example.com") == "person.revoked"


async def test_a_key_for_workers_reads_what_a_namespace_asked_for(admin, acme, database):
    answer = await admin("create-key", acme.organisation.id, "worker", "--temporal", "payments.a2dd6")
    assert answer == {**answer, "owner": "temporal:payments.a2dd6", "prefix": answer["api_key"][:9]}
    async with database.read() as tx:
        assert (await find_api_key(tx, answer["api_key"])).owner == "temporal:payments.a2dd6"


async def test_a_key_is_revoked_once_and_by_its_own_organisation(admin, acme, database):
    key = await admin("create-key", acme.organisation.id, "agent")
    other = await admin("create-organisation", secrets.token_hex(8), "--owner-email", "o@example.com")
    assert await admin.refusal("revoke-key", other["organisation"], key["prefix"]) == "key.unknown"
    await admin("revoke-key", acme.organisation.id, key["prefix"])
    assert await admin.refusal("revoke-key", acme.organisation.id, key["prefix"]) == "key.unknown"
    async with database.read() as tx:
        assert await find_api_key(tx, key["api_key"]) is None
    changes = await events(database, acme.organisation.id)
    assert [change["change"] for change in changes] == ["key.created", "key.revoked"]
    assert not any(key["api_key"][9:] in str(change) for change in changes)


async def test_everybody_is_listed_with_their_passkeys(admin, acme):
    await admin("revoke-person", acme.organisation.id, "cem@example.com")
    await acme.enrol("anna", synced=True)
    answer = await admin("list-people", acme.organisation.id)
    assert answer["organisation"] == acme.organisation.id
    people = {person["email"].split("@")[0]: person for person in answer["people"]}
    assert set(people) == {"anna", "ben", "cem"}
    assert sorted(passkey["synced"] for passkey in people["anna"]["passkeys"]) == [False, True]
    assert people["anna"]["revoked_at"] is None
    assert people["cem"]["revoked_at"] == people["cem"]["passkeys"][0]["revoked_at"] is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ("invite", "a@example.com"),
        ("create-key", "k"),
        ("revoke-key", "ck_123456"),
        ("list-people",),
        ("revoke-person", "a@example.com"),
        ("trust",),
        ("export",),
        ("set-floor", "--threshold", "1"),
    ],
)
async def test_an_organisation_that_nobody_knows_is_refused(admin, database, arguments):
    command, *rest = arguments
    assert await admin.refusal(command, "nobody", *rest) == "organisation.unknown"


async def test_links_lead_only_to_the_address_that_passkeys_are_bound_to(admin, acme):
    await admin("invite", acme.organisation.id, "dora@example.com")
    elsewhere = {"COSIGNET_PUBLIC_URL": "https://elsewhere.example"}
    refusal = await admin.refusal("invite", acme.organisation.id, "eve@example.com", **elsewhere)
    assert refusal == "installation.rp_id"
    # Whoever has to revoke in a hurry is not stopped by a setting.
    await admin("revoke-person", acme.organisation.id, "anna@example.com", **elsewhere)


async def test_an_invite_that_is_used_opens_nothing(admin, acme, database):
    answer = await admin("invite", acme.organisation.id, "anna@example.com")
    await admin("revoke-person", acme.organisation.id, "anna@example.com")
    with pytest.raises(CosignetError, match=r"invite\.invalid"):
        await invited(database, answer["register_url"])
