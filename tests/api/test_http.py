"""What holds for every request: methods, paths, headers, pages of other sites."""

import httpx2
import pytest

from api.guard import HSTS
from api.main import create_app
from tests.acme import ORIGIN, RP, Deployment
from tests.api.world import ASK, StandIn, code_of

# Methods and paths


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/confirmations", "GET, POST"),
        ("PUT", "/v1/confirmations/" + "0" * 32, "GET"),
        ("GET", "/v1/confirmations/" + "0" * 32 + "/cancel", "POST"),
        ("GET", "/v1/confirmations/" + "0" * 32 + "/consume", "POST"),
        ("POST", "/v1/confirmations/" + "0" * 32 + "/evidence", "GET"),
        ("GET", "/v1/approvals/" + "0" * 32 + "/view", "POST"),
        ("GET", "/v1/approvals/" + "0" * 32 + "/votes", "POST"),
        ("GET", "/v1/registrations", "POST"),
        ("GET", "/v1/registrations/options", "POST"),
        ("POST", "/healthz", "GET"),
        ("PATCH", "/readyz", "GET"),
        ("OPTIONS", "/v1/confirmations", "GET, POST"),
        ("TRACE", "/v1/confirmations", "GET, POST"),
    ],
)
async def test_another_method_is_told_which_ones_there_are(world, method, path, allowed):
    response = await world.http.request(method, path, headers=world.bearer)
    assert code_of(response) == (405, "request.method")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/v1", "/v1/confirmations/", "/docs", "/redoc", "/v1/keys", "/v1/people", "/admin"])
async def test_there_is_nothing_else(world, path):
    assert code_of(await world.http.get(path, headers=world.bearer)) == (404, "request.unknown_path")


async def test_no_get_changes_anything(world):
    document = (await world.http.get("/openapi.json")).json()
    reading = [path for path, operations in document["paths"].items() if "get" in operations]
    assert not [path for path in reading if path.endswith(("cancel", "consume", "votes", "ceremonies"))]


# Headers


GUARDS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


async def test_every_answer_is_guarded(world):
    for path in ("/healthz", "/nothing", "/v1/confirmations", "/openapi.json"):
        response = await world.http.get(path)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert policy.endswith("frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
        assert "unsafe" not in policy
        assert {name: response.headers[name] for name in GUARDS} == GUARDS
        assert "strict-transport-security" not in response.headers
        assert "server" not in response.headers


async def test_https_is_remembered_where_people_come_by_https(acme):
    url = "https://approve.example.com"
    app = create_app(Deployment(acme.database, RP, url), StandIn(acme))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=url) as http:
        for path in ("/healthz", "/nothing"):
            assert (await http.get(path)).headers["strict-transport-security"] == HSTS


# Pages of other sites

CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "x"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8421"},
    {"Origin": "https://localhost:8420"},
    {"Origin": "null"},
    {"Origin": ""},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_pages_of_other_sites_may_do_nothing(world, headers):
    response = await world.http.post("/v1/confirmations", json=ASK, headers={**world.bearer, **headers})
    assert code_of(response) == (403, "request.cross_site")
    response = await world.http.post("/v1/registrations/options", headers={**await world.invite(), **headers})
    assert code_of(response) == (403, "request.cross_site")
    assert world.workflows.started == []


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ORIGIN}, {}]
)
async def test_our_own_pages_and_programs_may(world, headers):
    response = await world.http.post("/v1/confirmations", json=ASK, headers={**world.bearer, **headers})
    assert response.status_code == 201


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_reading_is_guarded_by_the_browser_itself(world, headers):
    response = await world.http.get("/v1/confirmations", headers={**world.bearer, **headers})
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control")]
