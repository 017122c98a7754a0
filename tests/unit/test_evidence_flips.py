"""Not one bit of evidence can change, and nothing of it can be missing, without its being refused by name."""

import pytest

from cosignet.core.policy import Policy
from cosignet.judging import AUTHENTIC, judge
from cosignet.testing import SoftwarePasskey
from tests.soak import TIMEOUT
from tests.unit.builders import PAYLOAD, Story, at
from tests.unit.electorate import flip

ALL = 10**9


def story():
    """Two votes, of both algorithms, one of them a delegate's, under a head that is signed with both keys."""
    passkeys = {"dora": SoftwarePasskey("dora", algorithm="EdDSA", synced=True)}
    story = Story(Policy(("alice", "bob"), 2, delegates={"bob": ("dora",)}), note="as agreed", passkeys=passkeys)
    return story.vote("alice", reason="checked").vote("dora", stands_in_for="bob", seconds=90)


def judged(raw, trust):
    return judge(raw, trust, expected_payload=PAYLOAD.canonical, now=at(600))


def spread(count, most):
    """So many places of all of them, whose step is odd."""
    return range(0, count, max(1, count // most) | 1)


@pytest.mark.soak
@pytest.mark.timeout(TIMEOUT)
def test_no_single_bit_of_evidence_can_change(soak):
    told = story()
    raw, trust = told.evidence().to_bytes(), told.trust()
    assert judged(raw, trust).exit == AUTHENTIC
    bits = spread(8 * len(raw), soak.amount(part=1_500, full=ALL))
    checks = {}
    for number, bit in enumerate(bits):
        check = judged(flip(raw, bit), trust).check
        checks[check] = checks.get(check, 0) + 1
        soak.progress(number, len(bits))
    soak.figure("flips tried", len(bits))
    soak.figure("accepted", checks.get(None, 0))
    soak.figure("checks that refused", len(checks))
    # Every byte is under some check: there is none whose change leaves the verdict as it was.
    assert None not in checks
    assert len(checks) > 5


def test_nothing_of_evidence_can_be_missing():
    told = story()
    raw, trust = told.evidence().to_bytes(), told.trust()
    for length in range(len(raw)):
        assert judged(raw[:length], trust).check == "evidence.form"
    for end in spread(len(raw), 500):
        assert judged(raw[:end] + raw[end + 1 :], trust).exit != AUTHENTIC
