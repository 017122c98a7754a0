"""Enrolling a passkey: an invite, a challenge, a true answer, once."""

import asyncio

import pytest

from cosignet.core.encoding import b64u
from cosignet.testing import SoftwarePasskey, challenge_from
from tests.api.invitee import events, invite
from tests.api.world import code_of


async def test_the_options_say_who_is_invited_and_what_is_asked_for(world):
    dora = await invite(world)
    answer = (await dora.options()).json()
    organisation = world.acme.organisation
    assert answer["person"] == {"id": dora.person.id, "name": "Dora", "email": "dora@example.com", "role": "admin"}
    assert answer["organisation"] == {"id": organisation.id, "name": "Acme"}
    assert len(challenge_from(answer["options"])) == 32
    answer["options"].pop("challenge")
    assert answer["options"] == {
        "rp": {"id": "localhost", "name": "Cosignet"},
        "user": {"id": b64u(dora.person.id.encode()), "name": "dora@example.com", "displayName": "Dora"},
        "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}],
        "timeout": 300_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


async def test_passkeys_that_are_known_are_excluded(world):
    anna = await invite(world, "anna")
    excluded = (await anna.options()).json()["options"]["excludeCredentials"]
    assert excluded == [{"type": "public-key", "id": b64u(world.acme.passkeys["anna"].id), "transports": ["internal"]}]


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
@pytest.mark.parametrize("synced", [False, True])
async def test_an_enrolled_passkey_votes(world, algorithm, synced):
    dora = await invite(world, algorithm=algorithm, synced=synced)
    response = await dora.enrol()
    assert response.status_code == 201
    assert response.json() == {
        "person": {"id": dora.person.id, "name": "Dora", "email": "dora@example.com", "role": "admin"},
        "credential": {"id": b64u(dora.passkey.id), "synced": synced, "attested": False},
    }
    world.acme.passkeys["dora"] = dora.passkey
    asked = await world.asked(approvers=["dora@example.com"])
    approver = await world.approver(asked["id"], "dora")
    assert (await approver.decide()).json()["status"] == "approved"


async def test_an_enrolment_is_an_event(world):
    dora = await invite(world)
    await dora.enrol()
    [record] = await events(world)
    public = dora.passkey.credential
    expected = {
        "person": dora.person.id,
        "credential": b64u(public.id),
        "public_key": b64u(public.public_key),
        "backup_eligible": False,
        "attested": False,
        "role": "admin",
    }
    assert {name: record[name] for name in expected} == expected


async def test_an_invite_is_used_up(world):
    dora = await invite(world)
    spare = await dora.create()
    assert (await dora.enrol()).status_code == 201
    assert code_of(await dora.options()) == (401, "invite.invalid")
    assert code_of(await dora.register(spare)) == (401, "invite.invalid")
    assert len(await events(world)) == 1


async def test_many_registrations_at_once_enrol_one_passkey(world):
    dora = await invite(world)
    made = []
    for _ in range(6):
        dora.passkey = SoftwarePasskey(dora.person.id)
        made.append(await dora.create())
    answers = await asyncio.gather(*(dora.register(credential) for credential in made))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 5
    assert len(await events(world)) == 1


async def test_an_invite_expires(world):
    dora = await invite(world)
    made = await dora.create()
    world.later(days=7)
    assert code_of(await dora.options()) == (401, "invite.invalid")
    assert code_of(await dora.register(made)) == (401, "invite.invalid")


async def test_an_invite_of_a_revoked_person_is_worth_nothing(world):
    dora = await invite(world)
    made = await dora.create()
    await world.revoke_person("dora")
    assert code_of(await dora.options()) == (401, "invite.invalid")
    assert code_of(await dora.register(made)) == (401, "invite.invalid")
