"""Several people: thresholds, vetoes, fallback stages, and one person with two passkeys."""

import asyncio
import json

import pytest
from temporalio.client import WorkflowUpdateFailedError

from cosignet.core.policy import Fallback, Policy
from cosignet.temporal.contract import VOTE_UPDATE, VoteAnswer
from store.organisations import set_policy


async def with_policy(service, **changes):
    people = {name: person.id for name, person in service.acme.people.items()}
    fields = {"approvers": ("anna", "ben", "cem"), "threshold": 2} | changes
    fields["approvers"] = tuple(people[name] for name in fields["approvers"])
    fields["fallback"] = tuple(
        Fallback(after, tuple(people[name] for name in names)) for after, names in fields.get("fallback", ())
    )
    async with service.acme.database.write() as tx:
        at = await service.acme.database.clock(tx)
        await set_policy(tx, service.acme.organisation.id, "wires", Policy(**fields).to_bytes(), at=at)
    return await service.start(approvers=[], policy="wires", expires_in=60)


async def cast(service, confirmation, name, decision="approve"):
    return await service.vote(confirmation, *(await service.acme.sign(confirmation, name, decision)))


async def test_two_of_three(service):
    async with service.worker():
        confirmation, handle = await with_policy(service)
        assert (await cast(service, confirmation, "anna")).status == "pending"
        assert (await cast(service, confirmation, "cem")).status == "approved"
        outcome = await handle.result()
    assert len(outcome.votes) == 2


async def test_one_rejection_leaves_two_of_three_possible_a_second_ends_it(service):
    async with service.worker():
        confirmation, handle = await with_policy(service)
        assert (await cast(service, confirmation, "anna", "reject")).status == "pending"
        assert (await cast(service, confirmation, "ben", "reject")).status == "rejected"
        assert (await handle.result()).status == "rejected"


async def test_a_veto_ends_it_at_once(service):
    async with service.worker():
        confirmation, handle = await with_policy(service, veto=True)
        assert (await cast(service, confirmation, "anna")).status == "pending"
        assert (await cast(service, confirmation, "ben", "reject")).status == "rejected"
        assert (await handle.result()).status == "rejected"


async def test_one_person_with_two_passkeys_votes_once(service):
    async with service.worker():
        await service.acme.enrol("anna")
        confirmation, handle = await with_policy(service)
        first = await service.acme.sign(confirmation, "anna")
        await service.acme.enrol("anna", algorithm="EdDSA")
        nonce, second = await service.acme.sign(confirmation, "anna")
        assert (await service.vote(confirmation, *first)).accepted
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update(VOTE_UPDATE, second, id=nonce, result_type=VoteAnswer)
        assert caught.value.cause.type == "vote.person"
        await handle.cancel()
        assert (await handle.result()).status == "cancelled"


async def test_a_fallback_stage_is_told_when_it_opens_and_may_vote_then(service):
    async with service.worker():
        confirmation, handle = await with_policy(service, approvers=("anna",), threshold=1, fallback=[(3, ("ben",))])
        await service.inbox.told("ben@example.com")
        assert (await cast(service, confirmation, "ben")).status == "approved"
        outcome = await handle.result()
    assert [vote.approver for vote in outcome.votes] == [service.acme.people["ben"].id]
    assert [message.to for message in service.inbox.messages] == ["anna@example.com", "ben@example.com"]


async def test_the_same_vote_a_hundred_times_at_once_counts_once(service):
    async with service.worker():
        confirmation, handle = await with_policy(service)
        nonce, vote = await service.acme.sign(confirmation, "anna")
        answers = await asyncio.gather(*(service.vote(confirmation, nonce, vote) for _ in range(100)))
        assert {json.dumps(vars(answer)) for answer in answers} == {json.dumps(vars(answers[0]))}
        assert answers[0].accepted
        assert (await cast(service, confirmation, "ben")).status == "approved"
        assert len((await handle.result()).votes) == 2
