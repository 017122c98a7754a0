"""Every answer that a test gets is held against the app's own OpenAPI document and the headers it owes."""

import json
import re

import httpx2
from jsonschema import Draft202012Validator

from api.guard import CACHING, PUBLIC, PUBLIC_HEADERS, SECURITY_HEADERS
from api.problems import MEDIA_TYPE

WITHOUT_ROUTE = {"request.unknown_path", "request.method", "request.cross_site", "internal.error"}


class Contract:
    """`check` is an event hook of httpx2."""

    def __init__(self, document: dict) -> None:
        self.document = document
        self._paths = {
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path.replace("{path}", ".*")) + "$"): operations
            for path, operations in self.document["paths"].items()
        }

    async def check(self, response: httpx2.Response) -> None:
        await response.aread()
        public = response.request.url.path.startswith(PUBLIC)
        owed = {**SECURITY_HEADERS, **(PUBLIC_HEADERS if public else {"Cache-Control": CACHING})}
        for name, value in owed.items():
            assert response.headers.get_list(name) == [value], name
        assert len(response.headers.get_list("Cache-Control")) == 1
        if response.headers.get("content-type") == MEDIA_TYPE:
            self._check_problem(response)
            if response.json()["code"] in WITHOUT_ROUTE:
                return
        self._check_declared(response)

    def _check_problem(self, response: httpx2.Response) -> None:
        problem = response.json()
        self._validate(problem, {"$ref": "#/components/schemas/Problem"})
        assert problem["status"] == response.status_code >= 400
        assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", problem["code"])
        assert ("WWW-Authenticate" in response.headers) == (response.status_code == 401)
        assert ("Retry-After" in response.headers) == (response.status_code in (429, 503))

    def _check_declared(self, response: httpx2.Response) -> None:
        request = response.request
        if request.url.path == "/openapi.json":
            return
        operations = next(found for path, found in self._paths.items() if path.match(request.url.path))
        declared = operations[request.method.lower()]["responses"]
        assert str(response.status_code) in declared, (response.status_code, response.text)
        content = declared[str(response.status_code)].get("content", {})
        if not content:
            assert not response.content
            return
        media_type = response.headers["content-type"]
        assert media_type in content
        if media_type.endswith("json"):
            self._validate(json.loads(response.content), content[media_type]["schema"])

    def _validate(self, value: object, schema: dict) -> None:
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        Draft202012Validator({**whole, "components": self.document["components"]}).validate(value)
