"""kill -9 at every step of appending and signing: what was told stays true, and no two trees are ever signed."""

import asyncio
import multiprocessing
import random
from collections import Counter
from contextlib import suppress

import pytest

from cosignet.core.log_keys import open_checkpoint
from cosignet.core.merkle import leaf_hash
from cosignet.core.tiles import grow, root_of
from tests.log import fatal
from tests.log.test_appending import require_whole
from tests.log.test_publishing import keys_of

PATIENCE = 60
MAX_PASSES = 6


@pytest.fixture(scope="session")
def processes():
    """Where processes come from that have everything imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.log.fatal"])
    return context


@pytest.mark.soak
async def test_no_kill_loses_or_doubles_a_leaf_or_forks_the_log(log, processes, soak):
    dice, kills, told, notes = random.Random(7), soak.amount(part=14, full=210), Counter(), []  # noqa: S311
    await log.publisher.step()
    url, keys = log.database.url, await keys_of(log)
    for kill in range(kills):
        point = fatal.POINTS[kill % len(fatal.POINTS)]
        passes = dice.randint(1, MAX_PASSES)
        for kind, value in await asyncio.to_thread(run, processes, url, log.folder, point, passes):
            assert kind != "refused", value
            told.update(value if kind == "appended" else ())
            notes += [value] if kind == "signed" else []
        soak.progress(kill + 1, kills)
    await log.publisher.step()
    entries = await require_whole(log)
    found = Counter(event for _, event, _ in entries)
    assert set(found.values()) == {1}
    assert told.keys() <= found.keys()
    leaves = [leaf for _, _, leaf in entries]
    heads = {open_checkpoint(note, keys)[0] for note in notes}
    for head in heads:
        assert head.root == root(leaves[: head.size])
    assert (await log.tree()).read_only == ""
    for name, value in (("kills", kills), ("leaves", len(entries)), ("told", len(told)), ("heads", len(heads))):
        soak.figure(name, value)
    soak.figure("lost, doubled, forked", 0)


@pytest.mark.parametrize("number", [2, 8])
async def test_processes_that_append_at_once_share_one_tree(log, processes, number):
    await log.publisher.step()
    url, rounds = log.database.url, 20
    ours, theirs = zip(*(processes.Pipe(duplex=False) for _ in range(number)), strict=True)
    workers = [processes.Process(target=fatal.append, args=(url, rounds, end)) for end in theirs]
    for worker, end in zip(workers, theirs, strict=True):
        worker.start()
        end.close()
    told = [event for end in ours for event in await asyncio.to_thread(everything, end)]
    for worker in workers:
        await asyncio.to_thread(worker.join, PATIENCE)
    assert [worker.exitcode for worker in workers] == [0] * number
    found = [event for _, event, _ in await require_whole(log)]
    assert sorted(found[2:]) == sorted(told)
    assert len(told) == number * rounds * 3


def everything(end):
    told = []
    with suppress(EOFError):
        while end.poll(PATIENCE):
            told += end.recv()
    return told


def run(processes, url, folder, point, passes):
    """One life of the process, and what it told before it ended."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=fatal.work, args=(url, folder, point, passes, theirs))
    process.start()
    theirs.close()
    told = []
    with suppress(EOFError):
        while ours.poll(PATIENCE):
            told.append(ours.recv())
    process.join(PATIENCE)
    assert process.exitcode == -9 or told[-1][0] == "refused", (point, process.exitcode)
    return told


def root(leaves):
    return root_of(len(leaves), grow(0, [leaf_hash(leaf) for leaf in leaves], {}))
