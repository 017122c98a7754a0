"""What is public of a decision, and the trust file as the service would have it."""

import base64
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from cosignet.core.encoding import b64u
from cosignet.core.evidence import MEDIA_TYPE, Evidence
from cosignet.core.trust import Trust
from cosignet.core.verdict import verify
from cosignet.errors import VerificationFailed
from store.schema import credentials
from tests.api.world import ASK, code_of


async def public(world, confirmation):
    return await world.http.get(f"/public/log/entries/{confirmation}/verification")


async def test_whoever_knows_the_id_sees_who_decided_and_not_what(world):
    asked = await world.asked(note="for the auditors")
    await (await world.approver(asked["id"])).decide("approve", "as agreed")
    response = await public(world, asked["id"])
    assert (response.status_code, response.headers["content-type"]) == (200, MEDIA_TYPE)
    assert response.headers["access-control-allow-origin"] == "*"
    verdict = verify(response.content, await world.trust("anna"), expected_payload=None, now=datetime.now(UTC))
    assert (verdict.decision, verdict.terms, verdict.payload) == ("approved", None, None)
    assert [signer.reason for signer in verdict.signers] == [""]
    everything = json.dumps(_decoded(json.loads(response.content)))
    for secret in (ASK["action"], "ACME", "250.00", "for the auditors", "as agreed", "API key", "agent"):
        assert secret not in everything


def _decoded(value):
    """The document with every base64url text beside what it encodes."""
    if isinstance(value, dict):
        return {key: _decoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    if isinstance(value, str):
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)) if value.isascii() else b""
        return [value, raw.decode("latin-1")]
    return value


async def test_it_is_the_evidence_without_its_content(world):
    asked = await world.approved()
    whole = Evidence.parse((await world.get(f"/{asked['id']}/evidence")).content)
    shown = Evidence.parse((await public(world, asked["id"])).content)
    assert (shown.terms_hash, shown.payload_hash, shown.votes) == (whole.terms_hash, whole.payload_hash, whole.votes)
    assert b64u(shown.payload_hash) == asked["payload_hash"]
    trust = await world.trust("anna")
    with pytest.raises(VerificationFailed) as caught:
        verify(shown.to_bytes(), trust, expected_payload=whole.payload, now=None)
    assert caught.value.code == "payload.expected"


async def test_a_passkey_from_before_the_log_has_no_evidence(world):
    asked = await world.approved()
    async with world.acme.database.write() as tx:
        passkey = world.acme.passkeys["anna"].id
        await tx.execute(update(credentials).where(credentials.c.id == passkey).values(enrolled_event=None))
    assert code_of(await public(world, asked["id"])) == (409, "evidence.unlogged")
    assert code_of(await world.get(f"/{asked['id']}/evidence")) == (409, "evidence.unlogged")


async def test_what_is_pending_or_was_signed_by_nobody_has_none(world):
    pending = await world.asked()
    response = await public(world, pending["id"])
    assert (response.status_code, response.content, response.headers["retry-after"]) == (202, b"", "1")
    await world.post(f"/{pending['id']}/cancel")
    assert code_of(await public(world, pending["id"])) == (409, "evidence.unsigned")


@pytest.mark.parametrize("confirmation", ["0" * 32, "x", "%00", "A" * 300, "..%2f"])
async def test_what_is_unknown_has_none(world, confirmation):
    assert (await public(world, confirmation)).status_code == 404


async def test_a_first_trust_file_pins_everybody(world):
    response = await world.http.get("/v1/trust", headers=world.bearer)
    assert response.status_code == 200
    trust = Trust.parse(response.content)
    assert {approver.id for approver in trust.approvers} >= {person.id for person in world.acme.people.values()}
    assert trust.organisation == world.acme.organisation.id
    asked = await world.approved()
    evidence = (await world.get(f"/{asked['id']}/evidence")).content
    assert verify(evidence, trust, expected_payload=None, now=None).signers[0].name == "Anna"


async def test_nobody_without_a_key_learns_whom_an_organisation_trusts(world):
    assert (await world.http.get("/v1/trust")).status_code == 401
    assert (await world.http.get("/v1/trust", headers={"Authorization": "Bearer ck_nothing"})).status_code == 401


async def test_another_organisation_gets_its_own_or_none(world):
    other = await world.new_key(organisation=await world.other_organisation())
    answer = await world.http.get("/v1/trust", headers={"Authorization": f"Bearer {other}"})
    assert code_of(answer) == (404, "trust.nobody")
