"""Who is sent a link, and what is said with it."""

import secrets
from datetime import UTC, datetime

import pytest

from activities.closing import close_confirmation
from activities.notifying import notify_stage
from cosignet.core.policy import Fallback, Policy
from store.organisations import revoke_person, set_policy
from tests.acme import Inbox

ALL = ["anna@example.com", "ben@example.com"]


async def told(acme, confirmation, stage=0):
    inbox = Inbox()
    number = await notify_stage(acme.deployment, inbox, confirmation, stage)
    assert number == len(inbox.messages)
    return inbox.messages


async def test_everybody_who_may_vote_is_told(acme):
    row = await acme.ask(secrets.token_hex(16), approvers=ALL)
    assert sorted(message.to for message in await told(acme, row.id)) == ALL


async def test_somebody_who_was_revoked_is_not_told(acme):
    row = await acme.ask(secrets.token_hex(16), approvers=ALL)
    async with acme.database.write() as tx:
        await revoke_person(tx, acme.people["anna"].id, at=datetime.now(UTC))
    assert [message.to for message in await told(acme, row.id)] == ["ben@example.com"]


@pytest.mark.parametrize("status", ["cancelled", "expired"])
async def test_nobody_is_told_of_what_is_over(acme, status):
    row = await acme.ask(secrets.token_hex(16), approvers=ALL)
    await close_confirmation(acme.deployment, row.id, status)
    assert await told(acme, row.id) == []


async def test_somebody_who_is_excluded_is_told_at_no_stage(acme):
    anna, ben, cem = (acme.people[name].id for name in ("anna", "ben", "cem"))
    stages = (Fallback(60, (cem,)),)
    policy = Policy((anna,), delegates={anna: (ben,), cem: (ben,)}, exclude=(ben,), fallback=stages)
    async with acme.database.write() as tx:
        await set_policy(tx, acme.organisation.id, "without-ben", policy.to_bytes(), at=datetime.now(UTC))
    row = await acme.ask(secrets.token_hex(16), policy="without-ben", approvers=[])
    people = [[message.to for message in await told(acme, row.id, stage)] for stage in (0, 1)]
    assert people == [["anna@example.com"], ["cem@example.com"]]


async def test_what_a_stranger_wrote_cannot_pretend(acme):
    row = await acme.ask(secrets.token_hex(16), action="Pay\u202e ACME\nBcc: mallory@example.com")
    (message,) = await told(acme, row.id)
    assert message.subject == "Approval needed: Pay\\u{202e} ACME Bcc: mallory@example.com"
    assert "\u202e" not in message.text
