"""`python -m api`: how it starts, refuses to start, and stops."""

import asyncio
import os
import secrets
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from stack import free_port
from store.api_keys import create_api_key
from store.database import Database
from tests.acme import found_acme
from tests.api.world import ASK

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def started(folder, **settings):
    """The process, its log going to a file."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONDEVMODE": "1",
        "COSIGNET_DATA_DIR": str(folder),
        "COSIGNET_HTTP_PORT": str(free_port()),
        **settings,
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api", cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        process.url = f"http://127.0.0.1:{environment['COSIGNET_HTTP_PORT']}"
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ends(folder, **settings):
    """Exit status and log of a process that should not start."""
    async with started(folder, **settings) as process:
        status = await asyncio.wait_for(process.wait(), 30)
    return status, (folder / "log").read_text()


async def ready(process):
    async with asyncio.timeout(30), httpx2.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{process.url}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("COSIGNET_PUBLIC_URL", "http://approve.example.com"),
        ("COSIGNET_PUBLIC_URL", "https://approve.example.com/path"),
        ("COSIGNET_RP_ID", "example.com"),
        ("COSIGNET_HTTP_PORT", "70000"),
        ("COSIGNET_CALLS_PER_KEY", "0"),
        ("COSIGNET_DATABASE_URL", "nonsense:hunter2"),
        ("COSIGNET_DATABASE_URL", "sqlite://"),
        ("COSIGNET_DATABASE_URL", "mysql://root:hunter2@localhost/x"),
    ],
)
async def test_settings_that_make_no_sense_are_named(tmp_path, setting, value):
    status, log = await ends(tmp_path, **{setting: value})
    assert status == 1
    assert setting in log
    assert "Traceback" not in log
    assert "hunter2" not in log


async def test_without_temporal_it_says_so(tmp_path):
    status, log = await ends(tmp_path, TEMPORAL_ADDRESS="127.0.0.1:9")
    assert status == 1
    assert "Not started: " in log
    assert "cannot connect to Temporal" in log
    assert "Traceback" not in log
    assert "Warning" not in log


async def test_without_its_database_it_says_so(tmp_path):
    url = f"postgresql://postgres:hunter2@127.0.0.1:{free_port()}/x"
    status, log = await ends(tmp_path, COSIGNET_DATABASE_URL=url)
    assert status == 1
    assert "database.unavailable" in log
    assert "Traceback" not in log
    assert "hunter2" not in log


async def test_another_rp_id_than_that_of_the_passkeys_refuses_to_start(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    acme = await found_acme(database)
    await acme.deployment.prepare()
    await database.close()
    status, log = await ends(tmp_path, COSIGNET_PUBLIC_URL="https://approve.example.com")
    assert status == 1
    assert "installation.rp_id" in log
    assert "Traceback" not in log


async def test_it_serves_and_stops_without_cutting_anybody_off(tmp_path, temporal_env):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    acme = await found_acme(database)
    async with database.write() as tx:
        at = await database.clock(tx)
        _, key = await create_api_key(tx, acme.organisation.id, name="agent", owner=None, at=at)
    await database.close()
    address = temporal_env.client.service_client.config.target_host
    async with started(tmp_path, TEMPORAL_ADDRESS=address) as process:
        await ready(process)
        headers = {"Authorization": f"Bearer {key}"}
        note = secrets.token_hex(8)
        async with httpx2.AsyncClient(base_url=process.url, headers=headers, timeout=30) as http:
            asked = await http.post("/v1/confirmations", json={**ASK, "note": note})
            assert asked.status_code == 201
            assert "server" not in asked.headers
            path = f"/v1/confirmations/{asked.json()['id']}"
            poll = asyncio.create_task(http.get(path, params={"wait": 55}))
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            assert (await asyncio.wait_for(poll, 5)).json()["status"] == "pending"
        assert await asyncio.wait_for(process.wait(), 10) == 0
    log = (tmp_path / "log").read_text()
    assert "POST /v1/confirmations" in log
    for secret in (key, note, ASK["payload"]["to"]):
        assert secret not in log
    assert "Traceback" not in log
    assert "Warning" not in log
