"""Somebody who was passed the link to a confirmation on, with a browser and a passkey."""

import json
from dataclasses import dataclass

from sqlalchemy import select

from cosignet.core.encoding import from_b64u
from cosignet.testing import SoftwarePasskey, challenge_from
from store.schema import links
from tests.acme import CEREMONY
from tests.api.world import World, code_of

NOWHERE = "0" * 32


@dataclass
class Passed:
    """Somebody on the page of a confirmation, without a personal link."""

    world: World
    confirmation: str
    passkey: SoftwarePasskey

    async def challenge(self):
        response = await self.world.http.post(f"/v1/approvals/{self.confirmation}/sign-in/options")
        assert response.status_code == 200, response.text
        return challenge_from(response.json()["options"])

    async def sign(self, ceremony=CEREMONY):
        return self.passkey.answer(await self.challenge(), ceremony)

    async def send(self, credential):
        return await self.world.http.post(f"/v1/approvals/{self.confirmation}/sign-in", json={"credential": credential})

    async def come_in(self):
        return await self.send(await self.sign())


async def passed(world, name="anna", **changes):
    return Passed(world, (await world.asked(**changes))["id"], world.acme.passkeys[name])


async def rows(world, table):
    async with world.acme.database.read() as tx:
        return (await tx.execute(select(table))).all()


async def refused(anna, credential, code):
    """There is no link, nothing is used up, and an honest answer is accepted afterwards."""
    before = len(await rows(anna.world, links))
    assert code_of(await anna.send(credential)) == (403, code)
    assert len(await rows(anna.world, links)) == before
    assert (await anna.come_in()).status_code == 200


def claimed(credential):
    """The challenge that an answer names."""
    return json.loads(from_b64u(credential["response"]["clientDataJSON"]))["challenge"]
