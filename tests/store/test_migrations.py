import asyncio
import subprocess
import sys

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.types import BigInteger

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.leaf import Leaf, commitment
from store.confirmations import get_confirmation
from store.credentials import get_credentials
from store.database import Database, _alembic_config
from store.events import list_events
from store.log import list_waiting
from store.log_schema import log_tree
from store.organisations import find_person, list_organisations
from store.schema import Moment
from store.votes import find_link

# Says when it is ready, then waits for all the others to be.
MIGRATE = """
import asyncio, sys
from store.database import Database
database = Database(sys.argv[1])
print(flush=True)
sys.stdin.readline()
asyncio.run(database.migrate())
"""


# A person's change, a request and its vote, as revision 0002 kept them.
BEFORE_THE_LOG = """
INSERT INTO organisations (id, name, sequence, created_at) VALUES ('o', 'Acme', 3, 0);
INSERT INTO confirmations (id, organisation_id, owner, ask_hash, terms, terms_hash, payload, policy, note, claim,
    external_id, status, created_at, deadline, valid_until)
    VALUES ('c', 'o', 'key:1', :raw, :raw, :raw, :raw, :raw, '', '', '', 'pending', 0, 61, 62);
INSERT INTO outbox (id, organisation_id, sequence, type, confirmation_id, record, created_at)
    VALUES ('e1', 'o', 1, 'admin.changed', NULL, :raw, 0), ('e2', 'o', 2, 'confirmation.requested', 'c', :raw, 1),
    ('e3', 'o', 3, 'confirmation.voted', 'c', :raw, 2)
"""


# Two passkeys as revision 0003 kept them, of which only the first one's enrolment was an event.
BEFORE_ENROLMENTS_WERE_NAMED = """
INSERT INTO organisations (id, name, sequence, created_at) VALUES ('o', 'Acme', 1, 0);
INSERT INTO people (id, organisation_id, email, name, role, created_at)
    VALUES ('p', 'o', 'a@example.com', 'A', 'owner', 0);
INSERT INTO credentials (id, organisation_id, person_id, public_key, backup_eligible, backed_up, sign_count, aaguid,
    transports, created_at) VALUES (:first, 'o', 'p', :raw, :no, :no, 0, :raw, '', 0),
    (:second, 'o', 'p', :raw, :no, :no, 0, :raw, '', 0);
INSERT INTO events (id, organisation_id, sequence, type, confirmation_id, salt, record, created_at)
    VALUES ('e1', 'o', 1, 'credential.enrolled', NULL, :raw, :record, 0)
"""

# A link as revision 0004 kept it, of which nobody knows whether it was sent.
BEFORE_LINKS_VERIFIED_ADDRESSES = """
INSERT INTO organisations (id, name, sequence, created_at) VALUES ('o', 'Acme', 1, 0);
INSERT INTO people (id, organisation_id, email, name, role, created_at)
    VALUES ('p', 'o', 'a@example.com', 'A', 'owner', 0);
INSERT INTO confirmations (id, organisation_id, owner, ask_hash, request_event, terms, terms_hash, payload, policy,
    note, claim, external_id, status, created_at, deadline, valid_until)
    VALUES ('c', 'o', 'key:1', :raw, 'e', :raw, :raw, :raw, :raw, '', '', '', 'pending', 0, 61, 62);
INSERT INTO links (token_hash, confirmation_id, person_id, created_at) VALUES (:hash, 'c', 'p', 0)
"""


async def tables(database: Database) -> set[str]:
    async with database.read() as tx:
        return set(await tx.run_sync(lambda plain: inspect(plain).get_table_names()))


async def test_up_down_and_up_again(empty_url):
    database = Database(empty_url)
    assert not await database.is_migrated()
    await database.migrate()
    await database.migrate()
    assert await database.is_migrated()
    assert await tables(database) == {*log_tree.metadata.tables, "alembic_version"}
    await asyncio.to_thread(command.downgrade, _alembic_config(database.url), "base")
    assert await tables(database) == {"alembic_version"}
    assert not await database.is_migrated()
    await database.migrate()
    async with database.read() as tx:
        assert await list_organisations(tx) == []
    await database.close()


async def test_what_waited_before_there_was_a_log_is_carried_over(empty_url):
    database = Database(empty_url)
    await asyncio.to_thread(command.upgrade, _alembic_config(database.url), "0002")
    async with database.write() as tx:
        for statement in BEFORE_THE_LOG.split(";"):
            await tx.execute(text(statement), {"raw": b"{}"} if ":raw" in statement else {})
    await database.migrate()
    async with database.read() as tx:
        found, waiting = await list_events(tx, "o"), await list_waiting(tx, limit=9)
        row = await get_confirmation(tx, "c")
    assert [(event.id, event.sequence, event.record) for event in found] == [
        ("e1", 1, b"{}"),
        ("e2", 2, b"{}"),
        ("e3", 3, b"{}"),
    ]
    leaves = [Leaf.parse(leaf.leaf) for leaf in waiting]
    assert [leaf.id for leaf in leaves] == ["e1", "e2", "e3"]
    assert [leaf.public for leaf in leaves] == [{}, {"deadline": "1970-01-01T00:02:00Z"}, {"request": "e2"}]
    assert [leaf.record for leaf in leaves] == [commitment(event.salt, event.record) for event in found]
    assert len({event.salt for event in found}) == 3
    assert row.request_event == "e2"
    await database.close()


async def test_passkeys_learn_which_event_enrolled_them(empty_url):
    database, first, second = Database(empty_url), b"\xff first", b"second"
    await asyncio.to_thread(command.upgrade, _alembic_config(database.url), "0003")
    record = canonicalise({"event": "credential.enrolled", "credential": b64u(first)})
    values = {"first": first, "second": second, "raw": b"x", "no": False, "record": record}
    async with database.write() as tx:
        for statement in BEFORE_ENROLMENTS_WERE_NAMED.split(";"):
            await tx.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
    await database.migrate()
    async with database.read() as tx:
        known = {passkey.id: passkey for passkey in await get_credentials(tx, [first, second])}
    assert (known[first].enrolled_event, known[first].revoked_event) == ("e1", None)
    assert known[second].enrolled_event is None
    await database.close()


async def test_a_link_from_before_verifies_no_address(empty_url):
    database = Database(empty_url)
    await asyncio.to_thread(command.upgrade, _alembic_config(database.url), "0004")
    values = {"raw": b"{}", "hash": sha256(b"token")}
    async with database.write() as tx:
        for statement in BEFORE_LINKS_VERIFIED_ADDRESSES.split(";"):
            await tx.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
    await database.migrate()
    async with database.read() as tx:
        link = await find_link(tx, "c", "token")
        person = await find_person(tx, "o", "p")
    assert (link.person, link.delivered) == ("p", False)
    assert (person.name, person.email_verified_at) == ("A", None)
    await database.close()


async def test_the_migrations_make_what_the_code_expects(fresh):
    def same_type(context, inspected, declared, inspected_type, declared_type):
        # A Moment is kept as a BigInteger; anything else is compared as alembic does.
        return not isinstance(inspected_type, BigInteger) if isinstance(declared_type, Moment) else None

    def differences(plain):
        options = {"compare_type": same_type, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(plain, opts=options), log_tree.metadata)

    async with fresh.read() as tx:
        assert await tx.run_sync(differences) == []


async def test_the_rules_that_indexes_keep_are_there(fresh):
    def partial(plain):
        found = inspect(plain).get_indexes("votes")
        return {
            index["name"]: str(next(v for k, v in index["dialect_options"].items() if k.endswith("_where")))
            for index in found
            if index["unique"] and index["column_names"][0] == "confirmation_id"
        }

    async with fresh.read() as tx:
        found = await tx.run_sync(partial)
    assert set(found) == {"uq_votes_person_id", "uq_votes_seat", "uq_votes_credential_id"}
    assert all("voided_at IS NULL" in where for where in found.values())


async def test_processes_that_start_together_migrate_once(empty_url):
    def start():
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen([sys.executable, "-c", MIGRATE, empty_url], text=True, **pipes)

    processes = [start() for _ in range(4)]
    for process in processes:
        await asyncio.to_thread(process.stdout.readline)
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [(await asyncio.to_thread(process.communicate))[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    database = Database(empty_url)
    assert await database.is_migrated()
    await database.close()
