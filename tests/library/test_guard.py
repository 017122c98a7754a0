"""Guarded activities: one way in, and every other way refused, here by what the call and its evidence are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cosignet.client import NotReady
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, sha256
from cosignet.core.trust import Approver, Floor
from cosignet.errors import Conflict, NotFound, TooMany, Unauthenticated, Unavailable
from cosignet.temporal._action import payload_of
from cosignet.temporal.testing import PERSON, FakeApprover, reject
from cosignet.testing import SoftwarePasskey
from tests.library.agents import Transfer, wire_abroad
from tests.library.desk import CONVERTER, TRANSFER


async def test_approved_call_runs_once_consumed_by_this_execution(desk):
    assert await desk.run() == "250.00 to ACME"
    payload_hash = b64u(payload_of("wire", [TRANSFER], CONVERTER).hash)
    assert desk.service.consumed == [("c1", payload_hash, "temporal:default/w1/r1/1/1970-01-01T00:00:00+00:00")]


async def test_another_attempt_of_the_same_activity_is_the_same_consumer(desk):
    await desk.run(attempt=1)
    assert await desk.run(attempt=2) == "250.00 to ACME"


async def test_local_activity_is_the_same_consumer_after_a_crash(desk):
    await desk.run(is_local=True)
    assert await desk.run(is_local=True, scheduled_time=datetime.now(UTC)) == "250.00 to ACME"
    assert desk.service.consumed[0][2] == "temporal:default/w1/r1/1"


async def test_unguarded_activity_needs_nothing(desk):
    async def read(account: str) -> str:
        return account

    assert await desk.run(read, ["DE1"], header=None) == "DE1"
    assert desk.service.consumed == []


@pytest.mark.parametrize(
    "arguments",
    [
        [Transfer("ACME", "250.01")],
        [Transfer("ACME ", "250.00")],
        [Transfer("ACME", "250.00", "USD")],
        [],
        [TRANSFER, TRANSFER],
        [{"to": "ACME", "amount": "250.00"}],
        [{"to": "ACME", "amount": "250.00", "currency": "EUR", "urgent": True}],
        [{"to": "ACME", "amount": 250, "currency": "EUR"}],
        [None],
        [[TRANSFER]],
    ],
)
async def test_other_input_is_refused(desk, arguments):
    with desk.refuses("payload.expected"):
        await desk.run(arguments=arguments)
    assert desk.service.consumed == []


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (b"\x00", "payload.not_json"),
        (b'{"amount":"250.00","currency":"EUR","to":"ACME"}', "payload.not_json"),
        (object(), "payload.not_json"),
        (float("nan"), "payload.not_finite"),
        (2**60, "payload.number_range"),
        ("\ud800", "payload.surrogate"),
    ],
)
async def test_input_that_nobody_can_have_signed_is_refused(desk, argument, code):
    with desk.refuses(code):
        await desk.run(arguments=[argument])


async def test_other_activity_is_refused_however_it_calls_itself(desk):
    with desk.refuses("payload.expected"):
        await desk.run(wire_abroad, activity_type="wire_abroad")


@pytest.mark.parametrize(
    ("where", "value"), [("workflow_id", "w2"), ("workflow_id", "w1/wire"), ("namespace", "production")]
)
async def test_approval_of_another_workflow_is_refused(desk, where, value):
    with desk.refuses("guard.execution"):
        await desk.run(**{where: value})
    assert desk.service.consumed == []


@pytest.mark.parametrize("execution", ["", "temporal:default/w1", "temporal:default/w1/wire_abroad"])
async def test_approval_that_names_no_or_another_execution_is_refused(desk, execution):
    desk.file(desk.sign(desk.ask(execution=execution)))
    with desk.refuses("guard.execution"):
        await desk.run()


async def test_activity_outside_of_a_workflow_is_refused(desk):
    desk.file(desk.sign(desk.ask(execution="temporal:default/None/wire")))
    with desk.refuses("guard.execution"):
        await desk.run(workflow_id=None)


@pytest.mark.parametrize(
    ("where", "value"), [("workflow_run_id", "r2"), ("activity_id", "2"), ("scheduled_time", datetime.now(UTC))]
)
async def test_second_consumer_is_refused(desk, where, value):
    await desk.run()
    desk.body.runs = 0
    with desk.refuses("confirmation.consumed"):
        await desk.run(**{where: value})


@pytest.mark.parametrize("header", [None, 7, {"id": "c1"}, ["c1"]])
async def test_call_without_approval_is_refused(desk, header):
    with desk.refuses("guard.no_approval"):
        await desk.run(header=header)


async def test_approval_that_is_no_longer_valid_is_refused(desk):
    desk.file(desk.sign(age=timedelta(seconds=900 + 3600)))
    with desk.refuses("time.validity"):
        await desk.run()
    assert desk.service.consumed == []


async def test_approval_in_its_last_minute_runs(desk):
    desk.file(desk.sign(age=timedelta(seconds=900 + 3600 - 60)))
    assert await desk.run() == "250.00 to ACME"


async def test_rejection_is_refused_whatever_the_service_calls_it(desk):
    desk.file(desk.sign(answer=reject("wrong IBAN")))
    with desk.refuses("decision.approved"):
        await desk.run()
    desk.file(desk.sign(answer=reject()).replace(b'"decision":"rejected"', b'"decision":"approved"'))
    with desk.refuses("leaf.record"):
        await desk.run()


async def test_evidence_of_another_confirmation_is_refused(desk):
    desk.file(desk.sign(confirmation="c2"))
    with desk.refuses("guard.confirmation"):
        await desk.run()


async def test_service_that_signs_with_a_key_of_its_own_is_refused(desk):
    desk.file(desk.sign(approver=FakeApprover(SoftwarePasskey(PERSON), log=desk.approver.log)))
    with desk.refuses("credential.enrolled"):
        await desk.run()


async def test_evidence_of_another_organisation_is_refused(desk):
    desk.file(desk.sign(approver=FakeApprover(desk.approver.passkey, "another")))
    with desk.refuses("trust.audience"):
        await desk.run()


async def test_evidence_of_another_deployment_is_refused(desk):
    desk.trust = replace(desk.trust, rp=RelyingParty("approve.example", frozenset({"https://approve.example"})))
    with desk.refuses("trust.audience"):
        await desk.run()


async def test_evidence_whose_terms_were_changed_is_refused(desk):
    desk.file(desk.sign(desk.ask(), policy=sha256(b"another policy")))
    with desk.refuses("terms.hash"):
        await desk.run()


@pytest.mark.parametrize("document", [b"", b"{}", b'{"decision":"approved"}', b'{"status":"approved"}', b"\xff"])
async def test_service_that_says_approved_and_proves_nothing_is_refused(desk, document):
    desk.file(document)
    with desk.refuses("evidence.form"):
        await desk.run()


async def test_trust_that_asks_for_more_is_not_met(desk):
    other = SoftwarePasskey("bert")
    people = (*desk.trust.approvers, Approver("bert", "Bert", (other.credential,)))
    desk.trust = replace(desk.trust, approvers=people, floor=Floor(2, frozenset()))
    with desk.refuses("policy.floor"):
        await desk.run()


@pytest.mark.parametrize(
    "error",
    [Unavailable("answer.unexpected", "?"), NotReady("evidence.pending", "?", 3), TooMany("rate.limited", "?", 3)],
)
@pytest.mark.parametrize("where", ["evidence_fails", "consume_fails"])
async def test_silent_service_is_asked_again_and_nothing_runs(desk, where, error):
    setattr(desk.service, where, error)
    with desk.refuses(error.code, again=True) as caught:
        await desk.run()
    expected = timedelta(seconds=3) if hasattr(error, "retry_after") else None
    assert caught.value.next_retry_delay == expected


@pytest.mark.parametrize(
    "error",
    [
        NotFound("confirmation.unknown", "?"),
        Unauthenticated("key.unknown", "?"),
        Conflict("payload.mismatch", "?"),
        Conflict("confirmation.not_approved", "?"),
    ],
)
@pytest.mark.parametrize("where", ["evidence_fails", "consume_fails"])
async def test_refusing_service_is_final(desk, where, error):
    setattr(desk.service, where, error)
    with desk.refuses(error.code):
        await desk.run()


async def test_bug_in_the_way_runs_nothing(desk):
    desk.service.consume_fails = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await desk.run()
    assert desk.body.runs == 0
