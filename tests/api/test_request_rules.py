"""The rules of a request where it is recorded: over HTTP a schema comes first, from a workflow nothing does."""

import secrets

import pytest

from cosignet.core.policy import Fallback, Policy
from cosignet.errors import CosignetError
from store.organisations import revoke_person, set_policy


async def refusal(acme, **changes):
    with pytest.raises(CosignetError) as caught:
        await acme.ask(secrets.token_hex(16), **changes)
    return caught.value.code


@pytest.mark.parametrize("confirmation", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 31 + "\n"])
async def test_an_id_has_one_form(acme, confirmation):
    with pytest.raises(CosignetError) as caught:
        await acme.ask(confirmation)
    assert caught.value.code == "request.id"


TEXTS = [("action", 1, 200), ("note", 0, 2_000), ("execution", 0, 500), ("external_id", 0, 200), ("claim", 0, 500)]


@pytest.mark.parametrize(("name", "least", "most"), TEXTS)
async def test_texts_have_a_length(acme, name, least, most):
    await acme.ask(secrets.token_hex(16), **{name: "x" * most})
    for length in (most + 1, *range(least)):
        assert await refusal(acme, **{name: "x" * length}) == f"request.{name}"


@pytest.mark.parametrize("name", [name for name, _, _ in TEXTS])
@pytest.mark.parametrize("character", ["\ud800", "\x00"])
async def test_texts_are_made_of_characters(acme, name, character):
    assert await refusal(acme, **{name: f"a{character}b"}) == f"request.{name}"


@pytest.mark.parametrize(("name", "least", "most"), [("expires_in", 30, 2_592_000), ("valid_for", 1, 2_592_000)])
async def test_times_have_bounds(acme, name, least, most):
    for value in (least, most):
        await acme.ask(secrets.token_hex(16), **{name: value})
    for value in (least - 1, most + 1, 0, -1):
        assert await refusal(acme, **{name: value}) == f"request.{name}"


async def test_somebody_who_was_revoked_cannot_be_asked(acme):
    async with acme.database.write() as tx:
        await revoke_person(tx, acme.people["anna"].id, at=await acme.database.clock(tx))
    assert await refusal(acme) == "policy.unknown_approver"


@pytest.fixture
async def policy(acme):
    """Two of three, and Cem only after a minute."""
    anna, ben, cem = (acme.people[name].id for name in ("anna", "ben", "cem"))
    policy = Policy((anna, ben), 2, fallback=(Fallback(60, (cem,)),))
    async with acme.database.write() as tx:
        at = await acme.database.clock(tx)
        await set_policy(tx, acme.organisation.id, "payments", policy.to_bytes(), at=at)
    return {"policy": "payments", "approvers": []}


async def test_a_request_may_tighten_its_policy_and_never_loosen_it(acme, policy):
    assert await refusal(acme, **policy, threshold=1) == "policy.loosened"
    tightened = await acme.ask(secrets.token_hex(16), **policy, threshold=3)
    assert Policy.parse(tightened.policy).threshold == 3


async def test_a_stage_that_would_open_too_late_is_refused(acme, policy):
    assert await refusal(acme, **policy, expires_in=60) == "policy.unreachable"
    await acme.ask(secrets.token_hex(16), **policy, expires_in=61)
