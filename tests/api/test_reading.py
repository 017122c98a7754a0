"""How confirmations are read: one of them, waiting, and lists."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from cosignet.core.encoding import b64u, instant
from cosignet.errors import Unavailable
from tests.api.world import code_of

# Reading and waiting


@pytest.mark.parametrize("confirmation", ["0" * 32, "x", "A" * 32, "%00" * 32, "f" * 33, "é"])
async def test_what_is_unknown_is_not_found(world, confirmation):
    assert code_of(await world.get(f"/{confirmation}")) == (404, "confirmation.unknown")


@pytest.mark.parametrize("wait", ["-1", "56", "x", "1.5", ""])
async def test_wait_has_bounds(world, wait):
    asked = await world.asked()
    assert code_of(await world.get(f"/{asked['id']}", wait=wait)) == (422, "request.wait")


async def test_unknown_parameters_are_refused(world):
    asked = await world.asked()
    assert code_of(await world.get(f"/{asked['id']}", timeout=3)) == (422, "request.unknown_field")


async def test_a_long_poll_that_sees_nothing_says_pending(world):
    asked = await world.asked()
    started = time.monotonic()
    response = await world.get(f"/{asked['id']}", wait=1)
    assert (response.status_code, response.json()["status"]) == (200, "pending")
    assert 1 <= time.monotonic() - started < 2


@pytest.mark.parametrize("ending", ["approve", "reject", "cancel"])
async def test_a_long_poll_wakes_within_a_second(world, ending):
    asked = await world.asked()
    approver = await world.approver(asked["id"])
    polls = [asyncio.create_task(world.get(f"/{asked['id']}", wait=55)) for _ in range(5)]
    await asyncio.sleep(0.2)
    await (world.post(f"/{asked['id']}/cancel") if ending == "cancel" else approver.decide(ending))
    ended = time.monotonic()
    answers = await asyncio.gather(*polls)
    assert time.monotonic() - ended < 1
    expected = {"approve": "approved", "reject": "rejected", "cancel": "cancelled"}[ending]
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, expected)}


async def test_a_long_poll_on_what_is_final_answers_at_once(world):
    asked = await world.approved()
    started = time.monotonic()
    assert (await world.get(f"/{asked['id']}", wait=55)).json()["status"] == "approved"
    assert time.monotonic() - started < 1


async def test_those_who_wait_hold_no_connection(world):
    asked = await world.asked()
    polls = [asyncio.create_task(world.get(f"/{asked['id']}", wait=30)) for _ in range(60)]
    waiting = world.app.state.service.poller._waiting
    while len(waiting.get(asked["id"], ())) < 60:
        await asyncio.sleep(0.05)
    assert world.acme.database._engine.pool.checkedout() <= 1
    assert (await asyncio.wait_for(world.get(f"/{asked['id']}"), 1)).status_code == 200
    await world.post(f"/{asked['id']}/cancel")
    assert {answer.json()["status"] for answer in await asyncio.gather(*polls)} == {"cancelled"}


async def test_a_long_poll_survives_an_outage_of_the_database(world, monkeypatch):
    asked = await world.asked()
    poll = asyncio.create_task(world.get(f"/{asked['id']}", wait=20))
    await asyncio.sleep(0.1)

    async def unavailable(*_):
        raise Unavailable("database.unavailable", "gone")

    with monkeypatch.context() as patched:
        patched.setattr("api.polling.get_statuses", unavailable)
        await asyncio.sleep(0.6)
        assert not poll.done()
    await world.post(f"/{asked['id']}/cancel")
    assert (await poll).json()["status"] == "cancelled"


async def test_a_process_that_stops_answers_its_long_polls(world):
    asked = await world.asked()
    poll = asyncio.create_task(world.get(f"/{asked['id']}", wait=55))
    await asyncio.sleep(0.2)
    world.app.state.service.poller.stop()
    assert (await asyncio.wait_for(poll, 1)).json()["status"] == "pending"
    again = await asyncio.wait_for(world.get(f"/{asked['id']}", wait=55), 1)
    assert again.json()["status"] == "pending"


async def test_votes_show_who_decided_what_and_why(world):
    asked = await world.asked(approvers=["anna@example.com", "ben@example.com"], threshold=2)
    await (await world.approver(asked["id"], "anna")).decide("approve")
    await (await world.approver(asked["id"], "ben")).decide("reject", "not this month")
    found = (await world.get(f"/{asked['id']}")).json()
    anna, ben = (world.acme.people[name].id for name in ("anna", "ben"))
    assert [(v["approver"], v["decision"], v["reason"]) for v in found["votes"]] == [
        (anna, "approve", ""),
        (ben, "reject", "not this month"),
    ]
    assert (found["status"], found["usable"]) == ("rejected", False)
    assert found["decided_at"] == found["votes"][1]["at"]


# Lists


async def test_lists_are_filtered(world):
    first = await world.asked(external_id="a")
    second = await world.approved(external_id="b")
    assert [c["id"] for c in (await world.get("", status="approved")).json()["confirmations"]] == [second["id"]]
    assert [c["id"] for c in (await world.get("", external_id="a")).json()["confirmations"]] == [first["id"]]
    assert (await world.get("", external_id="a", status="approved")).json()["confirmations"] == []
    later = instant(datetime.fromtimestamp(time.time() + 60, UTC))
    earlier = instant(datetime.fromtimestamp(time.time() - 60, UTC))
    assert (await world.get("", since=later)).json()["confirmations"] == []
    assert (await world.get("", until=earlier)).json()["confirmations"] == []
    assert len((await world.get("", since=earlier, until=later)).json()["confirmations"]) == 2


async def test_a_listed_confirmation_is_the_one_that_is_read(world):
    asked = await world.approved()
    [listed] = (await world.get("")).json()["confirmations"]
    assert listed == (await world.get(f"/{asked['id']}")).json()
    assert listed["usable"]
    assert len(listed["votes"]) == 1


async def test_pages_hold_everything_once(world):
    asked = [(await world.asked(external_id=str(n)))["id"] for n in range(7)]
    found, cursor = [], {}
    for size in (3, 3, 1):
        page = (await world.get("", limit=3, **cursor)).json()
        assert len(page["confirmations"]) == size
        found += [c["id"] for c in page["confirmations"]]
        cursor = {"cursor": page["next_cursor"]}
    assert cursor == {"cursor": None}
    assert sorted(found) == sorted(asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("status", "approve"),
        ("status", "APPROVED"),
        ("status", ""),
        ("external_id", "x" * 201),
        ("external_id", "\x00"),
        ("cursor", "x"),
        ("cursor", "x" * 201),
        ("cursor", b64u(b"12.abc")),
        ("cursor", b64u(b"12.\x00")),
        ("cursor", b64u(b"999999999999." + b"a" * 32)),
    ],
)
async def test_filters_have_a_form(world, name, value):
    assert code_of(await world.get("", **{name: value})) == (422, f"request.{name}")


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-01-31", "1700000000", "2026-01-31T12:00:00+01:00", "2026-02-30T12:00:00Z"]
)
async def test_times_have_one_form(world, value):
    assert code_of(await world.get("", since=value)) == (422, "encoding.instant")


async def test_an_unknown_filter_is_refused_rather_than_ignored(world):
    assert code_of(await world.get("", state="approved")) == (422, "request.unknown_field")
