"""Whoever is excluded decides nothing, by whatever door they come."""

import pytest

from cosignet.core.policy import Fallback, Policy
from cosignet.errors import Refused
from cosignet.testing import SoftwarePasskey
from tests.unit.builders import make_matter, make_vote, raises

STANDING_IN = Policy(("alice", "bob"), delegates={"alice": ("carol",)}, exclude=("carol",))
LATER = Policy(("alice",), fallback=(Fallback(60, ("alice", "carol")),), exclude=("carol",))


@pytest.mark.parametrize("policy", [STANDING_IN, LATER], ids=["as a delegate", "in a later stage"])
def test_somebody_who_is_excluded_may_sign_nothing(policy):
    assert "carol" not in policy.signers | policy.seats
    assert not any(policy.names("carol", seat) for seat in ("alice", "bob", "carol"))


@pytest.mark.parametrize("seat", ["alice", "bob", ""])
def test_the_vote_of_an_excluded_delegate_is_refused(seat):
    with raises(Refused, "policy.approver"):
        make_vote(make_matter(STANDING_IN), SoftwarePasskey("carol"), stands_in_for=seat)
