"""A program in another language, with libraries that know nothing of us, reads the log: C2SP's formats are enough."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from cosignet.core.log_keys import Kind
from tests.log.paper_log import PaperLog
from tests.log.paper_log import served as serving_paper
from tests.log.test_publishing import keys_of
from tests.log.test_recovering import served

SOURCE = Path(__file__).parent / "stranger" / "main.go"
# Where Debian's golang-golang-x-mod-dev puts the sources of its libraries.
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "-buildvcs=false"}


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """The program, built once."""
    folder = tmp_path_factory.mktemp("stranger")
    program = folder / "stranger"
    environment = {**os.environ, **GO, "GOCACHE": str(folder / "cache")}
    command = ["go", "build", "-o", str(program), str(SOURCE)]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, f"{built.stderr}\nsh tests/install-packages.sh installs what is missing"
    return program


def ask(stranger, url, key, *events):
    return subprocess.run([stranger, url, key, *events], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("size", [3, 256, 300])
async def test_it_reads_checkpoint_tiles_bundles_and_proofs(log, stranger, size):
    await log.publisher.step()
    events = await log.grow(size - 2)
    await log.publisher.step()
    (key,) = [key for key in await keys_of(log) if key.kind == Kind.ED25519]
    async with served(log) as url:
        await log.publisher.step()
        head = await log.head()
        done = await asyncio.to_thread(
            ask, stranger, url, key.to_text(), events[0], events[-1], events[len(events) // 2]
        )
    assert done.stdout == f"{head.size} leaves, 3 proofs\n", done.stderr


def ed25519(log):
    return next(key for key in log.public if key.kind == Kind.ED25519).to_text()


@pytest.mark.parametrize("lie", ["leaf", "tile", "key", "signature"])
def test_it_believes_nothing_else(stranger, lie):
    with serving_paper(PaperLog()) as log:
        log.fill(300)
        log.publish()
        assert ask(stranger, log.url, ed25519(log)).returncode == 0
        key = ed25519(log)
        if lie == "leaf":
            log.files["tile/entries/000"] = log.files["tile/entries/000"].replace(b"admin.changed", b"admin.chanted", 1)
        elif lie == "tile":
            path, hashes = log.tile(0, 0)
            hashes[7] ^= 1
            log.files[path] = bytes(hashes)
        elif lie == "key":
            key = ed25519(PaperLog())
        else:
            log.files["checkpoint"] = log.files["checkpoint"].replace(b"\n300\n", b"\n299\n")
        assert ask(stranger, log.url, key).returncode == 1
