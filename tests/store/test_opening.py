"""The same request at the same time, which the store alone cannot keep apart."""

import asyncio
import secrets

import pytest

from cosignet.errors import Conflict
from store.events import list_events
from tests.acme import found_acme


@pytest.fixture
async def acme(database):
    return await found_acme(database)


async def test_many_ask_the_same_at_once_and_get_the_same_confirmation(acme):
    confirmation = secrets.token_hex(16)
    rows = await asyncio.gather(*(acme.ask(confirmation) for _ in range(20)))
    assert len({row.terms_hash for row in rows}) == 1
    async with acme.database.read() as tx:
        events = [event for event in await list_events(tx, acme.organisation.id) if event.confirmation_id]
    assert [(event.type, event.confirmation_id) for event in events] == [("confirmation.requested", confirmation)]


async def test_one_of_many_who_ask_different_things_under_one_id_is_heard(acme):
    confirmation = secrets.token_hex(16)
    asks = [acme.ask(confirmation, action=f"Action {number}") for number in range(20)]
    results = await asyncio.gather(*asks, return_exceptions=True)
    refusals = [result for result in results if isinstance(result, Exception)]
    assert len(refusals) == 19
    assert all(isinstance(error, Conflict) and error.code == "confirmation.other_terms" for error in refusals)
