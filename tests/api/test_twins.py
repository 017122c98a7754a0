"""For every signature (r, s) of ES256 there is another that verifies, (r, n - s). A vote is its nonce, so it is one."""

import asyncio
from copy import deepcopy

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.encoding import b64u, from_b64u
from store.votes import list_votes
from tests.api.invitee import events
from tests.unit.cose import P256_ORDER

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}


def twin(vote):
    other = deepcopy(vote)
    r, s = decode_dss_signature(from_b64u(signature_of(vote)))
    other["credential"]["response"]["signature"] = b64u(encode_dss_signature(r, P256_ORDER - s))
    return other


def signature_of(vote):
    return vote["credential"]["response"]["signature"]


async def both(world):
    """A vote of Anna, whose approval alone decides nothing, and its twin."""
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    assert signature_of(twin(vote)) != signature_of(vote)
    return anna, vote, twin(vote)


async def counted(world, confirmation):
    """The signatures of the votes that count, each of them one event."""
    async with world.acme.database.read() as tx:
        votes = await list_votes(tx, confirmation)
    assert len(await events(world, "confirmation.voted")) == len(votes)
    return [b64u(vote.signature) for vote in votes]


@pytest.mark.parametrize("twin_first", [False, True])
async def test_whichever_comes_first_is_the_vote(world, twin_first):
    anna, vote, other = await both(world)
    first, second = (other, vote) if twin_first else (vote, other)
    for sent in (first, second, first):
        assert (await anna.send(sent)).json() == {"status": "pending", "accepted": True}
    assert await counted(world, anna.confirmation) == [signature_of(first)]
    assert len(world.workflows.voted) == 1


async def test_both_at_once_are_one_vote(world):
    anna, vote, other = await both(world)
    for answer in await asyncio.gather(*(anna.send(sent) for sent in (vote, other) * 4)):
        assert answer.json() == {"status": "pending", "accepted": True}
    assert len(await counted(world, anna.confirmation)) == 1
    assert (await (await world.approver(anna.confirmation, "ben")).decide()).json()["status"] == "approved"


async def test_a_twin_votes_nowhere_else(world):
    _, _, other = await both(world)
    elsewhere = await world.approver((await world.asked())["id"])
    response = await elsewhere.send(other)
    assert (response.status_code, response.json()["code"]) == (403, "ceremony.unknown")
    issued = await elsewhere.begin()
    response = await elsewhere.send({**other, "nonce": issued["nonce"]})
    assert (response.status_code, response.json()["code"]) == (403, "assertion.challenge")
    assert await world.status(elsewhere.confirmation) == "pending"
