"""A database that fell behind is brought forward from a copy, or goes on under another name; never by forgetting."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from activities.closing import close_confirmation, consume_confirmation, read_standing
from activities.recovering import continue_log, restore_log
from activities.voting import record_vote
from api.main import create_app
from cosignet.cli import FINE, main
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.encoding import sha256
from cosignet.core.leaf import Leaf, public_head, public_keys
from cosignet.core.log_keys import LogKey, open_checkpoint
from cosignet.errors import Conflict, CosignetError
from store.log import read_leaves
from tests.acme import found_acme
from tests.api.live import serving
from tests.api.world import StandIn
from tests.log.test_appending import require_whole
from tests.log.test_publishing import keys_of, require_refused, snapshot


@asynccontextmanager
async def served(log):
    """The log over HTTP, on a real socket."""
    acme = await found_acme(log.database)
    async with serving(create_app(acme.deployment, StandIn(acme))) as url:
        yield f"{url}/public/log"


async def mirrored(log, url, folder, *options):
    """What `cosignet fsck --mirror` says of the log."""
    keys = [argument for key in await keys_of(log) for argument in ("--key", key.to_text())]
    return await asyncio.to_thread(main, ["fsck", url, *keys, "--mirror", str(folder), *options])


@pytest.fixture
async def lost(log, tmp_path):
    """A log whose database was restored from a backup, and a copy of everything that was signed."""
    await log.publisher.step()
    await log.grow(20)
    await log.publisher.step()
    backup = await snapshot(log)
    await log.grow(500)
    await log.publisher.step()
    async with served(log) as url:
        assert await mirrored(log, url, tmp_path / "mirror") == FINE
    await backup()
    return log


async def test_a_copy_brings_the_database_forward(lost, tmp_path):
    publisher = lost.publisher_of(lost.database)
    await require_refused(lost, publisher, "it is an old one")
    head = await restore_log(publisher._deployment, publisher._mark, tmp_path / "mirror")
    assert (await lost.tree()).head == head.head == publisher._mark.read().head
    await publisher.step()
    await lost.grow(3)
    await publisher.step()
    await require_whole(lost)
    assert (await lost.head()).size == head.size + 3


async def test_what_waited_and_is_in_the_copy_is_not_appended_twice(log, tmp_path):
    await log.publisher.step()
    await log.record(5)
    backup = await snapshot(log)
    await log.publisher.step()
    async with served(log) as url:
        assert await mirrored(log, url, tmp_path / "mirror") == FINE
    await backup()
    publisher = log.publisher_of(log.database)
    await restore_log(publisher._deployment, publisher._mark, tmp_path / "mirror")
    await publisher.step()
    await require_whole(log)
    assert (await log.tree()).size == 7


async def refusal(log, mirror):
    publisher = log.publisher_of(log.database)
    before = await log.tree()
    with pytest.raises(CosignetError) as caught:
        await restore_log(publisher._deployment, publisher._mark, mirror)
    assert await log.tree() == before
    return caught.value.code


def spoil_checkpoint(mirror):
    note = (mirror / "checkpoint").read_bytes()
    (mirror / "checkpoint").write_bytes(note.replace(b"522", b"523", 1))


def spoil_leaf(mirror):
    file = mirror / "tile/entries/001"
    file.write_bytes(file.read_bytes().replace(b"2026-01-31", b"2026-01-30", 1))


def drop_checkpoint(mirror):
    (mirror / "checkpoint").unlink()


def drop_bundle(mirror):
    (mirror / "tile/entries/001").unlink()


def cut_bundle(mirror):
    file = mirror / "tile/entries/001"
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (spoil_checkpoint, "log.signature"),
        (spoil_leaf, "log.mirror"),
        (drop_checkpoint, "log.mirror"),
        (drop_bundle, "log.mirror"),
        (cut_bundle, "log.entry"),
    ],
)
async def test_a_copy_that_is_not_whole_is_refused(lost, tmp_path, spoil, code):
    spoil(tmp_path / "mirror")
    assert await refusal(lost, tmp_path / "mirror") == code


async def test_a_copy_that_ends_before_the_mark_is_refused(log, tmp_path):
    await log.publisher.step()
    backup = await snapshot(log)
    await log.grow(3)
    await log.publisher.step()
    async with served(log) as url:
        assert await mirrored(log, url, tmp_path / "mirror") == FINE
    await log.grow(3)
    await log.publisher.step()
    await backup()
    assert await refusal(log, tmp_path / "mirror") == "log.mirror"


async def test_a_database_that_has_grown_another_way_is_refused(lost, tmp_path):
    await lost.grow(2)
    assert await refusal(lost, tmp_path / "mirror") == "log.mirror"


async def test_nothing_is_restored_while_somebody_signs(lost, tmp_path):
    publisher = lost.publisher_of(lost.database)
    with publisher._mark.held():
        assert await refusal(lost, tmp_path / "mirror") == "log.other_publisher"


async def test_what_the_copy_says_has_ended_or_was_used_stays_so(log, tmp_path):
    acme = await found_acme(log.database)
    running = asyncio.create_task(keep_publishing(log))
    pending, open_ = await acme.ask("0" * 32), await acme.ask("1" * 32)
    used = await acme.ask("2" * 32)
    _, vote = await acme.sign(used.id, "anna")
    await record_vote(acme.deployment, used.id, vote)
    running.cancel()
    backup = await whole_snapshot(log)
    running = asyncio.create_task(keep_publishing(log))
    await close_confirmation(acme.deployment, pending.id, "cancelled")
    await consume_confirmation(acme.deployment, used.id, sha256(used.payload), "the worker")
    async with served(log) as url:
        await log.publisher.step()
        assert await mirrored(log, url, tmp_path / "mirror") == FINE
    running.cancel()
    await backup()
    publisher = log.publisher_of(log.database)
    await restore_log(publisher._deployment, publisher._mark, tmp_path / "mirror")
    statuses = {row.id: await read_standing(acme.deployment, row.id) for row in (pending, open_, used)}
    assert [statuses[row.id].row.announced for row in (pending, open_, used)] == ["cancelled", "pending", "approved"]
    assert not statuses[used.id].usable
    with pytest.raises(Conflict) as caught:
        await consume_confirmation(acme.deployment, used.id, sha256(used.payload), "another worker")
    assert caught.value.code == "confirmation.consumed"


async def keep_publishing(log):
    while True:
        await log.publisher.step()
        await asyncio.sleep(0.01)


async def whole_snapshot(log):
    restore = await snapshot(log)
    async with log.database.read() as tx:
        rows = (await tx.execute(text("SELECT id, status, consumer FROM confirmations"))).all()

    async def back():
        await restore()
        async with log.database.write() as tx:
            for row in rows:
                values = {"id": row.id, "status": row.status, "consumer": row.consumer}
                change = "UPDATE confirmations SET status = :status, consumer = :consumer WHERE id = :id"
                await tx.execute(text(change), values)

    return back


async def test_a_log_goes_on_under_another_name(lost, tmp_path):
    await lost.grow(2)
    publisher = lost.publisher_of(lost.database)
    await require_refused(lost, publisher, "it is an old one")
    last, old_keys = publisher._mark.read(), await keys_of(lost)
    origin = "localhost:8420/public/log/2"
    vkeys = await continue_log(publisher._deployment, publisher._mark, publisher._key_file, origin)
    await publisher.step()
    keys = [LogKey.parse(vkey) for vkey in vkeys]
    assert not set(keys) & set(old_keys)
    head = await lost.head()
    checkpoint, signed = open_checkpoint(head.note, keys)
    assert (checkpoint.origin, set(signed)) == (origin, set(keys))
    async with lost.database.read() as tx:
        genesis = Leaf.parse((await read_leaves(tx, head.size - 1, head.size))[0])
    assert genesis.public == {"origin": origin, "keys": public_keys(keys), "previous": public_head(last)}
    await lost.grow(2)
    await publisher.step()
    await require_whole(lost)
    async with served(lost) as url:
        assert await mirrored(lost, url, tmp_path / "new") == FINE


@pytest.mark.parametrize("origin", ["", "with space", "with+plus", "localhost:8420/public/log"])
async def test_other_names_are_names_and_others(log, origin):
    await log.publisher.step()
    publisher = log.publisher
    with pytest.raises(CosignetError) as caught:
        await continue_log(publisher._deployment, publisher._mark, publisher._key_file, origin)
    assert caught.value.code == "log.origin"
    await publisher.step()


async def test_a_mark_of_the_old_name_stops_the_new_one(log):
    await log.publisher.step()
    publisher, old = log.publisher, log.publisher._mark.read()
    await continue_log(publisher._deployment, publisher._mark, publisher._key_file, "localhost/2")
    publisher._mark.advance(Checkpoint(old.origin, old.size, old.root))
    await require_refused(log, log.publisher_of(log.database), "mark is that of the log")
