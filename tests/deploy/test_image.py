import asyncio
import contextlib
import json
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
import venv

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.service import RPCError

from tests.deploy.compose import ROOT, instructions, services
from tests.deploy.image import Image, environment, is_ignored

LOADED_FROM = """
import sys, json
import worker, api.__main__, api.admin.__main__, store.migrations
ours = {"activities", "api", "cosignet", "settings", "store", "worker", "workflows"}
print(json.dumps(sorted(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] in ours and m.__file__)))
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    image = Image(tmp_path_factory.mktemp("image"))
    image.copy()
    return image


def test_the_image_runs_as_nobody_in_particular_and_holds_nothing_but_locked_packages():
    assert [instruction.value for instruction in instructions("FROM")] == ["python:3.12-slim"]
    assert instructions("USER")[-1].value == "cosignet"
    assert [word for i in instructions("CMD") for word in json.loads(i.value)] == services()["api"]["command"]
    (install,) = [i.words for i in instructions("RUN") if "pip" in i.words]
    assert install[:2] == ["pip", "install"]
    assert {"--require-hashes", "--no-deps", "requirements/server.lock"} <= set(install)
    assert environment()["COSIGNET_DATA_DIR"] == instructions("VOLUME")[0].value


def test_only_what_is_named_gets_into_the_build():
    for path in (
        "cosignet/errors.py",
        "store/migrations/versions/0001_first_schema.py",
        "web/templates/approve.html",
        "web/static/approve.js",
        "verifiers/cosignet-verify.mjs",
        "requirements/server.lock",
    ):
        assert not is_ignored(path)
    for path in (".env", ".git/config", ".local/cosignet.db", "tests/acme.py", "requirements/dev.lock", "stack.py"):
        assert is_ignored(path)
    assert is_ignored("api/__pycache__/main.cpython-312.pyc")


def test_the_image_holds_all_it_loads(image):
    done = image.start("python", "-c", LOADED_FROM)
    output, _ = done.communicate(timeout=60)
    assert done.returncode == 0, output
    loaded = json.loads(output.splitlines()[-1])
    assert len(loaded) > 50
    assert [file for file in loaded if not file.startswith(str(image.folder))] == []
    assert not any(file.startswith(("tests", "docs", "examples")) for file in image.files())


@pytest.fixture
async def namespace(temporal_env):
    name = f"image-{secrets.token_hex(4)}"
    service = temporal_env.client.workflow_service
    day = Duration(seconds=86_400)
    await service.register_namespace(RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day))
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RPCError):
                await service.describe_namespace(DescribeNamespaceRequest(namespace=name))
                return name
            await asyncio.sleep(0.1)


@pytest.fixture
async def settings(postgres, temporal_env, namespace, tmp_path):
    """The environment of docker-compose.yml, with this machine's addresses in the place of the containers'."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    here = {
        "COSIGNET_PUBLIC_URL": "https://approve.example.com",
        "COSIGNET_DATABASE_URL": await asyncio.to_thread(postgres.create_database),
        "COSIGNET_TEMPORAL_ORGANISATION": "",
        "COSIGNET_LOG_KEY_FILE": str(tmp_path / "log" / "log.key"),
        "COSIGNET_LOG_MARK_FILE": str(tmp_path / "log" / "log.mark"),
        "TEMPORAL_ADDRESS": temporal_env.client.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": namespace,
    }
    assert set(here) == set(services()["worker"]["environment"])
    return {**here, "COSIGNET_HTTP_PORT": port, "COSIGNET_DATA_DIR": str(tmp_path / "data")}


async def test_the_commands_of_the_compose_file_start_work_and_stop(image, settings):
    before = image.files()

    async def run(*command) -> tuple[int, str]:
        process = image.start(*command, **settings)
        output, _ = await asyncio.to_thread(process.communicate, timeout=60)
        return process.returncode, output

    status, output = await run(*services()["setup"]["command"])
    assert status == 0, output
    running = {name: image.start(*services()[name]["command"], **settings) for name in ("api", "worker")}
    try:
        probe = services()["api"]["healthcheck"]["test"][3].replace("8420", settings["COSIGNET_HTTP_PORT"])
        async with asyncio.timeout(60):
            while (await run("python", "-c", probe))[0] != 0:
                await asyncio.sleep(0.5)
        async with asyncio.timeout(60):
            while "workers: none" in (doctor := await run("python", "-m", "api.admin", "doctor"))[1]:
                await asyncio.sleep(0.5)
        assert doctor[0] == 0, doctor[1]
        headers = await asyncio.to_thread(_headers, settings["COSIGNET_HTTP_PORT"])
        assert headers["Strict-Transport-Security"]
        page = await asyncio.to_thread(_headers, settings["COSIGNET_HTTP_PORT"], "/approve/x")
        assert page["Content-Type"].startswith("text/html")
    finally:
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        ends = {name: await asyncio.to_thread(p.communicate, timeout=30) for name, p in running.items()}
    assert {name: process.returncode for name, process in running.items()} == {"api": 0, "worker": 0}, ends
    # The containers' file system is read-only.
    assert image.files() == before


def _headers(port, path="/healthz"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return response.headers


@pytest.mark.timeout(900)
def test_the_locked_packages_are_enough(image, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    (install,) = [i.words for i in instructions("RUN") if "pip" in i.words]
    subprocess.run([tmp_path / "venv" / "bin" / install[0], *install[1:], "--quiet"], cwd=image.folder, check=True)
    done = Image(image.folder, str(tmp_path / "venv" / "bin" / "python")).start("python", "-c", LOADED_FROM)
    output, _ = done.communicate(timeout=120)
    assert done.returncode == 0, output
    assert str(ROOT / "cosignet") not in output
    assert sys.executable not in output
