"""What is not in the log is not in force: a decision is pending for everybody until its leaf is in the tree."""

import httpx2
import pytest

from activities import ceremonies
from activities.closing import close_confirmation, consume_confirmation, list_standings, read_outcome, read_standing
from activities.evidence import read_evidence
from activities.voting import find_vote, record_vote
from api.main import create_app
from cosignet.core.encoding import from_b64u, sha256
from cosignet.core.terms import Context
from cosignet.errors import Conflict, Unavailable
from store.confirmations import Filter, get_confirmation
from store.log import set_read_only
from tests.acme import ORIGIN, found_acme
from tests.api.world import StandIn, World

ID = "0" * 32


@pytest.fixture
async def acme(log):
    return await found_acme(log.database)


async def freeze(log, why="a test says so"):
    async with log.database.write() as tx:
        await set_read_only(tx, why)


async def asked(log, acme):
    row = await acme.ask(ID)
    await log.publisher.step()
    return row


async def stored(log):
    async with log.database.read() as tx:
        return await get_confirmation(tx, ID)


async def unavailable(step):
    with pytest.raises(Unavailable) as caught:
        await step
    return caught.value.code


async def listed(acme, status):
    found = await list_standings(acme.deployment, acme.organisation.id, "key:test", Filter(status=status), limit=9)
    return [standing.row.id for standing in found]


async def test_a_decision_that_is_not_in_the_log_is_pending_for_everybody(log, acme):
    row = await asked(log, acme)
    nonce, vote = await acme.sign(ID, "anna")
    await freeze(log)
    assert await unavailable(record_vote(acme.deployment, ID, vote)) == "log.read_only"
    assert (await stored(log)).status == "approved"
    await require_pending(log, acme, row, nonce)
    await freeze(log, "")
    recorded = await record_vote(acme.deployment, ID, vote)
    assert (recorded.answer.accepted, recorded.answer.status, recorded.outcome.status) == (True, "approved", "approved")
    decided = await read_standing(acme.deployment, ID)
    assert (decided.row.announced, decided.usable) == ("approved", True)
    assert recorded.outcome.leaf_index == decided.row.outcome_leaf
    assert recorded.outcome.event == decided.row.outcome_event
    assert await listed(acme, "approved") == [ID]
    await log.publisher.step()
    assert await read_evidence(acme.deployment, ID) is not None


async def require_pending(log, acme, row, nonce):
    standing = await read_standing(acme.deployment, ID)
    assert (standing.row.announced, standing.usable) == ("pending", False)
    assert (await listed(acme, "pending"), await listed(acme, "approved")) == ([ID], [])
    assert await read_evidence(acme.deployment, ID) is None
    answer = await find_vote(acme.deployment, ID, from_b64u(nonce))
    assert (answer.accepted, answer.status) == (True, "pending")
    assert await unavailable(read_outcome(acme.deployment, ID)) == "log.read_only"
    with pytest.raises(Conflict) as caught:
        await consume_confirmation(acme.deployment, ID, sha256(row.payload), "w")
    assert caught.value.code == "confirmation.not_approved"
    assert "pending" in caught.value.detail
    app = create_app(acme.deployment, StandIn(acme))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN) as http:
        world = World(acme, app, None, http, key="")
        world.key = await world.new_key(owner="key:test")
        told = (await world.get(f"/{ID}")).json()
        assert (told["status"], told["usable"], told["decided_at"]) == ("pending", False, None)
        assert (told["outcome_event"], told["outcome_leaf"]) == (None, None)
        assert (await world.get(f"/{ID}/evidence")).status_code == 202
        view = (await (await world.approver(ID)).view()).json()
        assert (view["status"], view["may_vote"]) == ("pending", False)


async def test_a_use_that_is_not_in_the_log_is_not_acknowledged(log, acme):
    row = await asked(log, acme)
    _, vote = await acme.sign(ID, "anna")
    await record_vote(acme.deployment, ID, vote)
    await freeze(log)
    assert await unavailable(consume_confirmation(acme.deployment, ID, sha256(row.payload), "w")) == "log.read_only"
    assert await unavailable(consume_confirmation(acme.deployment, ID, sha256(row.payload), "w")) == "log.read_only"
    with pytest.raises(Conflict):
        await consume_confirmation(acme.deployment, ID, sha256(row.payload), "another")
    await freeze(log, "")
    standing = await consume_confirmation(acme.deployment, ID, sha256(row.payload), "w")
    assert standing.row.consumer == "w"


@pytest.mark.parametrize("status", ["cancelled", "expired"])
async def test_an_end_that_is_not_in_the_log_is_not_told(log, acme, status):
    await asked(log, acme)
    await freeze(log)
    assert await unavailable(close_confirmation(acme.deployment, ID, status)) == "log.read_only"
    assert (await read_standing(acme.deployment, ID)).row.announced == "pending"
    await freeze(log, "")
    assert (await close_confirmation(acme.deployment, ID, status)).status == status


async def test_a_vote_that_decides_nothing_waits_as_well(log, acme):
    await acme.ask(ID, approvers=["anna@example.com", "ben@example.com"], threshold=2)
    await log.publisher.step()
    _, vote = await acme.sign(ID, "anna")
    await freeze(log)
    assert await unavailable(record_vote(acme.deployment, ID, vote)) == "log.read_only"
    await freeze(log, "")
    recorded = await record_vote(acme.deployment, ID, vote)
    assert (recorded.answer.accepted, recorded.answer.status, recorded.outcome) == (True, "pending", None)


async def test_nobody_votes_before_a_signed_head_covers_the_request(log, acme, monkeypatch):
    monkeypatch.setattr(ceremonies, "HEAD_SECONDS", 0.2)
    await log.publisher.step()
    await acme.ask(ID)
    assert await unavailable(acme.ceremony(ID, "anna")) == "log.pending"
    await log.appender.append_to_log()
    assert await unavailable(acme.ceremony(ID, "anna")) == "log.pending"
    await log.publisher.step()
    issued = await acme.ceremony(ID, "anna")
    assert Context.parse(issued.context).head == (await log.head()).head


async def test_a_request_is_taken_while_the_log_stands_still(log, acme):
    await freeze(log)
    await acme.ask(ID)
    assert (await read_standing(acme.deployment, ID)).row.announced == "pending"
