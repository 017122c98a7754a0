import copy
import graphlib
import json
import os
import subprocess
from pathlib import Path

import jsonschema
import psycopg
import pytest
import temporalio.envconfig
import uvicorn.config
from typer.main import get_command

from api.admin.__main__ import app as admin
from settings import Settings
from tests.deploy.compose import ROOT, compose, example_variables, services, variables

OURS = ("api", "worker", "setup")


@pytest.fixture(scope="module")
def schema():
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    # The file names draft 7 in a spelling that the library does not know.
    return jsonschema.Draft7Validator(schema)


def test_the_file_follows_the_compose_specification(schema):
    schema.validate(compose())


@pytest.mark.parametrize(
    "broken",
    [
        {"comand": ["x"]},
        {"ports": "80:80"},
        {"depends_on": {"api": {"condition": "service_started_and_well"}}},
        {"healthcheck": {"test": 5}},
        {"cap_drop": "ALL"},
    ],
    ids=str,
)
def test_the_schema_sees_mistakes(schema, broken):
    wrong = copy.deepcopy(compose())
    wrong["services"]["proxy"].update(broken)
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(wrong)


def test_only_the_proxy_is_published_and_the_ui_on_this_machine_alone():
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"proxy": ["80:80", "443:443", "443:443/udp"], "temporal-ui": ["127.0.0.1:8233:8080"]}
    assert not any("network_mode" in service or service.get("privileged") for service in services().values())


def test_what_holds_data_is_reached_from_inside_alone():
    networks = {name: set(service["networks"]) for name, service in services().items()}
    assert compose()["networks"]["inside"]["internal"] is True
    assert {name for name in networks if "outside" in networks[name]} == {"proxy", "api"}
    assert all(networks[name] == {"inside"} for name in ("postgres", "temporal", "worker", "setup"))


def test_our_processes_can_change_nothing_but_their_data():
    for name in OURS:
        service = services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_signs_the_log_is_reached_by_the_worker_alone():
    with_log = {name for name, service in services().items() if any("log:" in v for v in service.get("volumes", []))}
    assert with_log == {"worker"}
    files = [services()["worker"]["environment"][f"COSIGNET_LOG_{what}_FILE"] for what in ("KEY", "MARK")]
    assert {Path(file).parent for file in files} == {Path("/var/lib/cosignet-log")}
    assert "log:/var/lib/cosignet-log" in services()["worker"]["volumes"]


def test_every_secret_comes_from_the_environment_file():
    assert sorted(variables()) == sorted(example_variables())
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "PWD", "SECRET", "DATABASE_URL")):
                assert ":?" in value, name
    assert [name for name, operator in variables().items() if operator != ":?"] == ["COSIGNET_TEMPORAL_ORGANISATION"]
    example = (ROOT / "deploy" / "example.env").read_text().splitlines()
    assert all(line.endswith("=") for line in example if line and not line.startswith("#"))


def test_every_setting_exists_in_the_code():
    known = {f"COSIGNET_{name.upper()}" for name in Settings.model_fields}
    sdk = Path(temporalio.envconfig.__file__).parent
    sdk_text = "".join(file.read_text() for file in sdk.glob("envconfig*.py"))
    for name in OURS:
        for variable in services()[name]["environment"]:
            if variable == "FORWARDED_ALLOW_IPS":
                assert variable in Path(uvicorn.config.__file__).read_text()
            elif variable in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"):
                assert "TEMPORAL_" in sdk_text
            else:
                assert variable in known, variable


def test_the_sdk_reads_the_variables_that_the_file_sets():
    profile = temporalio.envconfig.ClientConfigProfile.load(
        override_env_vars={k: v for k, v in services()["worker"]["environment"].items() if k.startswith("TEMPORAL_")}
    )
    assert (profile.address, profile.namespace) == ("temporal:7233", "cosignet")


def test_every_command_exists_in_the_code():
    assert services()["api"]["command"] == ["python", "-m", "api"]
    assert (ROOT / "api" / "__main__.py").exists()
    assert services()["worker"]["command"] == ["python", "worker.py"]
    assert (ROOT / "worker.py").exists()
    *module, command = services()["setup"]["command"]
    assert module == ["python", "-m", "api.admin"]
    assert command in get_command(admin).commands


def test_the_health_check_asks_a_route_of_the_api():
    (test,) = [word for word in services()["api"]["healthcheck"]["test"] if "urlopen" in word]
    compile(test, "healthcheck", "exec")
    assert "http://127.0.0.1:8420/readyz" in test
    assert Settings.model_fields["http_port"].default == 8420
    assert '"/readyz"' in (ROOT / "api" / "health.py").read_text()


def test_nothing_starts_before_what_it_needs():
    conditions = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in services().items()
    }
    order = list(graphlib.TopologicalSorter(conditions).static_order())
    assert order.index("postgres") < order.index("temporal-schema") < order.index("temporal")
    assert order.index("temporal") < order.index("temporal-namespace") < order.index("setup") < order.index("worker")
    # Whatever is waited for as healthy says when it is; whatever must have completed does complete.
    for needed in conditions.values():
        for name, condition in needed.items():
            if condition == "service_healthy":
                assert "healthcheck" in services()[name]
            else:
                assert services()[name]["restart"].startswith("on-failure")
    assert conditions["api"] == conditions["worker"] == {"setup": "service_completed_successfully"}


def test_every_mounted_file_exists_and_every_volume_is_declared():
    for service in services().values():
        for volume in service.get("volumes", []):
            source, target, *_ = volume.split(":")
            if source.startswith("./"):
                assert (ROOT / source).is_file(), source
                assert volume.endswith(":ro")
                command = service.get("command", [""])[0]
                assert not command.startswith("/deploy/") or command == target
            else:
                assert source in compose()["volumes"]


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_plain_shell(script):
    subprocess.run(["/bin/sh", "-n", script], check=True)
    assert script.read_text().startswith("#!/bin/sh\n")


@pytest.fixture
def two_roles(postgres):
    """What the first start of the database does, on the tests' own server."""
    server = postgres.url
    environment = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "COSIGNET_DB_PASSWORD": "c' \"o",
        "TEMPORAL_DB_PASSWORD": "t",
    }
    subprocess.run([ROOT / "deploy" / "postgres.sh"], check=True, env={**os.environ, **environment}, stdout=-3)
    yield server
    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("cosignet", "temporal", "temporal_visibility"):
            connection.execute(f"DROP DATABASE {name}")
        for name in ("cosignet", "temporal"):
            connection.execute(f"DROP ROLE {name}")


def test_the_database_keeps_the_two_services_apart(two_roles):
    def connect(role, database):
        return psycopg.connect(two_roles.replace("postgres@", f"{role}@").rsplit("/", 1)[0] + f"/{database}")

    for role, database in (("cosignet", "cosignet"), ("temporal", "temporal"), ("temporal", "temporal_visibility")):
        with connect(role, database) as connection:
            # Temporal's own schema needs this extension, and may create it without being a superuser.
            connection.execute("CREATE TABLE t (id int); CREATE EXTENSION btree_gin")
    for role, database in (("cosignet", "temporal"), ("cosignet", "temporal_visibility"), ("temporal", "cosignet")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            connect(role, database)
