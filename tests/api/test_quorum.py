"""Who counts, and how often, over HTTP: people and never passkeys, only those whom the policy names."""

import pytest

from cosignet.core.policy import Policy
from store.organisations import set_policy
from tests.api.world import code_of

THREE = {"approvers": ["anna@example.com", "ben@example.com", "cem@example.com"], "threshold": 2}


async def asked(world, approvers, threshold=1, **rules):
    """A request under a policy of the organisation, its people by their first names."""
    ids = {name: person.id for name, person in world.acme.people.items()}
    for rule in ("exclude", "delegates"):
        if rule in rules:
            rules[rule] = _by_id(ids, rules[rule])
    policy = Policy(_by_id(ids, approvers), threshold, **rules)
    async with world.acme.database.write() as tx:
        at = await world.acme.database.clock(tx)
        await set_policy(tx, world.acme.organisation.id, "wires", policy.to_bytes(), at=at)
    return (await world.asked(approvers=[], policy="wires"))["id"]


def _by_id(ids, names):
    if isinstance(names, dict):
        return {ids[seat]: _by_id(ids, people) for seat, people in names.items()}
    return tuple(ids[name] for name in names)


async def decide(world, confirmation, name, decision="approve"):
    return (await (await world.approver(confirmation, name)).decide(decision)).json()["status"]


async def seats(world, confirmation):
    found = (await world.get(f"/{confirmation}")).json()
    return [vote["approver"] for vote in found["votes"]]


async def test_one_person_with_two_passkeys_counts_once(world):
    confirmation = await asked(world, ["anna", "ben"], 2)
    first = await world.approver(confirmation, "anna")
    one = first.sign(await first.begin())
    await world.acme.enrol("anna", algorithm="EdDSA")
    second = await world.approver(confirmation, "anna")
    other = second.sign(await second.begin())
    assert (await first.send(one)).json()["status"] == "pending"
    assert code_of(await second.send(other)) == (409, "vote.person")
    assert code_of(await second.touch("approve")) == (409, "vote.person")
    assert await world.status(confirmation) == "pending"
    assert await decide(world, confirmation, "ben") == "approved"


async def test_a_requester_who_is_excluded_does_not_vote(world):
    confirmation = await asked(world, ["anna", "ben"], exclude=["anna"])
    anna = await world.approver(confirmation, "anna")
    assert code_of(await anna.touch("approve")) == (403, "policy.approver")
    assert code_of(await anna.touch("reject")) == (403, "policy.approver")
    assert await decide(world, confirmation, "ben") == "approved"


async def test_a_delegate_who_is_excluded_does_not_stand_in(world):
    confirmation = await asked(world, ["anna"], exclude=["cem"], delegates={"anna": ["cem", "ben"]})
    cem = await world.approver(confirmation, "cem")
    assert code_of(await cem.touch("approve")) == (403, "policy.approver")
    assert await decide(world, confirmation, "ben") == "approved"


async def test_somebody_whom_the_policy_does_not_name_as_a_delegate_does_not_vote(world):
    confirmation = await asked(world, ["anna", "ben"], 2, delegates={"anna": ["cem"]})
    await world.add_person("dora")
    await world.acme.enrol("dora")
    stranger = await world.approver(confirmation, "dora")
    assert code_of(await stranger.touch("approve")) == (403, "policy.approver")
    cem = await world.approver(confirmation, "cem")
    assert code_of(await stranger.send(cem.sign(await cem.begin()))) == (403, "ceremony.unknown")
    assert await world.status(confirmation) == "pending"


async def test_a_delegate_and_whoever_delegated_count_once(world):
    confirmation = await asked(world, ["anna", "ben"], 2, delegates={"anna": ["cem"]})
    anna = await world.approver(confirmation, "anna")
    late = anna.sign(await anna.begin())
    assert await decide(world, confirmation, "cem") == "pending"
    assert code_of(await anna.send(late)) == (409, "vote.person")
    assert code_of(await (await world.approver(confirmation, "cem")).touch("approve")) == (409, "vote.person")
    assert await decide(world, confirmation, "ben") == "approved"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("policy.unreachable", {**THREE, "threshold": 4}),
        ("policy.form", {"approvers": ["anna@example.com", "ANNA@example.com"], "threshold": 2}),
        ("policy.choice", {"approvers": []}),
    ],
)
async def test_what_nobody_could_satisfy_is_not_asked(world, code, changes):
    assert code_of(await world.ask(**changes)) == (422, code)


async def test_a_threshold_counts_only_those_who_may_vote(world):
    await asked(world, ["anna", "ben", "cem"], 2, exclude=["cem"])
    refused = await world.ask(approvers=[], policy="wires", threshold=3)
    assert code_of(refused) == (422, "policy.unreachable")


async def test_a_veto_ends_it_whatever_was_approved(world):
    confirmation = await asked(world, ["anna", "ben", "cem"], 2, veto=True)
    cem = await world.approver(confirmation, "cem")
    late = cem.sign(await cem.begin())
    assert await decide(world, confirmation, "anna") == "pending"
    assert await decide(world, confirmation, "ben", "reject") == "rejected"
    assert code_of(await cem.send(late)) == (409, "decision.final")
    assert await world.status(confirmation) == "rejected"


async def test_it_is_rejected_once_too_few_are_left_to_approve(world):
    confirmation = (await world.asked(**THREE))["id"]
    cem = await world.approver(confirmation, "cem")
    late = cem.sign(await cem.begin())
    assert await decide(world, confirmation, "anna", "reject") == "pending"
    assert await decide(world, confirmation, "ben", "reject") == "rejected"
    assert code_of(await cem.send(late)) == (409, "decision.final")
    assert await world.status(confirmation) == "rejected"


@pytest.mark.parametrize("what", ["passkey", "person"])
async def test_a_vote_whose_signer_is_revoked_before_the_decision_does_not_count(world, what):
    confirmation = (await world.asked(**THREE))["id"]
    ben = await world.approver(confirmation, "ben")
    signed = ben.sign(await ben.begin())
    assert await decide(world, confirmation, "anna") == "pending"
    await (world.revoke_passkey("anna") if what == "passkey" else world.revoke_person("anna"))
    assert (await ben.send(signed)).json() == {"status": "pending", "accepted": True}
    assert await seats(world, confirmation) == [world.acme.people["ben"].id]
    assert await decide(world, confirmation, "cem") == "approved"


async def test_a_rejection_whose_signer_is_revoked_before_the_decision_does_not_count(world):
    confirmation = (await world.asked(**THREE))["id"]
    assert await decide(world, confirmation, "anna", "reject") == "pending"
    await world.revoke_passkey("anna")
    assert await decide(world, confirmation, "ben", "reject") == "pending"
    assert await decide(world, confirmation, "cem", "reject") == "rejected"


async def test_whoever_lost_a_passkey_may_vote_again_with_another(world):
    confirmation = await asked(world, ["anna", "ben"], 2)
    anna = await world.approver(confirmation, "anna")
    first = anna.sign(await anna.begin())
    assert (await anna.send(first)).json()["status"] == "pending"
    await world.revoke_passkey("anna")
    await world.acme.enrol("anna")
    assert await decide(world, confirmation, "ben") == "pending"
    assert await decide(world, confirmation, "anna") == "approved"
    assert (await anna.send(first)).json() == {"status": "approved", "accepted": True}
    assert len(await seats(world, confirmation)) == 2
