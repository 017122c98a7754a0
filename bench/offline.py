"""Offline verification of one evidence document, beside the bare cost of what it cannot do without."""

import hashlib
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.figures import Section, ratios, spread
from bench.scale import Scale
from cosignet.core.evidence import Evidence
from cosignet.core.note import Note
from cosignet.core.policy import Policy
from cosignet.core.verdict import verify
from tests.unit.builders import PAYLOAD, Story, at

COLUMNS = ["votes", "bytes", "verified per s", "bare signatures and hashes per s", "times the bare cost"]


def measure(scale: Scale) -> Section:
    """Documents with one, three and ten votes."""
    section = Section("Offline verification", COLUMNS)
    rounds, runs = scale.amount(quick=3, full=15), scale.amount(quick=20, full=200)
    for votes in (1, 3, 10):
        story = _story(votes)
        evidence = story.evidence()
        whole, bare = _whole(story, evidence), _bare(story, evidence)
        times: list[tuple[float, float]] = []
        for turn in range(rounds):
            scale.progress(f"offline, {votes} votes", turn + 1, rounds)
            times.append((_seconds(whole, runs), _seconds(bare, runs)))
        ours, theirs = map(list, zip(*times, strict=True))
        rates = [spread([1 / seconds for seconds in side], 0) for side in (ours, theirs)]
        section.rows.append([str(votes), str(len(evidence.to_bytes())), *rates, spread(ratios(ours, theirs), 1)])
        section.raw[f"{votes} votes"] = {"seconds": ours, "bare_seconds": theirs}
    return section


def _story(votes: int) -> Story:
    people = tuple(f"person-{number}" for number in range(votes))
    story = Story(Policy(people, threshold=votes))
    for person in people:
        story.vote(person)
    return story


def _whole(story: Story, evidence: Evidence) -> Callable[[], object]:
    raw, trust = evidence.to_bytes(), story.trust()
    return lambda: verify(raw, trust, expected_payload=PAYLOAD.canonical, now=at(600))


def _bare(story: Story, evidence: Evidence) -> Callable[[], object]:
    """Each signature once, each hash once, over bytes that lie ready, with keys that are loaded."""
    hashed = [evidence.terms, evidence.payload, evidence.policy]
    for entry in (evidence.request, evidence.outcome, *(key.enrolled for key in evidence.keys)):
        hashed += [entry.leaf, entry.salt + entry.record, *(bytes(65) for _ in entry.proof)]
    hashed += [bytes(65) for head in evidence.heads for _ in head.proof]
    note = Note.parse(evidence.checkpoint)
    signers = [pinned.key for pinned in story.trust().log.keys]
    heads = [(key, next(line.signature for line in note.signatures if line.key_id == key.id)) for key in signers]
    signed = []
    for vote in evidence.votes:
        hashed += [vote.context, vote.assertion.client_data]
        message = vote.assertion.authenticator_data + hashlib.sha256(vote.assertion.client_data).digest()
        key = next(p for p in story.passkeys.values() if p.id == vote.assertion.credential_id)._key.public_key()  # noqa: SLF001
        signed.append((key, vote.assertion.signature, message))

    def run() -> None:
        for data in hashed:
            hashlib.sha256(data).digest()
        for key, signature, message in signed:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        for log_key, signature in heads:
            log_key.time_of(signature, note.text)

    return run


def _seconds(work: Callable[[], object], runs: int) -> float:
    before = time.perf_counter()
    for _ in range(runs):
        work()
    return (time.perf_counter() - before) / runs
