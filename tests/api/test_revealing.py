"""Public reveal: only what was asked for so and approved, only with addresses that mail has reached, and for ever."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

import activities.opening
from cosignet.core.addresses import HashedAddress
from cosignet.core.encoding import from_b64u
from cosignet.core.evidence import Evidence
from cosignet.core.terms import Terms
from cosignet.core.verdict import verify
from store.schema import ceremonies, people
from tests.api.passed_on import Passed
from tests.api.test_verification import public
from tests.api.world import ASK, Approver, code_of

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}
ONE_OF_THREE = {"approvers": [f"{name}@example.com" for name in ("anna", "ben", "cem")], "threshold": 2}


async def shown(world, asked):
    return Evidence.parse((await public(world, asked["id"])).content)


def emails(evidence):
    return json.loads(evidence.outcome.record)["emails"]


async def verified_at(world):
    async with world.acme.database.read() as tx:
        anna = people.c.id == world.acme.people["anna"].id
        return (await tx.execute(select(people.c.email_verified_at).where(anna))).scalar_one()


async def hashed_at_ceremonies(world):
    async with world.acme.database.read() as tx:
        of_anna = ceremonies.c.person_id == world.acme.people["anna"].id
        return (await tx.execute(select(ceremonies.c.hashed_email).where(of_anna))).scalars().all()


async def signed_in(world, asked):
    """Anna, who was passed the link on, and whom no mail has reached."""
    anna = Passed(world, asked["id"], world.acme.passkeys["anna"])
    token = (await anna.come_in()).json()["token"]
    return Approver(world, asked["id"], anna.passkey, {"Authorization": f"Link {token}"})


# What is public


async def test_an_approval_that_was_asked_for_so_is_public(world):
    asked = await world.asked(public_reveal=True, note="for the auditors")
    assert asked["public_reveal"] is True
    await (await world.approver(asked["id"])).decide("approve", "as agreed")
    evidence = (await public(world, asked["id"])).content
    assert evidence == (await world.get(f"/{asked['id']}/evidence")).content
    trust = await world.trust("anna")
    verdict = verify(evidence, trust, expected_payload=None, now=datetime.now(UTC), email="Anna@Example.com")
    assert (verdict.terms.action, verdict.payload) == (ASK["action"], ASK["payload"])
    assert verdict.signers[0].reason == "as agreed"
    assert "the operator says that anna has the e-mail address Anna@Example.com" in verdict.attested


async def test_its_terms_say_so_and_so_does_the_view(world):
    asked = await world.asked(public_reveal=True)
    view = (await (await world.approver(asked["id"])).view()).json()
    assert (view["public_reveal"], Terms.parse(from_b64u(view["terms"])).reveal) == (True, "yes")


@pytest.mark.parametrize("changes", [{}, {"public_reveal": False}])
async def test_what_was_not_asked_for_so_is_not(world, changes):
    asked = await world.approved(**changes)
    assert asked["public_reveal"] is False
    evidence = await shown(world, asked)
    assert (evidence.withheld, emails(evidence)) == (True, {})
    assert await hashed_at_ceremonies(world) == [None]


async def test_a_rejection_is_not(world):
    asked = await world.asked(public_reveal=True)
    response = await (await world.approver(asked["id"])).decide("reject", "not in public")
    assert response.json()["status"] == "rejected"
    evidence = await shown(world, asked)
    assert (evidence.decision, evidence.withheld, emails(evidence)) == ("rejected", True, {})
    assert await hashed_at_ceremonies(world) == [None]


async def test_the_addresses_are_those_of_who_approved(world):
    asked = await world.asked(public_reveal=True, **ONE_OF_THREE)
    for name, decision in (("ben", "reject"), ("anna", "approve"), ("cem", "approve")):
        await (await world.approver(asked["id"], name)).decide(decision)
    hashed = emails(await shown(world, asked))
    ids = {name: world.acme.people[name].id for name in ("anna", "ben", "cem")}
    assert hashed.keys() == {ids["anna"], ids["cem"]}
    assert HashedAddress.from_json(hashed[ids["cem"]]).is_of("cem@example.com")
    assert not HashedAddress.from_json(hashed[ids["anna"]]).is_of("cem@example.com")


async def test_no_two_approvals_share_a_salt(world):
    found = [emails(await shown(world, await world.approved(public_reveal=True))) for _ in range(2)]
    anna = world.acme.people["anna"].id
    assert found[0][anna]["salt"] != found[1][anna]["salt"]


async def test_another_request_under_the_same_key_is_another_one(world):
    headers = {**world.bearer, "Idempotency-Key": "once"}
    assert (await world.ask(headers)).status_code == 201
    assert code_of(await world.ask(headers, public_reveal=True)) == (409, "idempotency.mismatch")


# Whose address


async def test_whoever_no_mail_has_reached_cannot_make_it_public(world):
    asked = await world.asked(public_reveal=True)
    anna = await signed_in(world, asked)
    view = (await anna.view()).json()
    assert (view["may_vote"], view["why_not"]) == (False, "email.unverified")
    for decision in ("approve", "reject"):
        assert code_of(await anna.touch(decision)) == (403, "email.unverified")
    assert await world.status(asked["id"]) == "pending"


async def test_whoever_opens_what_was_sent_to_them_can(world):
    asked = await world.asked(public_reveal=True)
    anna = await signed_in(world, asked)
    assert await verified_at(world) is None
    await (await world.approver(asked["id"])).view()
    first = await verified_at(world)
    assert first is not None
    world.later(seconds=60)
    assert (await anna.decide("approve")).json()["status"] == "approved"
    assert (await anna.view()).status_code == 200
    assert await verified_at(world) == first


async def test_what_stays_private_needs_no_address(world):
    asked = await world.asked()
    assert (await (await signed_in(world, asked)).decide("approve")).json()["status"] == "approved"
    assert await verified_at(world) is None


async def test_nothing_is_approved_with_an_address_missing(world):
    asked = await world.asked(public_reveal=True)
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    async with world.acme.database.write() as tx:
        of_this = ceremonies.c.confirmation_id == asked["id"]
        await tx.execute(update(ceremonies).where(of_this).values(hashed_email=None))
    assert code_of(await anna.send(vote)) == (403, "email.unverified")
    assert await world.status(asked["id"]) == "pending"


async def test_there_are_as_many_approvals_as_verifiers_take(world, monkeypatch):
    monkeypatch.setattr(activities.opening, "MAX_ADDRESSES", 1)
    assert code_of(await world.ask(public_reveal=True, **TWO)) == (422, "request.public_reveal")
    assert (await world.ask(public_reveal=True)).status_code == 201
    assert (await world.ask(**TWO)).status_code == 201


@pytest.mark.parametrize("value", ["yes", 1, None, "true"])
async def test_it_is_asked_for_by_true_alone(world, value):
    assert code_of(await world.ask(public_reveal=value)) == (422, "request.public_reveal")
