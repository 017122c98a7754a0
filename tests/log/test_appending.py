"""Leaves get into the tree once, in order, and into no tree that is not whole."""

import asyncio
import re

import pytest
from sqlalchemy import select, text

from activities.appending import BATCH, Appender
from cosignet.core.encoding import sha256
from cosignet.core.tiles import root_of, tiles_for
from cosignet.errors import Unavailable
from store.database import Database
from store.log import find_leaf, get_tree, list_waiting, read_tiles, set_read_only
from store.log_schema import log_entries
from tests.databases import KINDS
from tests.log.leaves import leaf_of
from tests.publishing import publisher_of
from tests.unit import naive_tree

GENESIS = 2


async def entries(log):
    async with log.database.read() as tx:
        rows = await tx.execute(select(log_entries).order_by(log_entries.c.leaf_index))
        return [(row.leaf_index, row.event_id, row.leaf) for row in rows]


async def require_whole(log):
    """The tree is that of its entries, told without looking at a tile, and nothing waits."""
    found, tree = await entries(log), await log.tree()
    assert [index for index, _, _ in found] == list(range(tree.size))
    assert tree.root == naive_tree.root([leaf for _, _, leaf in found])
    async with log.database.read() as tx:
        assert await list_waiting(tx, limit=1) == []
    return found


async def refusal(appender):
    with pytest.raises(Unavailable) as caught:
        await appender.append_to_log()
    return caught.value.code


async def test_leaves_are_appended_in_the_order_they_were_recorded(log):
    recorded = [event for number in (1, 2, 253, 1, 255, 1) for event in await log.grow(number)]
    found = await require_whole(log)
    assert [event for _, event, _ in found[GENESIS:]] == recorded
    assert [leaf for _, _, leaf in found[GENESIS:]] == [leaf_of(event) for event in recorded]
    async with log.database.read() as tx:
        assert await find_leaf(tx, recorded[7]) == GENESIS + 7
        assert await find_leaf(tx, "unknown") is None


async def test_more_than_one_batch_is_appended_at_once(log):
    assert len(await log.grow(2 * BATCH + 3)) + GENESIS == (await log.tree()).size
    await require_whole(log)


async def test_nothing_to_append_changes_nothing(log):
    await log.grow()
    before = await log.tree()
    await log.appender.append_to_log()
    assert await log.tree() == before


async def test_hundreds_at_once_wait_for_a_few_transactions(log, monkeypatch):
    batches = []
    append = log.appender._append_batch

    async def counting():
        batches.append(await append())
        return batches[-1]

    monkeypatch.setattr(log.appender, "_append_batch", counting)

    async def one():
        (event,) = await log.record()
        await log.appender.append_to_log()
        async with log.database.read() as tx:
            assert await find_leaf(tx, event) is not None

    await asyncio.gather(*(one() for _ in range(200)))
    await require_whole(log)
    assert len(batches) < 100


async def test_appenders_of_several_processes_do_not_meet(log, url):
    others = [Database(url) for _ in range(4)]
    appenders = [log.appender, *map(Appender, others)]

    async def work(appender):
        for _ in range(15):
            await log.record(3)
            await appender.append_to_log()

    await asyncio.gather(*map(work, appenders))
    for other in others:
        await other.close()
    assert len(await require_whole(log)) == GENESIS + 5 * 15 * 3


async def test_whoever_fails_leaves_the_turn_to_the_next(log, monkeypatch):
    append = log.appender._append_batch
    failing = [True]

    async def fails_once():
        if failing:
            failing.clear()
            raise Unavailable("database.unavailable", "away for a moment")
        return await append()

    monkeypatch.setattr(log.appender, "_append_batch", fails_once)
    await log.record(5)
    results = await asyncio.gather(*(log.appender.append_to_log() for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results].count(Unavailable) == 1
    await require_whole(log)


async def test_a_crash_in_the_middle_leaves_everything_to_be_appended(log, monkeypatch):
    await log.record(3)
    before = await log.tree()

    async def dies(*arguments):
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr("activities.appending.move_leaves", dies)
        with pytest.raises(asyncio.CancelledError):
            await log.appender.append_to_log()
    assert await log.tree() == before
    await log.appender.append_to_log()
    assert len(await require_whole(log)) == GENESIS + 3


async def test_nothing_is_appended_before_the_log_is_founded(url):
    database = Database(url)
    await database.migrate()
    assert await refusal(Appender(database)) == "log.unfounded"
    await database.close()


async def test_nothing_is_appended_while_the_log_is_read_only(log):
    await log.record()
    async with log.database.write() as tx:
        await set_read_only(tx, "a test says so")
    before = await log.tree()
    assert await refusal(log.appender) == "log.read_only"
    assert await log.tree() == before
    async with log.database.write() as tx:
        await set_read_only(tx, "")
    await log.appender.append_to_log()
    await require_whole(log)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_tree SET root = :bytes, size = size + 1",
        "UPDATE log_tiles SET hashes = :bytes WHERE level = 0",
        "DELETE FROM log_tiles WHERE level = 0",
    ],
)
async def test_a_damaged_edge_is_not_grown(log, url, damage):
    await log.grow(5)
    await log.record()
    async with log.database.write() as tx:
        await unprotect(tx)
        await tx.execute(text(damage), {"bytes": sha256(b"something else")} if ":bytes" in damage else {})
    before = await entries(log)
    assert await refusal(log.appender) == "log.damaged"
    assert await entries(log) == before


async def unprotect(tx):
    """As an attacker who owns the database."""
    if tx.dialect.name == "postgresql":
        for table in ("log_tree", "log_tiles", "log_entries", "log_heads"):
            await tx.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for name in (await tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))).scalars().all():
        await tx.execute(text(f"DROP TRIGGER {name}"))


async def test_every_tile_is_there_at_sizes_around_full_ones(log):
    await log.appender.append_to_log()
    for size in (255, 256, 257, 511, 512, 513):
        await log.grow(size - (await log.tree()).size)
        async with log.database.read() as tx:
            tree = await get_tree(tx)
            assert tree.size == size
            tiles = await read_tiles(tx, tiles_for([(0, size)]))
        assert tree.root == root_of(size, tiles)
    await require_whole(log)


CHANGES = {
    "UPDATE log_entries SET leaf = :bytes WHERE leaf_index = 1": "never changes",
    "UPDATE log_entries SET leaf_index = 99 WHERE leaf_index = 1": "never changes",
    "UPDATE log_entries SET event_id = 'other' WHERE leaf_index = 1": "never changes",
    "DELETE FROM log_entries WHERE leaf_index = 1": "never deleted",
    "DELETE FROM log_entries": "never deleted",
    "UPDATE log_tiles SET hashes = :bytes": "only grows",
    "UPDATE log_tiles SET hashes = substr(hashes, 1, 32)": "only grows",
    "UPDATE log_tiles SET number = 7": "only grows",
    "UPDATE log_tiles SET level = 3": "only grows",
    "DELETE FROM log_tiles": "never deleted",
    "UPDATE log_tree SET size = size - 1": "only grows",
    "UPDATE log_tree SET root = :bytes": "only grows",
    "UPDATE log_tree SET id = 2": "only grows",
    "DELETE FROM log_tree": "never deleted",
    "UPDATE log_heads SET root = :bytes": "never another one",
    "UPDATE log_heads SET size = size + 1": "never another one",
    "UPDATE log_heads SET origin = 'other'": "never another one",
    "DELETE FROM log_heads": "never deleted",
}
REPLACEMENTS = {
    "sqlite": [
        "INSERT OR REPLACE INTO log_entries SELECT leaf_index, 'other', leaf FROM log_entries WHERE leaf_index = 1",
        "INSERT OR REPLACE INTO log_entries SELECT 99, event_id, leaf FROM log_entries WHERE leaf_index = 1",
        "INSERT OR REPLACE INTO log_tiles SELECT level, number, :bytes FROM log_tiles",
        "INSERT OR REPLACE INTO log_tree SELECT id, origin, 0, root, read_only FROM log_tree",
        "INSERT OR REPLACE INTO log_heads SELECT origin, size, :bytes, note, signed_at, kept FROM log_heads",
    ],
    "postgresql": [f"TRUNCATE {table}" for table in ("log_entries", "log_tiles", "log_tree", "log_heads")],
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_database_itself_refuses_to_change_what_is_in_the_log(log, kind):
    if kind != log.database._engine.dialect.name:
        return
    await log.grow(3)
    await log.publisher.step()
    before = await entries(log), await log.tree(), await log.head()
    expected = CHANGES | dict.fromkeys(REPLACEMENTS[kind], "never")
    for change, why in expected.items():
        with pytest.raises(Exception, match=re.escape(why)):
            async with log.database.write() as tx:
                await tx.execute(text(change), {"bytes": sha256(b"other")} if ":bytes" in change else {})
    assert (await entries(log), await log.tree(), await log.head()) == before


async def test_two_processes_found_one_log(url, tmp_path):
    databases = [Database(url) for _ in range(4)]
    await databases[0].migrate()
    await asyncio.gather(*(publisher_of(database, tmp_path).begin() for database in databases))
    await Appender(databases[0]).append_to_log()
    async with databases[0].read() as tx:
        assert (await get_tree(tx)).size == GENESIS
    for database in databases:
        await database.close()
