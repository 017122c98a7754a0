"""The log's keys: in their own file alone, only its own, replaced with an overlap; and a mark that is none."""

import pytest
from sqlalchemy import text

from activities.key_file import KeyFile, new_keys
from activities.rotating import begin_rotation, finish_rotation
from cosignet.core.leaf import Leaf, public_keys
from cosignet.core.log_keys import Kind, LogKey, open_checkpoint
from cosignet.errors import Conflict
from store.heads import active_keys
from store.log import read_leaves
from store.log_schema import log_entries
from tests.log.test_publishing import ORIGIN_OF_LOG, keys_of, refusal

KINDS = (Kind.ED25519, Kind.ML_DSA_44)


@pytest.mark.parametrize("change", ["missing", "open", "empty", "nonsense", "of another log", "one of two"])
async def test_only_the_keys_of_this_log_sign_it(log, change):
    file = log.folder / "log.key"
    lines = file.read_text().splitlines()
    if change == "missing":
        file.unlink()
    elif change == "open":
        file.chmod(0o640)
    elif change == "of another log":
        log.publisher._key_file.write(new_keys("log.example.com"))
    else:
        file.write_text({"empty": "", "nonsense": "x" * 99, "one of two": lines[0]}[change])
    error = await refusal(log.publisher)
    assert error.code == "log.key"
    assert lines[0].split("+", 4)[4] not in error.detail
    assert await log.head() is None


async def test_the_key_file_is_its_owners_alone(log):
    assert (log.folder / "log.key").stat().st_mode & 0o777 == 0o600


async def test_the_private_keys_are_in_no_table(log):
    await log.publisher.step()
    seeds = [line.split("+", 4)[4] for line in (log.folder / "log.key").read_text().splitlines()]
    async with log.database.read() as tx:
        for table in log_entries.metadata.tables:
            rows = (await tx.execute(text(f"SELECT * FROM {table}"))).all()  # noqa: S608
            assert not [seed for seed in seeds if seed in str(rows)]


async def test_keys_are_rotated_with_an_overlap(log):
    await log.publisher.step()
    deployment, file = log.publisher._deployment, KeyFile(log.folder / "log.key")
    old = await keys_of(log)
    both = [LogKey.parse(vkey) for vkey in await begin_rotation(deployment, file)]
    assert both[:2] == old
    assert sorted(key.kind for key in both) == sorted([*KINDS, *KINDS])
    await log.publisher.step()
    head = await log.head()
    for keys in (old, both[2:], both):
        assert set(open_checkpoint(head.note, keys)[1]) == set(keys)
    with pytest.raises(Conflict) as caught:
        await begin_rotation(deployment, file)
    assert caught.value.code == "log.rotation"
    new = [LogKey.parse(vkey) for vkey in await finish_rotation(deployment, file)]
    assert new == both[2:]
    await log.publisher.step()
    head = await log.head()
    assert set(open_checkpoint(head.note, both)[1]) == set(new)
    assert len((log.folder / "log.key").read_text().splitlines()) == 2
    with pytest.raises(Conflict):
        await finish_rotation(deployment, file)
    async with log.database.read() as tx:
        leaves = [Leaf.parse(leaf) for leaf in await read_leaves(tx, 2, 9)]
        assert await active_keys(tx) == [key.to_text() for key in new]
    assert [leaf.public for leaf in leaves] == [{"keys": public_keys(both)}, {"keys": public_keys(new)}]


@pytest.mark.parametrize("content", ["", "nonsense", f"{ORIGIN_OF_LOG}\n07\nAAAA\n"])
async def test_a_mark_that_cannot_be_read_signs_nothing(log, content):
    await log.publisher.step()
    (log.folder / "log.mark").write_text(content)
    await log.grow()
    assert (await refusal(log.publisher)).code == "log.mark"
    assert (await log.head()).size == 2
