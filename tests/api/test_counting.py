"""Votes where they are counted: whatever came through the doors before, the row's own transaction checks it again."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.closing import close_confirmation
from activities.voting import find_vote, record_vote
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.evidence import assertion_to_json
from cosignet.core.policy import Policy
from cosignet.core.terms import Context
from cosignet.errors import Refused
from cosignet.temporal.contract import VoteAnswer, VoteInput
from store.confirmations import get_confirmation
from store.organisations import set_policy
from store.votes import get_ceremony, list_votes
from tests.acme import CEREMONY
from tests.api.world import code_of

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}


async def asked(acme, **changes):
    return (await acme.ask(secrets.token_hex(16), **changes)).id


async def count(acme, confirmation, vote):
    return (await record_vote(acme.deployment, confirmation, vote)).answer


async def refused(acme, confirmation, vote, code):
    """The vote is refused, and nothing of it is left."""
    before = await state(acme, confirmation)
    answer = await count(acme, confirmation, vote)
    assert (answer.accepted, answer.code) == (False, code)
    assert await state(acme, confirmation) == before


async def state(acme, confirmation):
    async with acme.database.read() as tx:
        return await get_confirmation(tx, confirmation), await list_votes(tx, confirmation)


def at_home(acme, **ahead):
    """The database's clock, ahead of this machine's by this much."""

    async def clock(tx):
        return datetime.now(UTC).replace(microsecond=0) + timedelta(**ahead)

    acme.database.clock = clock


async def lying(acme, confirmation, **lie):
    """A vote whose ceremony lies."""
    issued = await acme.ceremony(confirmation, "anna")
    assertion = acme.passkeys["anna"].sign(issued.challenge, replace(CEREMONY, **lie))
    return VoteInput(b64u(issued.context), **assertion_to_json(assertion))


LIES = {
    "assertion.uv": {"flags": 0x01},
    "assertion.up": {"flags": 0x04},
    "assertion.rp_id": {"rp_id": "evil.example"},
    "assertion.origin": {"origin": "https://evil.example"},
    "assertion.cross_origin": {"client_data": {"crossOrigin": True}},
    "assertion.type": {"client_data": {"type": "webauthn.create"}},
    "assertion.challenge": {"client_data": {"challenge": b64u(bytes(64))}},
}


@pytest.mark.parametrize(("code", "lie"), LIES.items(), ids=LIES.keys())
async def test_an_assertion_that_lies_is_not_counted(acme, code, lie):
    confirmation = await asked(acme)
    await refused(acme, confirmation, await lying(acme, confirmation, **lie), code)


async def test_what_the_second_verifier_refuses_is_not_counted(acme, monkeypatch):
    def no(**arguments):
        raise ValueError

    confirmation = await asked(acme)
    _, vote = await acme.sign(confirmation, "anna")
    with monkeypatch.context() as patched:
        patched.setattr("activities.second_opinion.verify_authentication_response", no)
        await refused(acme, confirmation, vote, "assertion.disputed")
    assert (await count(acme, confirmation, vote)).status == "approved"


async def test_a_context_that_was_not_issued_for_this_is_not_counted(acme):
    first, second = await asked(acme), await asked(acme)
    _, vote = await acme.sign(first, "anna")
    await refused(acme, second, vote, "ceremony.unknown")


async def test_a_passkey_of_somebody_else_is_not_counted(acme):
    confirmation = await asked(acme, **TWO)
    issued = await acme.ceremony(confirmation, "anna")
    _, vote = acme.answer("ben", issued)
    await refused(acme, confirmation, vote, "assertion.key")


async def test_a_vote_counts_before_the_deadline_of_the_databases_clock(acme):
    confirmation = await asked(acme, expires_in=60)
    _, vote = await acme.sign(confirmation, "anna")
    at_home(acme, seconds=61)
    await refused(acme, confirmation, vote, "time.deadline")


async def test_a_ceremony_that_ended_is_not_counted(acme):
    confirmation = await asked(acme)
    _, vote = await acme.sign(confirmation, "anna")
    at_home(acme, minutes=5, seconds=1)
    await refused(acme, confirmation, vote, "ceremony.invalid")


async def test_one_person_counts_once(acme):
    confirmation = await asked(acme, **TWO)
    first, second = [(await acme.sign(confirmation, "anna"))[1] for _ in range(2)]
    assert (await count(acme, confirmation, first)).status == "pending"
    await refused(acme, confirmation, second, "vote.person")


async def test_the_same_vote_counts_once_and_is_answered_as_before(acme):
    confirmation = await asked(acme, **TWO)
    _, vote = await acme.sign(confirmation, "anna")
    assert await count(acme, confirmation, vote) == await count(acme, confirmation, vote)
    assert len((await state(acme, confirmation))[1]) == 1


@pytest.mark.parametrize("ending", ["approved", "cancelled", "expired"])
async def test_nothing_counts_once_it_is_decided(acme, ending):
    confirmation = await asked(acme, approvers=TWO["approvers"])
    _, late = await acme.sign(confirmation, "ben", "reject")
    if ending == "approved":
        await count(acme, confirmation, (await acme.sign(confirmation, "anna"))[1])
    else:
        await close_confirmation(acme.deployment, confirmation, ending)
    await refused(acme, confirmation, late, "decision.final")


async def test_a_counted_vote_uses_its_ceremony_up(acme):
    confirmation = await asked(acme, **TWO)
    nonce, vote = await acme.sign(confirmation, "anna")
    await count(acme, confirmation, vote)
    async with acme.database.read() as tx:
        assert (await get_ceremony(tx, from_b64u(nonce))).used_at


async def test_a_counted_vote_is_found_under_its_own_confirmation(acme):
    confirmation, other = await asked(acme), await asked(acme)
    nonce, vote = await acme.sign(confirmation, "anna")
    await count(acme, confirmation, vote)
    assert await find_vote(acme.deployment, confirmation, from_b64u(nonce)) == VoteAnswer(True, "approved")
    assert await find_vote(acme.deployment, other, from_b64u(nonce)) is None


@pytest.mark.parametrize("status", ["approved", "rejected", "pending"])
async def test_nothing_is_closed_as_if_somebody_had_signed(acme, status):
    confirmation = await asked(acme)
    with pytest.raises(Refused) as caught:
        await close_confirmation(acme.deployment, confirmation, status)
    assert caught.value.code == "decision.votes"
    assert (await state(acme, confirmation))[0].status == "pending"


async def test_no_two_contexts_are_alike(acme):
    confirmation = await asked(acme)
    contexts = {(await acme.ceremony(confirmation, "anna")).context for _ in range(3)}
    assert len(contexts) == 3


@pytest.fixture
async def two_seats(acme):
    """Anna and Ben decide, and Cem may stand in for either."""
    anna, ben, cem = (acme.people[name].id for name in ("anna", "ben", "cem"))
    policy = Policy((anna, ben), 2, delegates={anna: (cem,), ben: (cem,)})
    async with acme.database.write() as tx:
        at = await acme.database.clock(tx)
        await set_policy(tx, acme.organisation.id, "two seats", policy.to_bytes(), at=at)
    return await asked(acme, policy="two seats", approvers=[])


async def test_a_delegate_is_offered_the_seat_that_is_open(acme, two_seats):
    # Seats are offered in the order of their ids: the first one is the one that is filled.
    first, second = sorted(("anna", "ben"), key=lambda name: acme.people[name].id)
    await count(acme, two_seats, (await acme.sign(two_seats, first))[1])
    issued = Context.parse((await acme.ceremony(two_seats, "cem")).context)
    assert issued.seat == acme.people[second].id


async def test_a_delegate_who_has_voted_is_offered_no_other_seat(acme, two_seats):
    await count(acme, two_seats, (await acme.sign(two_seats, "cem"))[1])
    with pytest.raises(Refused) as caught:
        await acme.ceremony(two_seats, "cem")
    assert caught.value.code == "vote.person"


@pytest.mark.parametrize(
    ("code", "status"), [("decision.final", 409), ("vote.person", 409), ("credential.revoked", 403)]
)
async def test_a_refusal_of_the_workflow_is_told_as_one(world, monkeypatch, code, status):
    async def refuse(*arguments):
        return VoteAnswer(accepted=False, status="approved", code=code, detail="no")

    monkeypatch.setattr(world.workflows, "vote", refuse)
    anna = await world.approver((await world.asked())["id"])
    assert code_of(await anna.decide()) == (status, code)
    assert await world.status(anna.confirmation) == "pending"
