"""A workflow ends once its outcome is in the log, and not before."""

import asyncio

import pytest

from activities.appending import Appender
from cosignet.errors import Unavailable


@pytest.mark.timeout(120)
async def test_a_workflow_waits_for_the_leaf_of_its_decision(service, monkeypatch):
    append, standing = Appender._append_batch, [True]

    async def stands_still(self):
        if standing:
            raise Unavailable("log.read_only", "a test says so")
        return await append(self)

    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        monkeypatch.setattr(Appender, "_append_batch", stands_still)
        answer = await service.vote(confirmation, nonce, vote)
        assert (answer.accepted, answer.status) == (True, "pending")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle.result(), 3)
        standing.clear()
        outcome = await handle.result()
    assert outcome.status == "approved"
    assert outcome.leaf_index is not None
