"""The core against the files in tests/vectors/, as any other implementation would be tested against them."""

import json
from pathlib import Path

import pytest

from cosignet.core.assertion import Credential, verify_assertion
from cosignet.core.canonical import Payload
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, from_b64u, from_instant, sha256
from cosignet.core.evidence import assertion_from_json
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.core.trust import Trust
from cosignet.errors import Malformed
from cosignet.judging import judge
from tests.unit.builders import raises
from tests.vectors.generate import vectors

# As docs/protocol.md lists them.
CHECKS = {
    *(
        "evidence.form",
        "terms.form",
        "terms.hash",
        "payload.hash",
        "payload.expected",
        "decision.approved",
        "payload.not_canonical",
    ),
    *("policy.form", "policy.empty", "policy.unreachable", "policy.delegates", "policy.device_bound"),
    *("policy.separation", "policy.quorum", "policy.floor", "context.form", "context.nonce", "time.deadline"),
    *("time.validity", "note.form", "checkpoint.form", "leaf.form", "leaf.record", "log.inclusion", "log.order"),
    *("log.consistency", "log.signature", "credential.enrolled", "credential.endorsed", "credential.revoked"),
    *("trust.audience", "trust.log", "trust.level", "witness.quorum", "anchor.header"),
    *(f"assertion.{rule}" for rule in ("form", "type", "challenge", "origin", "cross_origin", "rp_id", "up", "uv")),
    *(f"assertion.{rule}" for rule in ("backup", "key", "user", "signature")),
}
FOLDER = Path(__file__).parents[1] / "vectors"


def read(name):
    return json.loads((FOLDER / name).read_bytes())


def test_the_files_are_what_the_generator_writes():
    written = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.json")}
    assert written.pop("ml_dsa_44.json")
    assert written == vectors()


@pytest.mark.parametrize("vector", read("payloads.json")["accepted"], ids=lambda vector: vector["name"])
def test_payloads(vector):
    payload = Payload.from_text(vector["text"].encode())
    assert payload.canonical == vector["canonical"].encode()
    assert b64u(payload.hash) == vector["hash"]
    assert Payload.from_canonical(payload.canonical).hash == payload.hash


@pytest.mark.parametrize("vector", read("payloads.json")["refused"], ids=lambda vector: vector["code"])
def test_refused_payloads(vector):
    with raises(Malformed, vector["code"]):
        Payload.from_text(vector["text"].encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("vector", read("policies.json")["accepted"])
def test_policies(vector):
    policy = Policy.parse(vector["canonical"].encode())
    assert policy.to_bytes() == vector["canonical"].encode()
    assert b64u(policy.hash) == vector["hash"]


@pytest.mark.parametrize("vector", read("policies.json")["refused"], ids=lambda vector: vector["code"])
def test_refused_policies(vector):
    with raises(Malformed, vector["code"]):
        Policy.parse(vector["text"].encode())


def test_terms():
    vector = read("terms.json")
    terms = Terms.parse(vector["terms"].encode())
    assert terms.to_bytes() == vector["terms"].encode()
    assert b64u(sha256(terms.to_bytes())) == vector["terms_hash"]
    assert terms.payload == sha256(vector["payload"].encode())
    assert terms.policy == sha256(vector["policy"].encode())
    assert terms.note == hash_text(vector["note"])


@pytest.mark.parametrize("vote", read("terms.json")["votes"], ids=lambda vote: vote["nonce"])
def test_nonces_and_challenges(vote):
    raw = vote["context"].encode()
    context = Context.parse(raw)
    assert context.to_bytes() == raw
    assert context.reason == hash_text(vote["reason"])
    assert b64u(context.terms) == read("terms.json")["terms_hash"]
    assert b64u(nonce_of(raw)) == vote["nonce"]
    payload_hash = sha256(read("terms.json")["payload"].encode())
    assert b64u(challenge_of(nonce_of(raw), payload_hash)) == vote["challenge"]


@pytest.mark.parametrize("vector", read("assertions.json")["accepted"], ids=lambda vector: vector["person"])
def test_assertions(vector):
    file = read("assertions.json")
    credential = Credential(
        from_b64u(vector["credential"]), vector["person"], from_b64u(vector["public_key"]), vector["backup_eligible"]
    )
    proof = verify_assertion(
        assertion_from_json(vector.__getitem__),
        credential=credential,
        challenge=from_b64u(file["challenge"], size=64),
        rp=RelyingParty(file["rp_id"], frozenset(file["origins"])),
    )
    assert proof.credential == credential


CASES = sorted(folder.name for folder in (FOLDER / "evidence").iterdir())


@pytest.mark.parametrize("name", CASES)
def test_evidence(name):
    expected, folder = read(f"evidence/{name}/expected.json"), FOLDER / "evidence" / name
    payload = expected["payload"]
    if expected.get("check") == "trust.form":
        with raises(Malformed, "trust.form"):
            Trust.parse((folder / "trust.json").read_bytes())
        return
    judgement = judge(
        (folder / "evidence.json").read_bytes(),
        Trust.parse((folder / "trust.json").read_bytes()),
        expected_payload=None if payload is None else payload.encode(),
        now=from_instant(expected["now"]),
        email=expected["email"],
    )
    assert (judgement.exit, judgement.check) == (expected["exit"], expected.get("check"))
    if judgement.verdict:
        assert judgement.verdict.decision == expected["decision"]
        assert [signer.person for signer in judgement.verdict.signers] == expected["signers"]
    else:
        assert name.endswith(f"_fail_{judgement.check}")


def test_there_is_a_bundle_for_every_check():
    checks = {read(f"evidence/{name}/expected.json").get("check") for name in CASES}
    assert len(CASES) >= 80
    assert checks >= CHECKS
