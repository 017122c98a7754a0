"""The life of one confirmation on a real Temporal server."""

from cosignet.temporal.contract import APPROVAL_SIGNAL, VoteAnswer


async def test_a_signed_vote_approves(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna")
        answer = await service.vote(confirmation, nonce, vote)
        assert answer == VoteAnswer(accepted=True, status="approved")
        outcome = await handle.result()
    assert outcome.status == "approved"
    assert [vote.decision for vote in outcome.votes] == ["approve"]
    assert [message.to for message in service.inbox.messages] == ["anna@example.com"]


async def test_the_signal_approves_too(service):
    async with service.worker():
        confirmation, handle = await service.start()
        _, vote = await service.acme.sign(confirmation, "anna")
        await handle.signal(APPROVAL_SIGNAL, vote)
        assert (await handle.result()).status == "approved"


async def test_a_signed_rejection_carries_its_reason(service):
    async with service.worker():
        confirmation, handle = await service.start()
        nonce, vote = await service.acme.sign(confirmation, "anna", "reject", "wrong account")
        assert (await service.vote(confirmation, nonce, vote)).status == "rejected"
        outcome = await handle.result()
    assert (outcome.status, outcome.votes[0].reason) == ("rejected", "wrong account")
