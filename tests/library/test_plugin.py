"""The plugin: refuses to be built without trust, and leaves everything of the user's as it was."""

import dataclasses
import subprocess
import sys

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from cosignet.core.client_data import RelyingParty
from cosignet.errors import CosignetError, Malformed
from cosignet.temporal import CosignetPlugin
from cosignet.temporal.testing import PERSON, FakeApprovals, FakeApprover
from cosignet.testing import SoftwarePasskey
from tests.library.agents import wire
from tests.library.http_double import KEY
from tests.library.stage import Stage

RP = RelyingParty("approve.example", frozenset({"https://approve.example"}))
TRUST = dataclasses.replace(FakeApprover(SoftwarePasskey(PERSON)).trust, rp=RP)
URL = "https://approve.example"


@pytest.fixture
def trust_file(tmp_path):
    path = tmp_path / "trust.json"
    path.write_bytes(TRUST.to_bytes())
    return path


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    for name in ("COSIGNET_URL", "COSIGNET_API_KEY", "COSIGNET_TRUST_FILE"):
        monkeypatch.delenv(name, raising=False)


def refuses(code, *, says="", **arguments):
    with pytest.raises(Malformed) as caught:
        CosignetPlugin(**arguments)
    assert caught.value.code == code
    assert says in str(caught.value)
    assert KEY not in str(caught.value)


def test_arguments_are_enough(trust_file):
    assert CosignetPlugin(url=URL, api_key=KEY, trust=trust_file).name() == "cosignet.CosignetPlugin"


def test_environment_is_enough(trust_file, monkeypatch):
    monkeypatch.setenv("COSIGNET_URL", URL)
    monkeypatch.setenv("COSIGNET_API_KEY", KEY)
    monkeypatch.setenv("COSIGNET_TRUST_FILE", str(trust_file))
    CosignetPlugin()


def test_no_trust_file_is_named():
    refuses("plugin.trust", url=URL, api_key=KEY, says="python -m api.admin trust ORGANISATION")


def test_trust_file_that_is_not_there(tmp_path):
    refuses("plugin.trust", url=URL, api_key=KEY, trust=tmp_path / "trust.json", says="python -m api.admin trust")
    refuses("plugin.trust", url=URL, api_key=KEY, trust=tmp_path, says="python -m api.admin trust")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: b"{}",
        lambda text: text[:-1],
        lambda text: text.replace(b'"threshold":1', b'"threshold":0'),
        lambda text: text.replace(b'"threshold":1', b'"threshold":2'),
        lambda text: text.replace(b'"rp_id"', b'"rp"'),
        lambda text: text.replace(b'{"approvers"', b'{"allow_anyone":true,"approvers"', 1),
    ],
)
def test_trust_file_that_is_no_trust(trust_file, change):
    trust_file.write_bytes(change(TRUST.to_bytes()))
    refuses("plugin.trust", url=URL, api_key=KEY, trust=trust_file, says=str(trust_file))


def test_trust_in_what_tests_sign(trust_file):
    trust_file.write_bytes(FakeApprover(SoftwarePasskey(PERSON)).trust.to_bytes())
    refuses("plugin.trust", url=URL, api_key=KEY, trust=trust_file, says="what tests sign")


def test_no_service_is_named(trust_file):
    refuses("plugin.url", api_key=KEY, trust=trust_file, says="COSIGNET_URL")
    refuses("plugin.api_key", url=URL, trust=trust_file, says="COSIGNET_API_KEY")
    refuses("client.url", url="http://approve.example", api_key=KEY, trust=trust_file)


async def test_client_and_worker_stay_what_they_were(temporal_env):
    plugin = FakeApprovals().plugin
    config = {**temporal_env.client.config(), "data_converter": pydantic_data_converter, "plugins": [plugin]}
    client = Client(**config)
    assert client.data_converter is pydantic_data_converter
    worker = Stage(client).worker(task_queue="polite", plugins=[], workflow_failure_exception_types=[OSError])
    used = worker.config(active_config=True)
    assert used["workflow_failure_exception_types"] == [OSError, CosignetError]
    assert [a.__name__ for a in used["activities"]][-1] == "verify_evidence"
    restrictions = used["workflow_runner"].restrictions
    assert {"cosignet", "cbor2", "cryptography", "rfc8785"} <= restrictions.passthrough_modules
    assert restrictions.invalid_module_members is SandboxedWorkflowRunner().restrictions.invalid_module_members


async def test_runner_without_sandbox_stays_what_it_was(temporal_env):
    runner = UnsandboxedWorkflowRunner()
    worker = Stage(temporal_env.client).worker(workflow_runner=runner, task_queue="unsandboxed")
    assert worker.config(active_config=True)["workflow_runner"] is runner


async def test_connections_close_with_the_last_worker(temporal_env, double, trust_file):
    plugin = CosignetPlugin(url=double.url, api_key=KEY, trust=trust_file)
    service = plugin.interceptors[0]._verifier.service
    double.add()
    first, second = (
        Worker(temporal_env.client, task_queue=f"closing-{n}", activities=[wire], plugins=[plugin]) for n in range(2)
    )
    async with first:
        async with second:
            await service.get("c1")
        assert service._transport._http is not None
    assert service._transport._http is None


def test_fake_approvals_stay_away_from_servers_that_others_use(temporal_env):
    class Elsewhere:
        class service_client:  # noqa: N801
            class config:  # noqa: N801
                target_host = "temporal.example:7233"

    with pytest.raises(ValueError, match=r"temporal\.example"):
        FakeApprovals().worker(Elsewhere)


@pytest.mark.parametrize("missing", ["httpx2", "temporalio"])
def test_missing_extra_is_named(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import cosignet.temporal"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install cosignet[temporal]" in ended.stderr.splitlines()[-1]
