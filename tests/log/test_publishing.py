"""Heads are signed of the one tree that continues what was signed before, and of no other."""

import asyncio
import shutil
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.appending import Appender
from activities.publishing import MAX_SETBACK
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.leaf import Leaf, public_keys
from cosignet.core.log_keys import Kind, LogKey, open_checkpoint
from cosignet.errors import Unavailable
from store.database import Database, database_clock
from store.heads import active_keys, write_head
from store.log import get_tree
from store.log_schema import log_entries
from tests.acme import ORIGIN
from tests.log.test_appending import unprotect
from tests.publishing import publisher_of

ORIGIN_OF_LOG = ORIGIN.removeprefix("http://") + "/public/log"


async def keys_of(log):
    async with log.database.read() as tx:
        return [LogKey.parse(vkey) for vkey in await active_keys(tx)]


async def refusal(publisher):
    with pytest.raises(Unavailable) as caught:
        await publisher.step()
    return caught.value


async def require_refused(log, publisher, why):
    """It signs nothing, says why, and lets nothing be appended either."""
    async with publisher._database.read() as tx:
        heads = (await tx.execute(text("SELECT size, note FROM log_heads ORDER BY size"))).all()
    error = await refusal(publisher)
    assert error.code == "log.read_only"
    assert why in error.detail
    async with publisher._database.read() as tx:
        signed = await tx.execute(text("SELECT size, note FROM log_heads WHERE note IS NOT NULL ORDER BY size"))
        assert signed.all() == [head for head in heads if head.note is not None]
        assert why in (await get_tree(tx)).read_only
    with pytest.raises(Unavailable):
        await Appender(publisher._database).append_to_log()


async def test_a_new_log_begins_with_what_it_is_and_who_signs_it(log):
    await log.publisher.step()
    keys = await keys_of(log)
    async with log.database.read() as tx:
        leaves = (await tx.execute(log_entries.select().order_by(log_entries.c.leaf_index))).all()
    genesis, rotated = (Leaf.parse(row.leaf) for row in leaves)
    assert genesis.public == {"origin": ORIGIN_OF_LOG, "keys": public_keys(keys), "previous": ""}
    assert (genesis.event, rotated.event) == ("log.genesis", "key.rotated")
    assert {key.kind for key in keys} == {Kind.ED25519, Kind.ML_DSA_44}


async def test_a_head_bears_the_signature_of_every_key(log):
    await log.grow(5)
    await log.publisher.step()
    head, tree = await log.head(), await log.tree()
    checkpoint, signed = open_checkpoint(head.note, await keys_of(log))
    assert checkpoint == Checkpoint(ORIGIN_OF_LOG, 7, tree.root)
    assert set(signed) == set(await keys_of(log))
    times = {key.kind: time for key, time in signed.items()}
    assert times == {Kind.ED25519: 0, Kind.ML_DSA_44: int(head.signed_at.timestamp())}
    assert log.publisher._mark.read() == checkpoint


async def test_what_waits_is_appended_and_signed(log):
    await log.publisher.step()
    await log.record(3)
    await log.publisher.step()
    assert (await log.head()).size == (await log.tree()).size == 5


async def test_what_has_not_grown_is_signed_anew_at_the_interval(log):
    await log.publisher.step()
    first = await log.head()
    await log.publisher.step()
    assert await log.head() == first
    await asyncio.sleep(1)
    often = publisher_of(log.database, log.folder, interval=0)
    await often.step()
    second = await log.head()
    assert (second.size, second.root) == (first.size, first.root)
    assert second.signed_at > first.signed_at
    assert second.note != first.note


async def test_one_head_an_interval_is_kept_and_the_others_go_when_a_larger_one_is_signed(log):
    async def signed():
        async with log.database.read() as tx:
            rows = await tx.execute(text("SELECT size FROM log_heads WHERE note IS NOT NULL ORDER BY size"))
            return list(rows.scalars())

    for _ in range(4):
        await log.grow()
        await log.publisher.step()
    assert await signed() == [3, 6]

    async def later(tx):
        return await database_clock(tx) + timedelta(seconds=11)

    log.database.clock = later
    for _ in range(3):
        await log.grow()
        await log.publisher.step()
    assert await signed() == [3, 7, 9]


@pytest.mark.parametrize("crash", ["mark", "sign"])
async def test_a_crash_before_the_signature_leaves_the_head_to_be_signed_later(log, monkeypatch, crash):
    await log.publisher.step()
    await log.grow()

    def dies(*arguments, **named):
        raise OSError("the power is gone")

    with monkeypatch.context() as patched:
        target = "activities.mark.MarkFile.advance" if crash == "mark" else "cosignet.core.log_keys.SigningKey.sign"
        patched.setattr(target, dies)
        with pytest.raises(OSError, match="power"):
            await log.publisher.step()
    assert (await log.head()).size == 2
    await log.grow()
    await log.publisher.step()
    assert (await log.head()).size == 4


async def snapshot(log):
    """A copy of the database as of now, as a backup has it, and the way back to it."""
    async with log.database.read() as tx:
        tables = ("outbox", "log_entries", "log_tiles", "log_tree", "log_heads")
        saved = {table: (await tx.execute(text(f"SELECT * FROM {table}"))).mappings().all() for table in tables}  # noqa: S608

    async def restore():
        async with log.database.write() as tx:
            await unprotect(tx)
            for table, rows in saved.items():
                await tx.execute(text(f"DELETE FROM {table}"))  # noqa: S608
                for row in rows:
                    names = ", ".join(row)
                    values = ", ".join(f":{name}" for name in row)
                    await tx.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), dict(row))  # noqa: S608

    return restore


@pytest.mark.parametrize("grown", [0, 1, 2, 3, 4, 5, 8, 13, 30, 300])
async def test_a_restored_backup_is_not_signed_however_far_it_has_grown_again(log, grown):
    await log.publisher.step()
    restore = await snapshot(log)
    await log.grow(3)
    await log.publisher.step()
    await restore()
    if grown:
        await log.grow(grown)
    why = "it is an old one" if grown < 3 else "are not those that were signed"
    await require_refused(log, log.publisher_of(log.database), why)


async def test_the_right_database_is_signed_again(log):
    await log.publisher.step()
    await log.grow(3)
    good = await snapshot(log)
    await log.publisher.step()
    published = log.publisher._mark.read()
    async with log.database.write() as tx:
        await unprotect(tx)
        await tx.execute(text("UPDATE log_tree SET size = 2"))
    await require_refused(log, log.publisher, "it is an old one")
    await good()
    async with log.database.write() as tx:
        await tx.execute(text("UPDATE log_tree SET read_only = 'as it was said'"))
    await log.publisher.step()
    assert (await log.tree()).read_only == ""
    assert (await log.head()).head == published.head
    await log.grow()
    await log.publisher.step()


async def test_without_the_mark_nothing_is_signed_that_continues_other_heads(log):
    await log.publisher.step()
    await log.grow()
    (log.folder / "log.mark").unlink()
    await require_refused(log, log.publisher, "mark is missing")


async def test_a_mark_that_went_back_is_not_believed(log):
    await log.publisher.step()
    shutil.copy(log.folder / "log.mark", log.folder / "old.mark")
    await log.grow()
    await log.publisher.step()
    shutil.copy(log.folder / "old.mark", log.folder / "log.mark")
    await log.grow()
    await require_refused(log, log.publisher, "the high-water mark says 2")


async def test_the_mark_of_another_log_is_not_believed(log):
    await log.publisher.step()
    mark = log.publisher._mark.read()
    log.publisher._mark.advance(Checkpoint("log.example.com", mark.size, mark.root))
    await log.grow()
    await require_refused(log, log.publisher, "log.example.com")


async def test_another_root_that_was_written_down_is_not_signed_over(log):
    await log.publisher.step()
    await log.grow()
    tree = await log.tree()
    async with log.database.write() as tx:
        assert await write_head(tx, Checkpoint(tree.origin, tree.size, bytes(32)))
        assert not await write_head(tx, Checkpoint(tree.origin, *tree.head))
    await require_refused(log, log.publisher, "another root")


async def test_entries_that_were_changed_are_not_signed(log):
    await log.grow(300)
    await log.publisher.step()
    async with log.database.write() as tx:
        await unprotect(tx)
        await tx.execute(text("DELETE FROM log_tiles WHERE level = 1"))
    await require_refused(log, log.publisher_of(log.database), "are not those that were signed")


async def test_signatures_never_go_back_in_time(log):
    await log.publisher.step()
    first = await log.head()
    setback = timedelta(seconds=30)

    async def back(tx):
        return await database_clock(tx) - setback

    log.database.clock = back
    await log.grow()
    await log.publisher.step()
    assert (await log.head()).signed_at == first.signed_at
    setback = MAX_SETBACK + timedelta(seconds=30)
    await log.grow()
    await require_refused(log, log.publisher, "the clock went back")
    log.database.clock = database_clock
    await log.publisher.step()
    assert (await log.head()).size == 4


async def test_a_log_that_is_gone_is_not_founded_again(log, tmp_path):
    await log.publisher.step()
    other = Database(f"sqlite:///{tmp_path}/other.db")
    await other.migrate()
    with pytest.raises(Unavailable) as caught:
        await log.publisher_of(other).begin()
    assert caught.value.code == "log.lost"
    await other.close()


async def test_one_process_at_a_time_holds_the_mark(log):
    other = log.publisher_of(log.database)
    with log.publisher._mark.held():
        with pytest.raises(Unavailable) as caught, other._mark.held():
            pass
        assert caught.value.code == "log.other_publisher"
    with other._mark.held():
        pass


async def test_two_publishers_of_one_database_never_sign_two_trees(log, url):
    """As when the one that lost its place has not noticed yet."""
    databases = [Database(url) for _ in range(3)]
    publishers = [log.publisher_of(database) for database in databases]

    async def work(publisher):
        for _ in range(10):
            await log.record()
            with suppress(Unavailable):
                await publisher.step()

    await asyncio.gather(*map(work, publishers))
    for database in databases:
        await database.close()
    async with log.database.read() as tx:
        heads = (await tx.execute(text("SELECT size, root, note FROM log_heads WHERE note IS NOT NULL"))).all()
        assert (await get_tree(tx)).read_only == ""
    keys = await keys_of(log)
    for head in heads:
        checkpoint, _ = open_checkpoint(bytes(head.note), keys)
        assert checkpoint.head == (head.size, bytes(head.root))
