"""An agent asks for a public approval: its approvers are asked for one, and what they decide is believed as ever."""

import pytest

from cosignet.temporal.testing import APPROVE, FakeApprovals, reject
from tests.library.agents import Transfer
from tests.library.stage import Stage, not_approved, plan


@pytest.mark.parametrize("answer", [APPROVE, reject("not in public")])
async def test_what_is_to_become_public_says_so(temporal_env, answer):
    stage = Stage(temporal_env.client, FakeApprovals(lambda ask: answer))
    async with stage.up(stage.fake_service()):
        running = stage.run(plan(Transfer("ACME", "250.00"), public_reveal=True))
        if answer is APPROVE:
            assert await running == ["250.00 to ACME"]
        else:
            assert await not_approved(running) == ("rejected", ["not in public"])
    assert [ask.public_reveal for ask in stage.approvals.asked] == [True]
