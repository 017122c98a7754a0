"""Somebody with an invite, a browser and a new passkey."""

from cosignet.core.canonical import parse
from cosignet.core.encoding import b64u
from cosignet.testing import SoftwarePasskey, challenge_from
from store.events import list_events
from tests.acme import CEREMONY


class Invitee:
    """Somebody with an invite, a browser and a new passkey."""

    def __init__(self, world, person, headers, passkey):
        self.world, self.person, self.headers, self.passkey = world, person, headers, passkey

    async def options(self):
        return await self.world.http.post("/v1/registrations/options", headers=self.headers)

    async def create(self, ceremony=CEREMONY):
        options = (await self.options()).json()["options"]
        return self.passkey.register(challenge_from(options), ceremony)

    async def register(self, credential):
        body = {"credential": credential}
        return await self.world.http.post("/v1/registrations", json=body, headers=self.headers)

    async def enrol(self):
        return await self.register(await self.create())


async def invite(world, name="dora", **passkey):
    person = world.acme.people.get(name) or await world.add_person(name)
    return Invitee(world, person, await world.invite(person), SoftwarePasskey(person.id, **passkey))


async def events(world, kind="credential.enrolled"):
    """What was recorded of this kind, Acme's own passkeys aside."""
    async with world.acme.database.read() as tx:
        found = await list_events(tx, world.acme.organisation.id)
    own = {b64u(passkey.id) for passkey in world.acme.passkeys.values()}
    records = [parse(event.record) for event in found if event.type == kind]
    return [record for record in records if kind != "credential.enrolled" or record["credential"] not in own]
