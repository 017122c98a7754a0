"""Idempotency-Key: one confirmation and one answer for each key, whatever crashes, repeats or races."""

import asyncio
import json

import pytest

from tests.api.world import ASK, code_of


def with_key(world, key="order-7", api_key=None):
    return {"Authorization": f"Bearer {api_key or world.key}", "Idempotency-Key": key}


async def listed(world):
    return (await world.get("")).json()["confirmations"]


async def test_the_same_request_gets_the_same_answer_byte_for_byte(world):
    first = await world.ask(with_key(world))
    await (await world.approver(first.json()["id"])).decide("approve")
    second = await world.ask(with_key(world))
    assert (first.status_code, first.content, first.headers["location"]) == (
        second.status_code,
        second.content,
        second.headers["location"],
    )
    assert len(await listed(world)) == len(world.workflows.started) == 1


async def test_another_spelling_of_the_same_request_is_the_same_request(world):
    first = await world.ask(with_key(world))
    body = json.dumps({"expires_in": 900, **dict(reversed(ASK.items()))}, indent=2)
    second = await world.http.post("/v1/confirmations", content=body, headers=with_key(world))
    assert second.content == first.content


@pytest.mark.parametrize(
    "changes", [{"action": "x"}, {"payload": {}}, {"note": "x"}, {"approvers": ["ben@example.com"]}, {"expires_in": 60}]
)
async def test_another_request_under_the_same_key_is_refused(world, changes):
    await world.ask(with_key(world))
    assert code_of(await world.ask(with_key(world), **changes)) == (409, "idempotency.mismatch")
    assert len(await listed(world)) == 1


async def test_without_the_header_every_request_is_a_new_one(world):
    assert (await world.asked())["id"] != (await world.asked())["id"]


async def test_two_api_keys_never_meet(world):
    first = await world.ask(with_key(world))
    sibling = await world.new_key(owner="the same agent")
    other = await world.ask(with_key(world, api_key=sibling), action="Something else")
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


async def test_many_at_once_make_one_confirmation(world):
    answers = await asyncio.gather(*(world.ask(with_key(world)) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await listed(world)) == 1


async def test_many_different_ones_at_once_make_one_confirmation(world):
    answers = await asyncio.gather(*(world.ask(with_key(world), note=str(n)) for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert len(await listed(world)) == 1


async def test_after_an_outage_the_same_key_goes_on_where_it_was(world):
    world.workflows.down = True
    assert code_of(await world.ask(with_key(world))) == (503, "temporal.unavailable")
    [row] = await listed(world)
    world.workflows.down = False
    again = await world.ask(with_key(world))
    assert (again.status_code, again.json()["id"]) == (201, row["id"])
    assert world.workflows.started == [row["id"]]
    assert (await world.ask(with_key(world))).content == again.content


async def test_a_crash_before_the_answer_was_kept_resumes_with_the_same_id(world, monkeypatch):
    async def crash(*_):
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patched:
        patched.setattr("api.idempotency.remember_answer", crash)
        assert code_of(await world.ask(with_key(world))) == (500, "internal.error")
    [row] = await listed(world)
    assert (await world.ask(with_key(world))).json()["id"] == row["id"]
    assert len(await listed(world)) == 1


async def test_a_crash_before_anything_was_recorded_resumes_with_the_same_id(world, monkeypatch):
    seen = []

    async def crash(deployment, caller, confirmation, ask):
        seen.append(confirmation)
        raise RuntimeError("the process died here")

    with monkeypatch.context() as patched:
        patched.setattr("api.confirmations.open_confirmation", crash)
        assert code_of(await world.ask(with_key(world))) == (500, "internal.error")
    assert (await world.ask(with_key(world))).json()["id"] == seen[0]


async def test_a_request_that_the_policy_refuses_is_examined_again(world):
    dora = await world.add_person("dora")
    assert code_of(await world.ask(with_key(world), approvers=[dora.id])) == (422, "policy.unenrolled")
    await world.acme.enrol("dora")
    assert (await world.ask(with_key(world), approvers=[dora.id])).status_code == 201


async def test_a_body_of_the_wrong_form_does_not_take_the_key(world):
    assert code_of(await world.ask(with_key(world), action=7)) == (422, "request.action")
    assert (await world.ask(with_key(world))).status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\x7f", "schlüssel".encode("latin-1")])
async def test_a_key_is_visible_ascii(world, key):
    assert code_of(await world.ask(with_key(world, key))) == (422, "request.idempotency_key")


async def test_the_longest_key_works(world):
    assert (await world.ask(with_key(world, "~" * 255))).status_code == 201
