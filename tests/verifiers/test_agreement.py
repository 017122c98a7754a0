"""Verifiers that were written apart from each other say the same of everything."""

import random

import pytest

from cosignet.core.encoding import from_instant
from cosignet.core.evidence import Evidence
from cosignet.core.trust import Trust
from cosignet.errors import Malformed
from cosignet.judging import UNREADABLE, judge
from tests.soak import TIMEOUT
from tests.verifiers.forging import forge
from tests.verifiers.programs import program


def by_the_library(forgery):
    try:
        Evidence.parse(forgery.evidence)
        trust = None if forgery.trust is None else Trust.parse(forgery.trust)
    except Malformed as error:
        return UNREADABLE, error.code
    judgement = judge(
        forgery.evidence,
        trust,
        expected_payload=None if forgery.payload is None else forgery.payload.encode(),
        now=None if forgery.now is None else from_instant(forgery.now),
        email=forgery.email,
    )
    return judgement.exit, judgement.check


def coarse(judged):
    """Which of several rules of form is named is open: docs/protocol.md, Conventions."""
    status, check = judged
    area = (check or "").partition(".")[0]
    loose = area in ("payload", "policy") and check not in LATE
    return (status, area if loose else check)


LATE = ("payload.hash", "payload.expected", "policy.separation", "policy.quorum", "policy.floor", "policy.device_bound")


@pytest.mark.soak
@pytest.mark.timeout(TIMEOUT)
def test_all_verifiers_agree_on_forgeries(soak):
    count = soak.amount(part=400, full=20_000)
    dice = random.Random(soak.amount(part=1, full=6))  # noqa: S311
    seen = {}
    with program("python") as python, program("node") as node:
        for number in range(count):
            forgery = forge(dice)
            ours = by_the_library(forgery)
            asked = (forgery.evidence, forgery.trust, forgery.payload, forgery.now, forgery.email)
            theirs = [coarse(other.judge(*asked)) for other in (python, node)]
            assert theirs == [coarse(ours)] * 2, (number, ours, theirs)
            seen[ours] = seen.get(ours, 0) + 1
            soak.progress(number + 1, count)
    soak.figure("bundles", count)
    soak.figure("kinds of verdict", len(seen))
    assert {status for status, _ in seen} == {0, 1, 2, 3}
    assert len(seen) > 20
