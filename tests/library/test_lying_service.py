"""A service that lies over HTTP: the client repeats what it says as a claim, and the plugin and the guard refuse."""

from datetime import timedelta

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from cosignet.client import CosignetClient
from cosignet.core.encoding import b64u
from cosignet.core.evidence import MEDIA_TYPE
from cosignet.temporal._action import payload_of
from cosignet.temporal.contract import Ask
from cosignet.temporal.testing import APPROVE, PERSON, FakeApprovals, FakeApprover, reject
from cosignet.testing import SoftwarePasskey
from tests.library.agents import Agent, Transfer
from tests.library.desk import CONVERTER, EXECUTION, TRANSFER
from tests.library.http_double import KEY
from tests.library.stage import Stage, not_approved, plan

CONSUMER = "temporal:default/w1/r1/1/1970-01-01T00:00:00+00:00"
SOMEBODY = FakeApprover(SoftwarePasskey(PERSON))


@pytest.fixture
def served_desk(desk, double, client):
    """The guard of one approved call, over HTTP: the service says of everything that it is approved."""
    double.add(
        "c1",
        status="approved",
        usable=True,
        execution=EXECUTION,
        payload_hash=b64u(payload_of("wire", [TRANSFER], CONVERTER).hash),
    )
    double.documents["c1"] = desk.sign()
    desk.service = client
    return desk


async def test_what_the_service_says_and_proves_runs(served_desk, double):
    assert await served_desk.run() == "250.00 to ACME"
    assert double.confirmations["c1"]["consumer"] == CONSUMER


async def test_the_client_repeats_a_claim_and_calls_it_nothing_else(client, double):
    double.add("c1", status="approved", usable=True, votes=[])
    claimed = await client.get("c1")
    assert (claimed.approved, claimed.usable, claimed.votes) == (True, True, ())
    double.documents["c1"] = b'{"decision":"approved"}'
    # It gives the bytes and no opinion: only `verify` has one.
    assert await client.evidence("c1") == b'{"decision":"approved"}'


DOCUMENTS = {
    "evidence.form": [b"", b"{}", b"[]", b"null", b'{"decision":"approved"}', b"<html>approved</html>", b"[" * 100_000],
    "credential.enrolled": [
        lambda desk: desk.sign(approver=FakeApprover(SoftwarePasskey(PERSON), log=desk.approver.log))
    ],
    "trust.log": [lambda desk: desk.sign(approver=SOMEBODY)],
    "trust.audience": [lambda desk: desk.sign(approver=FakeApprover(desk.approver.passkey, "another"))],
    "decision.approved": [lambda desk: desk.sign(answer=reject())],
    "guard.confirmation": [lambda desk: desk.sign(confirmation="c2")],
    "guard.execution": [lambda desk: desk.sign(desk.ask(execution="temporal:default/w2/wire"))],
    "payload.expected": [lambda desk: desk.sign(desk.ask(arguments=[Transfer("ACME", "9250.00")]))],
    "time.validity": [lambda desk: desk.sign(age=timedelta(seconds=900 + 3600))],
    "leaf.record": [lambda desk: desk.sign(answer=reject()).replace(b'"rejected"', b'"approved"')],
}


@pytest.mark.parametrize(("code", "document"), [(code, it) for code, them in DOCUMENTS.items() for it in them])
async def test_evidence_that_proves_something_else_runs_nothing(served_desk, double, code, document):
    double.documents["c1"] = document if isinstance(document, bytes) else document(served_desk)
    with served_desk.refuses(code):
        await served_desk.run()
    assert double.confirmations["c1"]["consumer"] is None


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("evidence.pending", lambda: Response(b"", 202, headers={"Retry-After": "3"})),
        ("answer.unexpected", lambda: RedirectResponse("/v1/confirmations/c2/evidence")),
        ("answer.unexpected", lambda: Response(b"approved", 404)),
        ("answer.unexpected", lambda: Response(b"approved", 203)),
        ("answer.unexpected", lambda: Response(b"", 204)),
        ("answer.unexpected", lambda: JSONResponse({"status": "approved"}, 500)),
    ],
)
async def test_an_answer_instead_of_evidence_runs_nothing(served_desk, double, code, answer):
    double.next_answers = [answer() for _ in range(3)]
    with served_desk.refuses(code, again=True):
        await served_desk.run()
    assert double.confirmations["c1"]["consumer"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "pending"},
        {"status": "rejected"},
        {"consumer": "somebody else"},
        {"consumer": None},
        {"payload_hash": b64u(bytes(32))},
        {"id": "c2"},
        {"usable": "yes"},
    ],
)
async def test_a_use_that_the_service_did_not_record_for_this_call_runs_nothing(served_desk, double, changes):
    # As the interceptor asks: evidence first, then the consumption, which a lying service waves through.
    evidence = Response(double.documents["c1"], media_type=MEDIA_TYPE)
    double.next_answers = [evidence, JSONResponse({**double.confirmations["c1"], "consumer": CONSUMER, **changes})]
    with served_desk.refuses("answer.unexpected", again=True):
        await served_desk.run()


def by_somebody():
    ask = Ask("Wire money", payload_of("wire", [TRANSFER], CONVERTER).canonical.decode(), execution=EXECUTION)
    return SOMEBODY.evidence(SOMEBODY.terms("c1", ask), ask, APPROVE)


@pytest.mark.parametrize(
    ("code", "document"),
    [
        ("confirmation.unknown", None),
        ("evidence.form", b""),
        ("evidence.form", b'{"status":"approved","usable":true}'),
        ("trust.log", by_somebody()),
    ],
)
async def test_a_workflow_does_not_believe_a_service_that_says_approved(temporal_env, double, code, document):
    double.next_answers = [] if document is None else [Response(document, media_type=MEDIA_TYPE)]
    async with CosignetClient(double.url, KEY, timeout=2) as service:
        stage = Stage(temporal_env.client, FakeApprovals(), service=service)
        async with stage.up(stage.scripted_service()):
            running = await stage.start(Agent.run, plan(TRANSFER, claim="approved"))
            status, (reason,) = await not_approved(running.result())
    assert (status, reason.partition(":")[0]) == ("unverified", code)
