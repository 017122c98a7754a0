"""The proxy's configuration in a real Caddy, in front of a server that tells what reached it."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stack import free_port
from tests.deploy.compose import ROOT, services

CADDY = shutil.which("caddy") or "caddy"


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers and the length that reached it."""

    def do_POST(self):
        length = len(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"headers": dict(self.headers.items()), "length": length}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    home = tmp_path_factory.mktemp("caddy")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    plain, secure = free_port(), free_port()
    # What differs from production: other ports, and a certificate of its own that no browser is told of.
    options = f"admin off\n\tskip_install_trust\n\tlocal_certs\n\thttp_port {plain}\n\thttps_port {secure}\n"
    config = home / "Caddyfile"
    config.write_text((ROOT / "deploy" / "Caddyfile").read_text().replace("admin off\n", options))
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "COSIGNET_HOST": "localhost",
        "COSIGNET_UPSTREAM": f"127.0.0.1:{upstream.server_port}",
    }
    with (home / "log").open("w") as log:
        process = subprocess.Popen([CADDY, "run", "--config", config], env=environment, stdout=log, stderr=log)
    root = home / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    deadline = time.monotonic() + 30
    while not (root.exists() and _serves(secure, root)):
        assert time.monotonic() < deadline, (home / "log").read_text()
        time.sleep(0.1)
    yield plain, secure, ssl.create_default_context(cafile=root)
    process.terminate()
    process.wait(timeout=30)
    upstream.shutdown()
    upstream.server_close()


def _serves(port, root) -> bool:
    """Whether it has its certificate: it listens a moment before."""
    context = ssl.create_default_context(cafile=root)
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except OSError:
        return False


def post(ports, length=2, **headers):
    _, secure, context = ports
    connection = http.client.HTTPSConnection("localhost", secure, context=context, timeout=20)
    connection.request("POST", "/v1/confirmations", body=b"x" * length, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_the_upstream_learns_who_really_calls(ports):
    response, body = post(ports, **{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"})
    assert response.status == 200
    headers = json.loads(body)["headers"]
    assert headers["X-Forwarded-For"] in ("127.0.0.1", "::1")
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Host"].startswith("localhost")
    assert "Server" not in response.headers


def test_a_body_beyond_all_limits_does_not_pass(ports):
    assert post(ports, length=900_000)[0].status == 200
    assert post(ports, length=2_000_000)[0].status in (413, 502)


def test_plain_http_leads_to_https(ports):
    plain, *_ = ports
    connection = http.client.HTTPConnection("localhost", plain, timeout=20)
    connection.request("GET", "/register")
    response = connection.getresponse()
    assert response.status == 308
    assert response.headers["Location"].startswith("https://localhost")
    connection.close()


def test_the_configuration_is_written_as_caddy_writes_it():
    formatted = subprocess.run(
        [CADDY, "fmt", ROOT / "deploy" / "Caddyfile"], capture_output=True, text=True, check=True
    )
    assert formatted.stdout == (ROOT / "deploy" / "Caddyfile").read_text()


def test_the_configuration_leads_to_the_api_of_the_compose_file():
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    assert "{$COSIGNET_UPSTREAM:api:8420}" in text
    assert "api" in services()
    assert "COSIGNET_HOST" in services()["proxy"]["environment"]
