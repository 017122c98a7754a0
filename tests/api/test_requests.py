"""POST /v1/confirmations: one way to ask, many ways to be refused."""

import json
import re

import pytest

from cosignet.core.canonical import Payload
from cosignet.core.encoding import b64u, from_instant
from tests.api.world import ASK, code_of


async def test_a_request_is_recorded_and_its_workflow_started(world):
    response = await world.ask(note="for the rent", external_id="order-7", claim="agent 7", execution="temporal:x/y/z")
    asked = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/confirmations/{asked['id']}"
    assert re.fullmatch("[0-9a-f]{32}", asked["id"])
    assert world.workflows.started == [asked["id"]]
    created = from_instant(asked["created_at"])
    assert (from_instant(asked["deadline"]) - created).total_seconds() == 900
    assert (from_instant(asked["valid_until"]) - created).total_seconds() == 900 + 3600
    assert asked["payload_hash"] == b64u(Payload.from_value(ASK["payload"]).hash)
    assert asked["requester"] == f"API key agent ({world.key[:9]})"
    assert asked["url"] == f"http://localhost:8420/approve/{asked['id']}"
    expected = {
        "status": "pending",
        "usable": False,
        "action": ASK["action"],
        "payload": ASK["payload"],
        "note": "for the rent",
        "external_id": "order-7",
        "claim": "agent 7",
        "execution": "temporal:x/y/z",
        "decided_at": None,
        "outcome_event": None,
        "outcome_leaf": None,
        "consumed_at": None,
        "consumer": None,
        "votes": [],
        "warnings": [],
    }
    assert {name: asked[name] for name in expected} == expected
    assert (await world.get(f"/{asked['id']}")).json() == asked


async def test_deceiving_texts_are_recorded_with_a_warning(world):
    asked = await world.asked(note="pay\u202eEUR", payload={"to": ["p\u0430ypal"]})
    assert asked["warnings"] == ["deceiving characters in note", "deceiving characters in payload.to[0]"]


async def test_the_payload_may_be_written_in_any_spelling(world):
    body = with_text('"payload": {"b": 1.0, "a": "\\u00e9", "n": -0.0, "t": [1e2]}')
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert response.status_code == 201
    assert response.json()["payload"] == {"a": "é", "b": 1, "n": 0, "t": [100]}


def with_text(members):
    """A body of which some members are written out, as no JSON library would."""
    return f'{{"approvers": ["anna@example.com"], "action": "x", {members}}}'


async def test_the_payload_may_use_all_of_its_depth(world):
    deepest = "[" * 32 + "]" * 32
    headers = {**world.bearer, "Idempotency-Key": "deep"}
    body = with_text(f'"payload": {{"a": {deepest}}}')
    response = await world.http.post("/v1/confirmations", content=body, headers=headers)
    assert response.status_code == 201
    body = with_text(f'"payload": {{"a": [{deepest}]}}')
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (422, "payload.depth")


PROFILE = {
    "payload.duplicate_key": ['{"a": 1, "a": 2}', '{"x": {"a": 1, "\\u0061": 1}}'],
    "payload.number_range": ['{"a": 9007199254740992}', '{"a": 1e16}', '{"a": -1e400}', '{"a": [%s]}' % ("9" * 5000)],
    "payload.not_finite": ['{"a": NaN}', '{"a": -Infinity}'],
    "payload.surrogate": ['{"a": "\\ud800"}', '{"\\udfff": 1}'],
    "payload.depth": ['{"a":' + "[" * 40 + "]" * 40 + "}", '{"a":' + "[" * 50_000 + "]" * 50_000 + "}"],
    "payload.not_object": ["[]", "1", '"text"', "null", "true"],
    "payload.size": ['{"a": "%s"}' % ("x" * 65_536)],
}


@pytest.mark.parametrize(("code", "payload"), [(code, text) for code, texts in PROFILE.items() for text in texts])
async def test_the_payload_profile_is_enforced_on_the_raw_body(world, code, payload):
    body = with_text(f'"payload": {payload}')
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (422, code)
    assert world.workflows.started == []


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("payload.duplicate_key", '"action": "y"'),
        ("payload.duplicate_key", '"payload": {}'),
        ("payload.surrogate", '"note": "\\ud83d"'),
        ("payload.number_range", '"expires_in": 9007199254740993'),
        ("payload.not_finite", '"valid_for": Infinity'),
    ],
)
async def test_the_profile_holds_for_the_rest_of_the_body_too(world, code, rest):
    body = with_text(f'"payload": {{}}, {rest}')
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (422, code)


@pytest.mark.parametrize("body", ["", "{", "{'a': 1}", '{"a": 1} x', "\ufeff{}", b"\xff\xfe", b'{"a": "\xc3\x28"}'])
async def test_what_is_not_json_is_a_bad_request(world, body):
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (400, "payload.not_json")


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"'])
async def test_a_body_that_is_no_object_is_refused(world, body):
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (422, "request.body")


FIELDS = [
    ("request.action", {"action": ""}),
    ("request.action", {"action": "x" * 201}),
    ("request.action", {"action": 7}),
    ("request.action", {"action": "a\x00b"}),
    ("request.note", {"note": "x" * 2001}),
    ("request.note", {"note": None}),
    ("request.note", {"note": "\x00"}),
    ("request.claim", {"claim": "x" * 501}),
    ("request.execution", {"execution": "x" * 501}),
    ("request.execution", {"execution": "cosignet:enrolment"}),
    ("request.external_id", {"external_id": "x" * 201}),
    ("request.external_id", {"external_id": "\x00"}),
    ("request.expires_in", {"expires_in": 29}),
    ("request.expires_in", {"expires_in": 2_592_001}),
    ("request.expires_in", {"expires_in": "900"}),
    ("request.expires_in", {"expires_in": True}),
    ("request.expires_in", {"expires_in": 900.5}),
    ("request.valid_for", {"valid_for": 0}),
    ("request.valid_for", {"valid_for": 2_592_001}),
    ("request.threshold", {"threshold": 0}),
    ("request.threshold", {"threshold": -1}),
    ("request.threshold", {"threshold": 101}),
    ("request.threshold", {"threshold": True}),
    ("request.approvers", {"approvers": "anna@example.com"}),
    ("request.approvers", {"approvers": [1]}),
    ("request.approvers", {"approvers": ["anna\x00@example.com"]}),
    ("request.approvers", {"approvers": ["x" * 321]}),
    ("request.approvers", {"approvers": ["anna@example.com"] * 101}),
    ("request.policy", {"approvers": [], "policy": "\x00"}),
    ("request.policy", {"approvers": [], "policy": "x" * 201}),
    ("request.unsupported", {"callback_url": "https://agent.example/hook"}),
    ("request.unknown_field", {"usable": True}),
    ("request.unknown_field", {"Action": "x"}),
    ("request.unknown_field", {"requester": "the CEO"}),
    ("request.unknown_field", {"": 1}),
    ("policy.choice", {"approvers": []}),
    ("policy.choice", {"policy": "payments"}),
    ("policy.unknown", {"approvers": [], "policy": "payments"}),
    ("policy.unknown_approver", {"approvers": ["nobody@example.com"]}),
    ("policy.unknown_approver", {"approvers": ["group:finance"]}),
    ("policy.unreachable", {"threshold": 2}),
    ("policy.form", {"approvers": ["anna@example.com", "ANNA@example.com"]}),
]


@pytest.mark.parametrize(("code", "changes"), FIELDS)
async def test_a_field_that_breaks_a_rule_is_named(world, code, changes):
    assert code_of(await world.ask(**changes)) == (422, code)
    assert world.workflows.started == []
    assert (await world.get("")).json() == {"confirmations": [], "next_cursor": None}


@pytest.mark.parametrize("missing", ["action", "payload"])
async def test_a_missing_field_is_named(world, missing):
    body = {name: value for name, value in ASK.items() if name != missing}
    response = await world.http.post("/v1/confirmations", json=body, headers=world.bearer)
    assert code_of(response) == (422, f"request.{missing}")


async def test_an_approver_without_a_passkey_is_refused(world):
    await world.add_person("dora")
    assert code_of(await world.ask(approvers=["dora@example.com"])) == (422, "policy.unenrolled")


async def test_an_approver_of_another_organisation_is_unknown(world):
    key = await world.new_key(organisation=await world.other_organisation())
    response = await world.ask({"Authorization": f"Bearer {key}"})
    assert code_of(response) == (422, "policy.unknown_approver")


async def test_no_input_is_repeated_in_a_refusal(world):
    response = await world.ask(note=["hunter2"], claim={"hunter2": "hunter2"}, expires_in="hunter2")
    assert response.status_code == 422
    assert "hunter2" not in response.text


async def test_a_body_of_any_length_stops_at_the_limit(world):
    body = json.dumps({**ASK, "payload": {"a": "x" * 300_000}})
    response = await world.http.post("/v1/confirmations", content=body, headers=world.bearer)
    assert code_of(response) == (413, "request.too_large")


async def test_an_endless_body_is_not_read_to_its_end(world):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 65_536

    response = await world.http.post("/v1/confirmations", content=endless(), headers=world.bearer)
    assert code_of(response) == (413, "request.too_large")
    assert sent <= 6


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "a"])
async def test_a_body_that_says_it_is_something_else_is_refused(world, kind):
    headers = {**world.bearer, "Content-Type": kind}
    response = await world.http.post("/v1/confirmations", content=json.dumps(ASK), headers=headers)
    assert code_of(response) == (415, "request.media_type")


async def test_a_charset_beside_the_type_is_fine(world):
    headers = {**world.bearer, "Content-Type": "Application/JSON; charset=utf-8"}
    response = await world.http.post("/v1/confirmations", content=json.dumps(ASK), headers=headers)
    assert response.status_code == 201


async def test_without_temporal_the_row_stays_and_the_caller_is_told_to_come_back(world):
    world.workflows.down = True
    assert code_of(await world.ask()) == (503, "temporal.unavailable")
    [row] = (await world.get("")).json()["confirmations"]
    assert row["status"] == "pending"
