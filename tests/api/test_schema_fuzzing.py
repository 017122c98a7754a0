"""The whole OpenAPI document, fuzzed over a socket: whatever fits it or breaks it gets an answer that it foresees."""

import asyncio
from collections import Counter
from contextlib import suppress

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from api.limits import Buckets, Limits
from api.main import create_app
from tests.api.live import serving
from tests.api.world import StandIn, World

# All but `positive_data_acceptance`: whether an approver is enrolled or a signature genuine, no schema says.
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
    schemathesis.checks.not_a_server_error,
]
ALL = list(HealthCheck)
NO_LIMITS = {"keys": Buckets(10**9), "addresses": Buckets(10**9)}


class Fuzzer:
    """Sends cases to `url`, most of them as the caller whom the operation is for and about a confirmation of theirs."""

    def __init__(self, document, url, callers, confirmations):
        self.operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
        self.url = url
        self.callers = callers
        self.known = confirmations
        self.answers = Counter()
        self.failures = []

    def run(self, soak, *, wanted, batch):
        """Batches of every operation, with data that fits the document and data that does not, until it is enough."""
        number = 0
        with requests.Session() as self.session:
            while self.answers.total() < wanted:
                number += 1
                for operation in self.operations:
                    for mode in GenerationMode:
                        with suppress(Unsatisfiable):
                            self.batch(operation, mode, seed(number), batch)
                    soak.progress(min(self.answers.total(), wanted), wanted)

    def batch(self, operation, mode, seeded, size):
        @seeded
        @settings(max_examples=size, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=ALL)
        @given(st.data(), operation.as_strategy(mode))
        def send(data, case):
            schemes = [
                scheme
                for choice in operation.definition.raw.get("security", [])
                for scheme in choice
                if scheme in self.callers
            ]
            names = list(self.callers) if not schemes or data.draw(st.integers(0, 3)) == 0 else schemes
            if "confirmation" in case.path_parameters and data.draw(st.integers(0, 3)):
                known = data.draw(st.sampled_from([self.known[0], data.draw(st.sampled_from(self.known))]))
                case.path_parameters["confirmation"] = known
            if mode is GenerationMode.POSITIVE and "approvers" in str(case.body) and data.draw(st.booleans()):
                # No schema says who is enrolled.
                case.body |= {"approvers": ["anna@example.com"], "policy": "", "threshold": 1}
            self.send(case, self.callers[data.draw(st.sampled_from(names))])

        send()

    def send(self, case, caller):
        response = case.call(self.url, self.session, headers=caller, timeout=10)
        self.answers[response.status_code] += 1
        if response.status_code == 201 and "Location" in response.headers:
            self.known.append(response.json()["id"])
        try:
            case.validate_response(response, CHECKS, headers=caller, transport_kwargs={"base_url": self.url})
        except FailureGroup as group:
            self.failures += [f"{type(failure).__name__}: {group.message}" for failure in group.exceptions]


@pytest.fixture
async def fuzzed(acme, contract):
    """The app on a socket without rate limits and long-polls, and who may call it about what."""
    workflows = StandIn(acme)
    app = create_app(acme.deployment, workflows, limits=Limits(**NO_LIMITS))
    app.state.service.poller.stop()
    async with serving(app) as url, httpx2.AsyncClient(base_url=url) as http:
        world = World(acme, app, workflows, http, key="")
        world.key = await world.new_key()
        pending, cancelled = (await world.asked())["id"], (await world.asked())["id"]
        await world.post(f"/{cancelled}/cancel")
        callers = {
            "ApiKey": world.bearer,
            "Link": await world.link(pending),
            "Invite": await world.invite(await world.add_person("dora")),
            "another key": {"Authorization": f"Bearer {await world.new_key()}"},
            "nobody": {},
        }
        yield Fuzzer(contract.document, url, callers, [pending, cancelled, (await world.approved())["id"]])


@pytest.mark.soak
async def test_nothing_that_fits_the_document_or_breaks_it_is_answered_otherwise_than_it_says(fuzzed, soak):
    wanted = soak.amount(part=75, full=2_500)
    await asyncio.to_thread(fuzzed.run, soak, wanted=wanted, batch=soak.amount(part=2, full=25))
    soak.figure("cases", fuzzed.answers.total())
    soak.figure("answered 2xx", sum(count for status, count in fuzzed.answers.items() if status < 300))
    soak.figure("5xx", sum(count for status, count in fuzzed.answers.items() if status >= 500))
    soak.figure("schema violations", sum(not failure.startswith("IgnoredAuth") for failure in fuzzed.failures))
    soak.figure("ignored authorisation", sum(failure.startswith("IgnoredAuth") for failure in fuzzed.failures))
    assert not fuzzed.failures, "\n".join(fuzzed.failures[:5])
