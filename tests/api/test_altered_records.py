"""A database into which somebody else writes: what people were asked is what they sign, or nothing is approved."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from cosignet.core.canonical import Payload
from cosignet.core.encoding import from_b64u, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, hash_text
from cosignet.core.verdict import verify
from cosignet.errors import VerificationFailed
from cosignet.testing import SoftwarePasskey
from store.confirmations import get_confirmation
from store.schema import ceremonies, confirmations, credentials, votes
from tests.api.world import ASK, code_of

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}
GENUINE = Payload.from_value(ASK["payload"])
OTHER = Payload.from_value({**ASK["payload"], "amount": "9250.00"})
HOUR = timedelta(hours=1)


def asked_so(row, **changes):
    """The row as if it had been asked so from the beginning: terms, their hash, and the columns beside them."""
    terms = replace(Terms.parse(row.terms), **changes)
    times = {name: getattr(terms, name) for name in ("created_at", "deadline", "valid_until")}
    return {"terms": terms.to_bytes(), "terms_hash": sha256(terms.to_bytes()), **times}


def looser(row):
    policy = Policy.parse(row.policy)
    return replace(policy, approvers=(*policy.approvers, "mallory"), threshold=1)


CLUMSY = {
    "payload": lambda row: {"payload": OTHER.canonical},
    "terms": lambda row: {"terms": asked_so(row, action="Wire 9250 EUR")["terms"]},
    "hash of the terms": lambda row: {"terms_hash": bytes(32)},
    "policy": lambda row: {"policy": looser(row).to_bytes()},
    "note": lambda row: {"note": "as discussed"},
    "creation": lambda row: {"created_at": row.created_at - HOUR},
    "deadline": lambda row: {"deadline": row.deadline + HOUR},
    "validity": lambda row: {"valid_until": row.valid_until + HOUR},
    "terms of another confirmation": lambda row: asked_so(row, confirmation="0" * 32),
    "terms of another organisation": lambda row: asked_so(row, organisation="another"),
}
THOROUGH = {
    "payload, thoroughly": lambda row: {**asked_so(row, payload=OTHER.hash), "payload": OTHER.canonical},
    "policy, thoroughly": lambda row: {**asked_so(row, policy=looser(row).hash), "policy": looser(row).to_bytes()},
    "note, thoroughly": lambda row: {**asked_so(row, note=hash_text("as discussed")), "note": "as discussed"},
    "action": lambda row: asked_so(row, action="Wire 9250 EUR"),
    "requester": lambda row: asked_so(row, requester="the CEO"),
    "execution": lambda row: asked_so(row, execution="temporal:default/another/wire"),
    "reveal": lambda row: asked_so(row, reveal="yes"),
    "deadline, thoroughly": lambda row: asked_so(row, deadline=row.deadline + HOUR),
    "validity, thoroughly": lambda row: asked_so(row, valid_until=row.valid_until + HOUR),
}


async def read(world, confirmation):
    async with world.acme.database.read() as tx:
        return await get_confirmation(tx, confirmation)


async def write(world, table, condition, **values):
    async with world.acme.database.write() as tx:
        await tx.execute(update(table).where(condition).values(values))


@asynccontextmanager
async def altered(world, confirmation, change):
    """The row is another one for a while. Everything that happened before is in the log."""
    await world.acme.deployment.appender.append_to_log()
    original, here = await read(world, confirmation), confirmations.c.id == confirmation
    await write(world, confirmations, here, **change(original))
    yield original
    await write(
        world, confirmations, here, **{column.name: getattr(original, column.name) for column in confirmations.c}
    )


async def consume(world, confirmation, payload_hash):
    return await world.post(f"/{confirmation}/consume", {"payload_hash": payload_hash, "consumer": "w"})


async def failed_check(world, original, *names):
    """The check by which the evidence fails; none when it proves exactly what was asked."""
    response = await world.get(f"/{original.id}/evidence")
    assert response.status_code == 200, response.text
    now, trust = datetime.now(UTC), await world.trust(*names)
    try:
        verdict = verify(response.content, trust, expected_payload=GENUINE.canonical, now=now)
    except VerificationFailed as error:
        return error.code
    assert verdict.terms.to_bytes() == original.terms
    return None


# Before anybody decided


async def test_a_record_that_contradicts_itself_is_neither_shown_nor_signed(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    for name, change in CLUMSY.items():
        async with altered(world, asked["id"], change):
            for answer in (await anna.view(), await anna.touch("approve"), await anna.touch("reject")):
                assert code_of(answer) == (403, "terms.hash"), name
    assert (await anna.decide()).json()["status"] == "approved"


async def test_a_record_changed_between_ceremony_and_vote_takes_no_vote(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    for name, change in (CLUMSY | THOROUGH).items():
        async with altered(world, asked["id"], change):
            assert code_of(await anna.send(vote)) == (403, "terms.hash"), name
            assert await world.status(asked["id"]) == "pending"
    assert world.workflows.voted == []
    assert (await anna.send(vote)).json() == {"status": "approved", "accepted": True}


async def test_votes_on_different_terms_make_no_decision_together(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    assert (await anna.decide()).json()["status"] == "pending"
    for name, change in THOROUGH.items():
        async with altered(world, asked["id"], change):
            # Ben honestly signs what he is shown; Anna has signed something else.
            assert code_of(await ben.decide()) == (403, "terms.hash"), name
            assert await world.status(asked["id"]) == "pending"
    assert (await ben.decide()).json()["status"] == "approved"


async def test_a_request_rewritten_before_anybody_saw_it_is_what_people_are_shown(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    original = await read(world, asked["id"])
    await write(world, confirmations, confirmations.c.id == original.id, **THOROUGH["payload, thoroughly"](original))
    assert (await anna.view()).json()["payload"] == OTHER.value
    assert (await anna.decide()).json()["status"] == "approved"
    # What the agent is about to do is the one thing for which this cannot be used.
    # And the request in the log is on other terms.
    assert await failed_check(world, original, "anna") == "leaf.record"
    assert code_of(await consume(world, asked["id"], asked["payload_hash"])) == (409, "payload.mismatch")


@pytest.mark.parametrize(("touched", "written"), [("approve", "reject"), ("reject", "approve")])
async def test_a_context_rewritten_after_it_was_issued_takes_no_vote(world, touched, written):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    issued = await anna.begin(touched)
    other = replace(Context.parse(from_b64u(issued["context"])), decision=written)
    await write(world, ceremonies, ceremonies.c.confirmation_id == asked["id"], context=other.to_bytes())
    assert code_of(await anna.send(anna.sign(issued))) == (403, "assertion.challenge")
    assert await world.status(asked["id"]) == "pending"


# After somebody decided

# Where evidence does not fail as `leaf.record`, because the log has other terms: columns that it does not hold, because
# what is signed is in the terms, and what contradicts itself even without the log.
CHECKS = {
    **dict.fromkeys(("creation", "deadline", "validity")),
    **dict.fromkeys(("hash of the terms", "terms", "policy", "note"), "terms.hash"),
    "payload": "payload.hash",
}


async def test_a_record_changed_after_the_vote_is_of_no_use(world):
    asked = await world.approved()
    for name, change in (CLUMSY | THOROUGH).items():
        async with altered(world, asked["id"], change) as original:
            found = (await world.get(f"/{asked['id']}")).json()
            assert not found["usable"], name
            refused = {code_of(await consume(world, asked["id"], it["payload_hash"])) for it in (asked, found)}
            assert (409, "confirmation.not_approved") in refused, name
            assert refused <= {(409, "confirmation.not_approved"), (409, "payload.mismatch")}, name
            assert await failed_check(world, original, "anna") == CHECKS.get(name, "leaf.record"), name
    assert (await consume(world, asked["id"], asked["payload_hash"])).json()["consumer"] == "w"


def by_hand(row):
    # The log has the request's event, so nothing is missing there.
    decided_at = row.deadline - timedelta(seconds=1)
    return {"status": "approved", "decided_at": decided_at, "outcome_event": row.request_event}


async def test_a_status_that_the_log_knows_nothing_of_is_told_to_nobody(world):
    asked = await world.asked()
    for event in (None, "00000000-0000-0000-0000-000000000000"):
        async with altered(world, asked["id"], lambda row, event=event: {**by_hand(row), "outcome_event": event}):
            assert await world.status(asked["id"]) == "pending"
            assert (await world.get(f"/{asked['id']}/evidence")).status_code == 202
            refused = await consume(world, asked["id"], asked["payload_hash"])
            assert code_of(refused) == (409, "confirmation.not_approved")


@pytest.mark.parametrize("ballots", [{}, {"anna": "approve"}, {"anna": "reject"}])
async def test_a_status_that_was_written_by_hand_approves_nothing(world, ballots):
    asked = await world.asked(**TWO)
    for name, word in ballots.items():
        await (await world.approver(asked["id"], name)).decide(word)
    async with altered(world, asked["id"], by_hand) as original:
        assert not (await world.get(f"/{asked['id']}")).json()["usable"]
        assert [c["usable"] for c in (await world.get("")).json()["confirmations"]] == [False]
        refused = await consume(world, asked["id"], asked["payload_hash"])
        assert code_of(refused) == (409, "confirmation.not_approved")
        assert await failed_check(world, original, "anna", "ben") == "leaf.record"


@pytest.mark.parametrize(
    ("why", "values"),
    [
        ("leaf.record", {"signature": bytes(70)}),
        ("leaf.record", {"user_handle": b"ben"}),
        ("leaf.record", {"voided_at": datetime(2020, 1, 1, tzinfo=UTC)}),
        # When it was counted is in the log.
        (None, {"counted_at": datetime(2020, 1, 1, tzinfo=UTC)}),
        ("context.nonce", {"reason": "as agreed"}),
    ],
)
async def test_votes_that_were_written_over_prove_nothing(world, why, values):
    asked = await world.approved()
    await write(world, votes, votes.c.confirmation_id == asked["id"], **values)
    assert await failed_check(world, await read(world, asked["id"]), "anna") == why


async def test_a_passkey_swapped_in_the_database_convinces_nobody_who_pinned_the_real_one(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    thief = SoftwarePasskey(anna.passkey.person)
    thief.id = anna.passkey.id
    await write(world, credentials, credentials.c.id == thief.id, public_key=thief.credential.public_key)
    assert (await replace(anna, passkey=thief).decide()).json()["status"] == "approved"
    assert await failed_check(world, await read(world, asked["id"]), "anna") == "leaf.record"
