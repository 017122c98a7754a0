import json
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from activities.closing import read_standing
from activities.evidence import read_evidence
from activities.trusting import propose_trust
from activities.voting import record_vote
from cosignet.core.verdict import verify
from cosignet.errors import Malformed
from store.confirmations import get_confirmation
from store.credentials import begin_registration, find_invite, list_credentials
from store.erasure import erase_confirmation
from store.organisations import find_person, verify_email
from store.schema import ceremonies, invites
from store.votes import create_link, find_link, list_votes
from tests.acme import found_acme
from tests.admin.commands import events
from tests.admin.test_trust_and_export import lines
from tests.every_value import every_value
from tests.publishing import published

TRACES = (b"Quillon", b"murmuration", b"twelfth of us")


@pytest.fixture
def temporal(temporal_env):
    return {"TEMPORAL_ADDRESS": temporal_env.client.service_client.config.target_host}


async def approved(acme, *names, **ask):
    """A confirmation that these people have approved, by default Anna alone."""
    names = names or ("anna",)
    ask = {"approvers": [f"{name}@example.com" for name in names], "threshold": len(names), **ask}
    row = await acme.ask(secrets.token_hex(16), note="for the murmuration", action="Wire to Quillon", **ask)
    for name in names:
        _, vote = await acme.sign(row.id, name, reason="as the twelfth of us agreed")
        answer = (await record_vote(acme.deployment, row.id, vote)).answer
    assert answer.status == "approved"
    return row


# A confirmation


async def test_an_erased_confirmation_is_on_record(admin, acme, database, temporal):
    row, other = await approved(acme), await approved(acme)
    answer = await admin("erase-confirmation", row.id, **temporal)
    assert answer == {"ok": True, "erased": {row.id: answer["erased"][row.id]}, "refused": {}}
    change = {"change": "confirmation.erased", "by": "command line", "confirmation": row.id}
    assert await events(database, acme.organisation.id, of="admin.changed") == [change]
    found = await lines(admin, acme.organisation.id)
    assert [line["id"] for line in found if line["kind"] == "confirmation"] == [other.id]
    erased = [line for line in found if line["kind"] == "erased"]
    assert erased == [{"kind": "erased", "confirmation": row.id, "erased_at": answer["erased"][row.id]}]
    assert found[-1]["erased"] == 1
    emptied = [line for line in found if line["kind"] == "event" and line["confirmation_id"] == row.id]
    assert [(line["type"], line["salt"], line["record"]) for line in emptied] == [
        (f"confirmation.{what}", "", "") for what in ("requested", "voted", "approved")
    ]


async def test_what_is_erased_during_an_export_does_not_end_it(admin, acme, database, monkeypatch):
    row, other = await approved(acme), await approved(acme)

    async def erase_first(deployment, confirmation):
        if confirmation == row.id:
            async with database.write() as tx:
                await erase_confirmation(tx, row, at=await database.clock(tx))
        return await read_evidence(deployment, confirmation)

    monkeypatch.setattr("api.admin.exporting.read_evidence", erase_first)
    found = await lines(admin, acme.organisation.id)
    evidence = {line["id"]: line["evidence"] for line in found if line["kind"] == "confirmation"}
    assert (evidence[row.id], evidence[other.id] is None) == (None, False)
    assert [line["confirmation"] for line in found if line["kind"] == "erased"] == [row.id]
    assert found[-1]["kind"] == "end"


async def test_what_cannot_be_erased_is_refused_and_all_else_erased(admin, acme, database, temporal):
    pending = (await acme.ask(secrets.token_hex(16))).id
    first, second, before = [(await approved(acme)).id for _ in range(3)]
    await admin("erase-confirmation", before, **temporal)
    wanted = (first, pending, "0" * 32, before, first, second, second[:-1])
    done = await admin.run("erase-confirmation", *wanted, **temporal)
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["ok"], set(answer["erased"])) == (1, False, {first, second})
    assert answer["refused"] == {
        pending: "confirmation.pending",
        "0" * 32: "confirmation.unknown",
        before: "confirmation.erased",
        second[:-1]: "confirmation.unknown",
    }
    for confirmation, code in answer["refused"].items():
        assert f"{confirmation}: {code}: " in done.stderr
    async with database.read() as tx:
        assert [await get_confirmation(tx, one) is None for one in (first, second, pending)] == [True, True, False]


async def test_without_temporal_nothing_is_erased(admin, acme, database):
    row = await approved(acme)
    assert await admin.refusal("erase-confirmation", row.id) == "temporal.unavailable"
    async with database.read() as tx:
        assert await get_confirmation(tx, row.id) is not None
        assert len(await list_votes(tx, row.id)) == 1
    assert await events(database, acme.organisation.id, of="admin.changed") == []


@pytest.fixture
async def file(tmp_path):
    """An SQLite database in a file of its own, in use by a publisher."""
    async with published(f"sqlite:///{tmp_path}/cosignet.db", tmp_path) as database:
        yield database


def on_disk(database) -> bytes:
    """Everything in the file and in its write-ahead log."""
    file = Path(str(make_url(database.url).database))
    return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_nothing_is_left_in_the_file(admin, file, temporal):
    acme = await found_acme(file)
    row = await approved(acme)
    assert [trace for trace in TRACES if trace not in on_disk(file)] == []
    await admin("erase-confirmation", row.id, COSIGNET_DATABASE_URL=file.url, **temporal)
    assert [trace for trace in TRACES if trace in on_disk(file)] == []
    assert admin.said == ""
    await approved(acme)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_whoever_reads_a_file_meanwhile_keeps_it(admin, file, temporal, monkeypatch):
    monkeypatch.setattr("store.sqlite._SCRUB_SECONDS", 0.1)
    row = await approved(await found_acme(file))
    with closing(sqlite3.connect(str(make_url(file.url).database), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM votes").fetchone()
        await admin("erase-confirmation", row.id, COSIGNET_DATABASE_URL=file.url, **temporal)
        assert "docs/operations.md" in admin.said
        assert reader.execute("SELECT count(*) FROM confirmations").fetchone() == (1,)
    async with file.read() as tx:
        assert await get_confirmation(tx, row.id) is None
    assert await file.scrub()
    assert [trace for trace in TRACES if trace in on_disk(file)] == []


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_postgresql_is_told_to_keep_it_for_a_while(admin, acme, temporal):
    row = await approved(acme)
    await admin("erase-confirmation", row.id, **temporal)
    assert "docs/operations.md" in admin.said


# A person


@pytest.fixture
async def fresh(empty_url, tmp_path):
    """Acme in a database of the test's own."""
    async with published(empty_url, tmp_path) as database:
        yield await found_acme(database)


async def test_nobody_is_called_so_any_more(fresh_admin, fresh):
    organisation = fresh.organisation.id
    await approved(fresh, "anna", "ben")
    await fresh_admin("invite", organisation, "anna@example.com")
    before = await every_value(fresh.database)
    assert "anna@example.com" in before
    await fresh_admin("erase-person", organisation, "Anna@example.com")
    after = await every_value(fresh.database)
    assert "anna@example.com" not in after
    assert "\nAnna\n" in before
    assert "\nAnna\n" not in after
    assert "ben@example.com" in after
    people = (await fresh_admin("list-people", organisation))["people"]
    unnamed = fresh.people["anna"].id
    (erased,) = [person for person in people if person["id"] == unnamed]
    assert (erased["name"], erased["email"], erased["revoked_at"] is None) == ("", f"{unnamed}@erased.invalid", False)
    exported = str(await lines(fresh_admin, organisation))
    assert "anna@example.com" not in exported
    assert "'Anna'" not in exported


async def test_no_way_in_is_left(admin, acme, database):
    anna = acme.people["anna"].id
    async with database.write() as tx:
        await verify_email(tx, anna, at=await database.clock(tx))
    row = await approved(acme, public_reveal=True)
    url = (await admin("invite", acme.organisation.id, "anna@example.com"))["register_url"]
    async with database.write() as tx:
        at = await database.clock(tx)
        token = await create_link(tx, row.id, anna, delivered=True, at=at)
        await begin_registration(tx, await find_invite(tx, url.partition("#")[2], at=at), at=at)
    assert len(await hashed_of(database, anna)) == 1
    await admin("erase-person", acme.organisation.id, anna)
    async with database.read() as tx:
        assert await find_link(tx, row.id, token) is None
        assert (await tx.execute(select(invites).where(invites.c.person_id == anna))).all() == []
    assert await hashed_of(database, anna) == []


async def hashed_of(database, person):
    """What ceremonies keep of the person's address."""
    query = select(ceremonies.c.hashed_email).where(ceremonies.c.person_id == person)
    async with database.read() as tx:
        return [hashed for hashed in (await tx.execute(query)).scalars() if hashed]


async def test_an_erased_person_is_revoked_and_on_record(admin, acme, database):
    organisation, anna = acme.organisation.id, acme.people["anna"].id
    row = await approved(acme, "anna", "ben")
    answer = await admin("erase-person", organisation, "anna@example.com")
    assert answer == {"person": anna, "erased_at": answer["erased_at"], "signed": [row.id]}
    assert "erase-confirmation" in admin.said
    changes = await events(database, organisation, of="admin.changed")
    assert [(change["change"], change["person"]) for change in changes] == [
        ("person.revoked", anna),
        ("person.erased", anna),
    ]
    assert [event["person"] for event in await events(database, organisation, of="credential.revoked")] == [anna]
    async with database.read() as tx:
        assert (await find_person(tx, organisation, anna)).revoked_at is not None
        passkeys = [passkey for passkey in await list_credentials(tx, organisation) if passkey.person_id == anna]
    assert [passkey.revoked_at is None for passkey in passkeys] == [False]
    with pytest.raises(Malformed, match=r"policy\.unknown_approver"):
        await acme.ask(secrets.token_hex(16), approvers=["anna@example.com"])


async def test_whoever_voted_again_signed_it_once(admin, acme, database):
    row = await acme.ask(secrets.token_hex(16), approvers=["anna@example.com", "ben@example.com"], threshold=2)
    for name in ("anna", "ben", "anna"):
        _, vote = await acme.sign(row.id, name)
        assert (await record_vote(acme.deployment, row.id, vote)).answer.accepted
        if name == "anna":
            await acme.enrol("anna")
            await admin("revoke-credential", vote.credential)
    async with database.read() as tx:
        assert len(await list_votes(tx, row.id, with_voided=True)) == 3
    assert (await admin("erase-person", acme.organisation.id, "anna@example.com"))["signed"] == [row.id]


async def test_who_was_revoked_before_is_erased_too(admin, acme, database):
    await admin("revoke-person", acme.organisation.id, "anna@example.com")
    answer = await admin("erase-person", acme.organisation.id, acme.people["anna"].id)
    assert answer["signed"] == []
    assert "erase-confirmation" not in admin.said
    changes = await events(database, acme.organisation.id, of="admin.changed")
    assert [change["change"] for change in changes] == ["person.revoked", "person.erased"]


async def test_a_person_is_erased_once(admin, acme):
    anna = acme.people["anna"].id
    await admin("erase-person", acme.organisation.id, "anna@example.com")
    for named in (anna, f"{anna}@erased.invalid"):
        assert await admin.refusal("erase-person", acme.organisation.id, named) == "person.erased"
    assert await admin.refusal("erase-person", acme.organisation.id, "anna@example.com") == "person.unknown"
    assert await admin.refusal("erase-person", acme.organisation.id, "nobody@example.com") == "person.unknown"


async def test_somebody_of_another_organisation_is_not_erased(admin, acme, database):
    other = await admin("create-organisation", secrets.token_hex(8), "--owner-email", "anna@example.com")
    await admin("erase-person", other["organisation"], "anna@example.com")
    assert await admin.refusal("erase-person", other["organisation"], acme.people["anna"].id) == "person.unknown"
    async with database.read() as tx:
        assert (await find_person(tx, acme.organisation.id, "anna@example.com")).name == "Anna"


async def test_what_an_erased_person_signed_can_still_be_proven(admin, acme):
    row = await approved(acme, "anna", "ben")
    trust, _ = await propose_trust(acme.deployment, acme.organisation.id)
    await admin("erase-person", acme.organisation.id, "anna@example.com")
    evidence = await read_evidence(acme.deployment, row.id)
    verdict = verify(evidence, trust, expected_payload=None, now=datetime.now(UTC))
    assert (verdict.decision, {signer.person for signer in verdict.signers}) == (
        "approved",
        {acme.people["anna"].id, acme.people["ben"].id},
    )
    standing = await read_standing(acme.deployment, row.id)
    assert not standing.usable


async def test_an_erased_persons_address_can_be_given_anew(admin, acme):
    await admin("erase-person", acme.organisation.id, "anna@example.com")
    invited = await admin("invite", acme.organisation.id, "anna@example.com", "--name", "Anna")
    assert invited["person"] != acme.people["anna"].id
