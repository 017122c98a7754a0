from datetime import UTC, datetime
from store import organisations, api_keys, outbox

async def test_people(database):
    async with database.write() as tx:
        now = await database.clock(tx)
        org = await organisations.create_organisation(tx, "Acme", at=now)
        p = await organisations.add_person(tx, org.id, email="A@x.org", name="A", role="owner", at=now)
        key, text = await api_keys.create_api_key(tx, org.id, name="k", owner=None, at=now)
        await outbox.add_event(tx, org.id, "x.y", {"a": "b"}, at=now)
        await organisations.set_policy(tx, org.id, "n", b"x", at=now)
        await organisations.set_policy(tx, org.id, "n", b"y", at=now)
    async with database.read() as tx:
        assert (await organisations.find_person(tx, org.id, "a@X.org")) == p
        assert (await api_keys.find_api_key(tx, text)) == key
        assert (await organisations.get_policy(tx, org.id, "n")) == b"y"
        assert len(await outbox.list_events(tx, org.id)) == 1
