"""Votes that do not count, and why."""

from dataclasses import replace

import pytest

from cosignet.core.canonical import Payload, canonicalise
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.policy import Policy
from cosignet.core.terms import challenge_of, nonce_of
from cosignet.testing import BE, BS, SoftwarePasskey
from store.organisations import set_policy
from tests.acme import CEREMONY
from tests.api.world import code_of, flip

TWO = {"approvers": ["anna@example.com", "ben@example.com"], "threshold": 2}


# Votes that do not


async def refused(world, anna, vote, status, code):
    """The vote is refused without troubling the workflow, and an honest one still counts afterwards."""
    assert code_of(await anna.send(vote)) == (status, code)
    assert world.workflows.voted == []
    assert (await anna.decide()).json()["status"] == "approved"


LIES = {
    "assertion.type": {"client_data": {"type": "webauthn.create"}},
    "assertion.challenge": {"client_data": {"challenge": b64u(bytes(64))}},
    "assertion.origin": {"origin": "https://evil.example"},
    "assertion.cross_origin": {"client_data": {"crossOrigin": True}},
    "assertion.rp_id": {"rp_id": "evil.example"},
    "assertion.up": {"flags": 0x04},
    "assertion.uv": {"flags": 0x01},
    "assertion.backup": {"flags": 0x05 | BE | BS},
    "assertion.form": {"extensions": b"x"},
}


@pytest.mark.parametrize(("code", "lie"), LIES.items())
async def test_an_assertion_that_lies_is_refused(world, code, lie):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin(), replace(CEREMONY, **lie))
    await refused(world, anna, vote, 403, code)


async def test_a_frame_of_another_site_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin(), replace(CEREMONY, client_data={"topOrigin": "https://evil.example"}))
    await refused(world, anna, vote, 403, "assertion.cross_origin")


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
async def test_one_flipped_bit_is_enough(world, part):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    vote["credential"]["response"][part] = flip(vote["credential"]["response"][part])
    response = await anna.send(vote)
    assert response.status_code == 403
    assert response.json()["code"].startswith("assertion.")
    assert world.workflows.voted == []
    assert await world.status(asked["id"]) == "pending"


async def test_another_passkey_is_refused(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    issued = await anna.begin()
    for passkey in (world.acme.passkeys["ben"], SoftwarePasskey(anna.passkey.person)):
        vote = replace(anna, passkey=passkey).sign(issued)
        assert code_of(await anna.send(vote)) == (403, "assertion.key")
    assert world.workflows.voted == []


async def test_another_passkey_under_the_id_of_mine_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    impostor = SoftwarePasskey(anna.passkey.person)
    impostor.id = anna.passkey.id
    await refused(world, anna, replace(anna, passkey=impostor).sign(await anna.begin()), 403, "assertion.signature")


async def test_somebody_elses_user_handle_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    vote["credential"]["response"]["userHandle"] = b64u(world.acme.people["ben"].id.encode())
    await refused(world, anna, vote, 403, "assertion.user")


async def test_an_approval_cannot_be_sent_as_a_rejection(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    approve, reject = await anna.begin("approve"), await anna.begin("reject")
    vote = {**anna.sign(reject), "nonce": approve["nonce"]}
    await refused(world, anna, vote, 403, "assertion.challenge")


async def test_a_vote_of_another_confirmation_is_refused(world):
    first, second = await world.asked(), await world.asked()
    there, here = await world.approver(first["id"]), await world.approver(second["id"])
    vote = there.sign(await there.begin())
    assert code_of(await here.send(vote)) == (403, "ceremony.unknown")
    issued = await here.begin()
    assert code_of(await here.send({**vote, "nonce": issued["nonce"]})) == (403, "assertion.challenge")
    assert [await world.status(c["id"]) for c in (first, second)] == ["pending", "pending"]


async def test_a_ceremony_of_another_person_is_refused(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    issued = await anna.begin()
    assert code_of(await ben.send(ben.sign(issued))) == (403, "ceremony.unknown")
    assert code_of(await ben.send(anna.sign(issued))) == (403, "ceremony.unknown")
    assert (await world.get(f"/{asked['id']}")).json()["votes"] == []


async def test_a_stored_vote_is_not_shown_to_others(world):
    asked = await world.asked(**TWO)
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    vote = anna.sign(await anna.begin())
    await anna.send(vote)
    assert code_of(await ben.send(vote)) == (403, "ceremony.unknown")


async def test_a_nonce_that_was_never_issued_is_refused(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    issued = await anna.begin()
    forged = canonicalise({**Payload.from_canonical(from_b64u(issued["context"])).value, "random": b64u(bytes(32))})
    nonce = nonce_of(forged)
    issued["options"]["challenge"] = b64u(challenge_of(nonce, from_b64u(asked["payload_hash"])))
    vote = {**anna.sign(issued), "nonce": b64u(nonce)}
    await refused(world, anna, vote, 403, "ceremony.unknown")


async def test_one_person_votes_once(world):
    asked = await world.asked(**TWO)
    anna = await world.approver(asked["id"])
    first, second = await anna.begin("approve"), await anna.begin("reject")
    await anna.send(anna.sign(first))
    assert code_of(await anna.send(anna.sign(second))) == (409, "vote.person")
    assert code_of(await anna.touch("approve")) == (409, "vote.person")
    assert len((await world.get(f"/{asked['id']}")).json()["votes"]) == 1


async def test_a_ceremony_grows_old(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.later(seconds=300)
    await refused(world, anna, vote, 403, "ceremony.invalid")


async def test_no_vote_counts_after_the_deadline(world):
    asked = await world.asked(expires_in=60)
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    world.later(seconds=60)
    assert code_of(await anna.send(vote)) == (403, "time.deadline")
    assert code_of(await anna.touch("approve")) == (403, "time.deadline")
    assert await world.status(asked["id"]) == "pending"
    assert world.workflows.voted == []


async def test_no_vote_counts_after_a_cancellation(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.post(f"/{asked['id']}/cancel")
    assert code_of(await anna.send(vote)) == (409, "decision.final")
    assert await world.status(asked["id"]) == "cancelled"
    assert world.workflows.voted == []


async def test_no_vote_counts_after_the_decision(world):
    asked = await world.asked(approvers=TWO["approvers"])
    anna, ben = [await world.approver(asked["id"], name) for name in ("anna", "ben")]
    late = ben.sign(await ben.begin("reject"))
    await anna.decide("approve")
    assert code_of(await ben.send(late)) == (409, "decision.final")
    assert code_of(await ben.touch("reject")) == (409, "decision.final")
    assert await world.status(asked["id"]) == "approved"


async def test_a_passkey_revoked_between_ceremony_and_vote_does_not_count(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.revoke_passkey("anna")
    assert code_of(await anna.send(vote)) == (403, "credential.revoked")
    assert await world.status(asked["id"]) == "pending"
    assert world.workflows.voted == []


async def test_a_person_revoked_between_ceremony_and_vote_does_not_count(world):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    await world.revoke_person("anna")
    assert code_of(await anna.send(vote)) == (401, "link.invalid")
    assert await world.status(asked["id"]) == "pending"


async def test_a_synced_passkey_is_refused_where_the_policy_says_so(world):
    anna = world.acme.people["anna"]
    policy = Policy(approvers=(anna.id,), device_bound_only=True)
    async with world.acme.database.write() as tx:
        at = await world.acme.database.clock(tx)
        await set_policy(tx, world.acme.organisation.id, "strict", policy.to_bytes(), at=at)
    asked = await world.asked(approvers=[], policy="strict")
    device_bound = await world.approver(asked["id"])
    synced = replace(device_bound, passkey=await world.acme.enrol("anna", synced=True))
    issued = await synced.begin()
    assert [c["id"] for c in issued["options"]["allowCredentials"]] == [b64u(device_bound.passkey.id)]
    assert code_of(await synced.send(synced.sign(issued))) == (403, "policy.device_bound")


def _set(path, value):
    def change(vote):
        *parents, last = path.split(".")
        target = vote
        for name in parents:
            target = target[name]
        if value is ...:
            del target[last]
        else:
            target[last] = value

    return change


@pytest.mark.parametrize(
    ("code", "path", "value"),
    [
        ("request.nonce", "nonce", ...),
        ("request.nonce", "nonce", 7),
        ("encoding.base64url", "nonce", "AAAA"),
        ("encoding.base64url", "nonce", "A" * 44),
        ("request.unknown_field", "context", "AAAA"),
        ("request.credential", "credential", []),
        ("request.credential", "credential.type", "password"),
        ("request.credential", "credential.rawId", "AAAA"),
        ("request.credential", "credential.id", ...),
        ("request.credential", "credential.response", {}),
        ("request.credential", "credential.response.signature", ...),
        ("request.credential", "credential.response.signature", [1, 2]),
        ("encoding.base64url", "credential.response.signature", "AA=="),
        ("encoding.base64url", "credential.response.signature", "AA+/"),
        ("encoding.base64url", "credential.response.signature", "A"),
        ("encoding.base64url", "credential.response.authenticatorData", "é"),
        ("encoding.base64url", "credential.response.clientDataJSON", " AAAA"),
        ("vote.size", "credential.response.signature", "A" * 8196),
        ("vote.size", "credential.response.clientDataJSON", "A" * 8196),
    ],
)
async def test_a_vote_has_a_form(world, code, path, value):
    asked = await world.asked()
    anna = await world.approver(asked["id"])
    vote = anna.sign(await anna.begin())
    _set(path, value)(vote)
    await refused(world, anna, vote, 422, code)
