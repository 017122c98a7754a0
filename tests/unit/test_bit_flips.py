"""Not one bit of a vote can change: of the answer of the passkey, of who it says they are, or of the context."""

from dataclasses import replace

import cbor2
import pytest

from cosignet.core.decision import verify_vote
from cosignet.core.encoding import sha256
from cosignet.core.policy import Policy
from cosignet.errors import CosignetError
from cosignet.testing import ED, UP, UV, SoftwarePasskey
from tests.unit.builders import CEREMONY, make_context, make_matter, sign
from tests.unit.electorate import flip

LONGEST = 8 * 8_192
MATTER = make_matter(Policy(("alice", "bob"), 2, delegates={"bob": ("dora",)}))
EXTENDED = replace(
    CEREMONY,
    flags=UP | UV | ED,
    extensions=cbor2.dumps({"hmac-secret": bytes(32)}),
    client_data={"other_keys_can_be_added_here": "see the specification"},
)


def votes():
    """Votes of every shape: who signs, their context, their passkey, their ceremony."""
    for algorithm in ("ES256", "EdDSA"):
        alice, dora = (SoftwarePasskey(who, algorithm=algorithm, synced=who == "dora") for who in ("alice", "dora"))
        yield alice, make_context(MATTER.terms, "alice"), CEREMONY
        rejection = {"stands_in_for": "bob", "decision": "reject", "reason": sha256(b"why")}
        yield dora, make_context(MATTER.terms, "dora", **rejection), EXTENDED


def accepted(vote, credential):
    try:
        verify_vote(MATTER, vote["context"], vote["assertion"], credential)
    except CosignetError:
        return False
    return True


def flips(vote, most):
    """The vote with a single bit changed: at most so many of each part, spread over all of it."""
    context, assertion = vote["context"], vote["assertion"]
    for bit in spread(context, most):
        yield {**vote, "context": flip(context, bit)}
    for part, value in vars(assertion).items():
        for bit in spread(value, most):
            yield {**vote, "assertion": replace(assertion, **{part: flip(value, bit)})}


def spread(value, most):
    """Bits of the value; the step is odd, so that every bit of a byte comes up."""
    return range(0, 8 * len(value), max(1, 8 * len(value) // most) | 1)


@pytest.mark.soak
def test_no_single_bit_of_a_vote_can_change(soak):
    most = soak.amount(part=60, full=LONGEST)
    tried, counted = 0, []
    for passkey, context, ceremony in votes():
        raw = context.to_bytes()
        vote = {"context": raw, "assertion": sign(passkey, MATTER, raw, ceremony)}
        assert accepted(vote, passkey.credential)
        for changed in flips(vote, most):
            tried += 1
            counted += [changed] * accepted(changed, passkey.credential)
    soak.figure("flips tried", tried)
    soak.figure("accepted", len(counted))
    assert counted == []
    assert tried > 1_000
