import asyncio
import json
import secrets

import pytest

from activities.closing import close_confirmation, consume_confirmation
from activities.evidence import read_evidence
from activities.voting import record_vote
from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, from_b64u, sha256
from cosignet.core.evidence import Evidence
from cosignet.core.trust import Trust
from cosignet.core.verdict import verify
from cosignet.errors import VerificationFailed


@pytest.fixture
async def approved(acme):
    row = await acme.ask(secrets.token_hex(16), note="naïve \u202e \x9b31m")
    _, vote = await acme.sign(row.id, "anna", reason="fine")
    assert (await record_vote(acme.deployment, row.id, vote)).answer.status == "approved"
    return row


async def lines(admin, organisation):
    done = await admin.run("export", organisation)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.isascii()
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_a_trust_file_pins_every_active_passkey(admin, acme):
    synced = await acme.enrol("anna", synced=True)
    await admin("revoke-credential", b64u(acme.passkeys["ben"].id))
    await admin("revoke-person", acme.organisation.id, "cem@example.com")
    await admin("invite", acme.organisation.id, "dora@example.com")
    await acme.enrol("ben")
    done = await admin.run("trust", acme.organisation.id)
    trust = Trust.parse(done.stdout.encode())
    assert trust.organisation == acme.organisation.id
    assert trust.rp == acme.deployment.rp
    assert {approver.name: len(approver.keys) for approver in trust.approvers} == {"Anna": 2, "Ben": 1}
    assert trust.find_key(synced.id) == synced.credential
    assert (trust.floor.threshold, trust.floor.approvers) == (1, frozenset())
    # For a human: indented, and with everybody's address and passkeys beside it.
    assert '\n  "approvers": {' in done.stdout
    assert "face to face" in done.stderr
    assert "dora@example.com>, approver: no passkey, not in the file" in done.stderr
    assert f"{b64u(synced.id)} synced, enrolled 20" in done.stderr


async def test_a_trust_file_states_a_floor_that_can_be_reached(admin, acme):
    trust = await admin("trust", acme.organisation.id, "--threshold", "3")
    assert trust["floor"] == {"threshold": 3, "approvers": []}
    for threshold in ("4", "0", "-1"):
        assert await admin.refusal("trust", acme.organisation.id, "--threshold", threshold) == "trust.form"


async def test_nobody_is_not_trusted(admin):
    name = secrets.token_hex(8)
    await admin("create-organisation", name, "--owner-email", "o@example.com")
    assert await admin.refusal("trust", name) == "trust.nobody"


async def test_a_trust_file_for_another_address_is_refused(admin, acme):
    elsewhere = {"COSIGNET_PUBLIC_URL": "https://elsewhere.example"}
    assert await admin.refusal("trust", acme.organisation.id, **elsewhere) == "installation.rp_id"


async def test_evidence_tells_that_a_passkey_was_revoked_since(admin, acme, approved):
    trust = Trust.parse((await admin.run("trust", acme.organisation.id)).stdout.encode())
    await admin("revoke-credential", b64u(acme.passkeys["anna"].id))
    async with asyncio.timeout(10):
        # It is evidence from the beginning, and knows of the revocation as soon as a signed head covers that.
        while (await read_evidence(acme.deployment, approved.id)).count(b'"revoked":null'):
            await asyncio.sleep(0.02)
    raw = await read_evidence(acme.deployment, approved.id)
    verdict = verify(raw, trust, expected_payload=approved.payload, now=approved.created_at)
    assert verdict.decision == "approved"
    evidence = Evidence.parse(raw)
    assert evidence.keys[0].revoked.index > evidence.outcome.index


async def test_exported_evidence_verifies_with_the_trust_file(admin, acme, approved):
    trust = Trust.parse((await admin.run("trust", acme.organisation.id)).stdout.encode())
    (line,) = [line for line in await lines(admin, acme.organisation.id) if line["kind"] == "confirmation"]
    evidence = canonicalise(line["evidence"])
    verdict = verify(evidence, trust, expected_payload=approved.payload, now=approved.created_at)
    assert [(signer.name, signer.decision, signer.reason) for signer in verdict.signers] == [
        ("Anna", "approve", "fine")
    ]
    with pytest.raises(VerificationFailed, match=r"payload\.expected"):
        verify(evidence, trust, expected_payload=b'{"amount":"9999"}', now=approved.created_at)


async def test_an_export_holds_everything_and_counts_it(admin, acme, approved, monkeypatch):
    monkeypatch.setattr("api.admin.exporting.PAGE", 2)
    pending = [await acme.ask(secrets.token_hex(16)) for _ in range(4)]
    expired = await acme.ask(secrets.token_hex(16))
    await close_confirmation(acme.deployment, expired.id, "expired")
    await consume_confirmation(acme.deployment, approved.id, sha256(approved.payload), "worker")
    await admin("revoke-person", acme.organisation.id, "cem@example.com")
    found = await lines(admin, acme.organisation.id)
    by_kind = {kind: [line for line in found if line["kind"] == kind] for kind in ("person", "confirmation", "event")}
    confirmations = {line["id"]: line for line in by_kind["confirmation"]}
    assert set(confirmations) == {approved.id, expired.id, *(row.id for row in pending)}
    assert len(by_kind["confirmation"]) == 6
    assert {line["email"]: line["revoked_at"] is None for line in by_kind["person"]} == {
        "anna@example.com": True,
        "ben@example.com": True,
        "cem@example.com": False,
    }
    assert [line["sequence"] for line in by_kind["event"]] == list(range(1, found[0]["sequence"] + 1))
    counts = {kind: len(of_kind) for kind, of_kind in by_kind.items()}
    assert found[-1] == {"kind": "end", "organisation": 1, "erased": 0, **counts}
    assert confirmations[expired.id]["evidence"] is None
    assert confirmations[pending[0].id]["evidence"] is None


async def test_an_exported_confirmation_holds_its_bytes_verbatim(admin, acme, approved):
    (line,) = [line for line in await lines(admin, acme.organisation.id) if line["kind"] == "confirmation"]
    assert (line["status"], line["note"]) == ("approved", approved.note)
    for name in ("terms", "terms_hash", "payload", "policy"):
        assert from_b64u(line[name]) == getattr(approved, name)
    (vote,) = line["votes"]
    assert canonicalise(json.loads(from_b64u(vote["context"]))) == from_b64u(vote["context"])
    assert (vote["person_id"], vote["voided_at"]) == (acme.people["anna"].id, None)


async def test_an_export_shows_voided_votes(admin, acme):
    row = await acme.ask(secrets.token_hex(16), approvers=["anna@example.com", "ben@example.com"], threshold=2)
    _, vote = await acme.sign(row.id, "anna")
    await record_vote(acme.deployment, row.id, vote)
    await acme.enrol("anna")
    _, again = await acme.sign(row.id, "ben")
    (anna,) = [p for p in (await admin("list-people", acme.organisation.id))["people"] if p["name"] == "Anna"]
    await admin("revoke-credential", vote.credential)
    assert vote.credential in {passkey["id"] for passkey in anna["passkeys"]}
    await record_vote(acme.deployment, row.id, again)
    (line,) = [line for line in await lines(admin, acme.organisation.id) if line["kind"] == "confirmation"]
    assert [vote["voided_at"] is None for vote in line["votes"]] == [False, True]


async def test_an_export_is_of_one_organisation(admin, acme, approved):
    other = await admin("create-organisation", secrets.token_hex(8), "--owner-email", "o@example.com")
    found = await lines(admin, other["organisation"])
    assert [line["kind"] for line in found] == ["organisation", "person", "event", "event", "event", "end"]
    assert acme.organisation.id not in json.dumps(found)
