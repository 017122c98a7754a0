"""Whoever races whom: one outcome, the same in the row, the event, the workflow and every answer that was given."""

from contextlib import suppress

import pytest
from temporalio.service import RPCError

from activities.closing import read_standing
from cosignet.core.encoding import from_b64u
from cosignet.errors import Unavailable
from store.credentials import revoke_credential
from tests.load.races import ENDINGS, LATE, Races, race, run_all


@pytest.mark.soak
async def test_approve_reject_expire_and_cancel_at_once_have_one_outcome(service, soak):
    total = soak.amount(part=12, full=1_000)
    races = Races(service)
    await races.prepare()
    async with service.worker():
        await run_all(races.run, total, soak)
        disagreements = await races.disagreements()
    soak.figure("races", len(races.finished))
    for ending in ENDINGS:
        soak.figure(ending, races.endings[ending])
    soak.figure("disagreements", len(disagreements))
    assert disagreements == []
    assert len(races.finished) == total


@pytest.mark.soak
async def test_two_votes_for_the_last_seat_fill_it_once(service, soak):
    total = soak.amount(part=4, full=200)
    acme = service.acme

    async def vote(confirmation, nonce, vote):
        try:
            answer = await service.vote(confirmation, nonce, vote)
        except Unavailable as error:
            return error.code
        return answer.code or answer.status

    async def run(number):
        everybody = [person.email for person in acme.people.values()]
        confirmation, handle = await service.start(approvers=everybody, threshold=2)
        assert await vote(confirmation, *(await acme.sign(confirmation, "anna"))) == "pending"
        ben, cem = [await acme.sign(confirmation, name) for name in ("ben", "cem")]
        told = await race([lambda: vote(confirmation, *ben), lambda: vote(confirmation, *cem)], number)
        # Whoever came late is told so, or, on a busy machine, to ask again; never that their vote counts.
        assert sorted(told) in [["approved", late] for late in (LATE, "vote.no_workflow", "vote.unanswered")]
        assert [len((await handle.result()).votes), (await handle.result()).status] == [2, "approved"]
        assert len((await read_standing(acme.deployment, confirmation)).votes) == 2

    async with service.worker():
        await run_all(run, total, soak)
    soak.figure("races", total)


@pytest.mark.soak
async def test_a_vote_and_the_revocation_of_its_passkey_at_once(service, soak):
    total = soak.amount(part=4, full=200)
    acme, told = service.acme, []

    async def revoke(passkey):
        async with acme.database.write() as tx:
            assert await revoke_credential(tx, passkey.id, at=await acme.database.clock(tx))

    async def run(number):
        passkey = await acme.enrol("anna")
        confirmation, handle = await service.start()
        issued = await acme.ceremony(confirmation, "anna")
        acme.passkeys["anna"] = passkey
        nonce, signed = acme.answer("anna", issued)
        contestants = [lambda: service.vote(confirmation, nonce, signed), lambda: revoke(passkey)]
        answers = await race(contestants, number)
        answer = next(answer for answer in answers if answer)
        told.append(answer.code or answer.status)
        standing = await read_standing(acme.deployment, confirmation)
        assert not standing.usable
        assert (standing.row.status, [vote.nonce for vote in standing.votes]) == (
            ("approved", [from_b64u(nonce)]) if answer.accepted else ("pending", [])
        )
        with suppress(RPCError):
            await handle.cancel()
        assert (await handle.result()).status == ("approved" if answer.accepted else "cancelled")

    async with service.worker():
        await run_all(run, total, soak)
    # Whoever comes before the workflow pinned the passkeys finds this one gone.
    assert set(told) <= {"approved", "credential.revoked", "credential.unpinned"}
    soak.figure("races", total)
    soak.figure("counted before the revocation", told.count("approved"))
