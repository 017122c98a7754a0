import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import sha256
from cosignet.core.policy import Fallback, Policy
from cosignet.errors import Malformed
from tests.unit.builders import CREATED_AT, at, raises
from tests.unit.strategies import PEOPLE, policies, subsets

PLAIN = Policy(("alice", "bob"))


def with_members(raw, **changes):
    members = {**json.loads(raw), **changes}
    return canonicalise({key: value for key, value in members.items() if value is not ...})


@given(policies())
def test_policy_round_trip(policy):
    again = Policy.parse(policy.to_bytes())
    assert again == policy
    assert again.hash == sha256(policy.to_bytes())


def test_a_policy_is_written_with_exactly_these_members():
    policy = Policy(("a", "b"), 2, True, ("x",), (Fallback(60, ("c",)),), {"a": ("d",)}, True)
    assert json.loads(policy.to_bytes()) == {
        "v": "cosignet/policy/v1",
        "approvers": ["a", "b"],
        "threshold": 2,
        "veto": True,
        "exclude": ["x"],
        "fallback": [{"after": 60, "approvers": ["c"]}],
        "delegates": {"a": ["d"]},
        "device_bound_only": True,
    }


BAD_FORMS = {
    "unknown key": {"extra": 1},
    "missing v": {"v": ...},
    "missing threshold": {"threshold": ...},
    "missing exclude": {"exclude": ...},
    "another version": {"v": "cosignet/policy/v2"},
    "threshold true": {"threshold": True},
    "threshold zero": {"threshold": 0},
    "threshold negative": {"threshold": -1},
    "threshold text": {"threshold": "1"},
    "threshold fraction": {"threshold": 1.5},
    "threshold null": {"threshold": None},
    "veto number": {"veto": 1},
    "veto text": {"veto": "false"},
    "veto null": {"veto": None},
    "device_bound_only number": {"device_bound_only": 0},
    "approvers text": {"approvers": "ab"},
    "approvers object": {"approvers": {"a": 1}},
    "approvers null": {"approvers": None},
    "approvers numbers": {"approvers": [1]},
    "approver empty": {"approvers": [""]},
    "approver long": {"approvers": ["x" * 65]},
    "approver twice": {"approvers": ["a", "a"]},
    "approver a list": {"approvers": [["a"]]},
    "too many": {"approvers": [f"p{i}" for i in range(101)]},
    "exclude twice": {"exclude": ["a", "a"]},
    "fallback object": {"fallback": {}},
    "fallback null": {"fallback": [None]},
    "fallback unknown key": {"fallback": [{"after": 1, "approvers": ["a"], "x": 1}]},
    "fallback missing key": {"fallback": [{"after": 1}]},
    "fallback at once": {"fallback": [{"after": 0, "approvers": ["a"]}]},
    "fallback true": {"fallback": [{"after": True, "approvers": ["a"]}]},
    "fallback text": {"fallback": [{"after": "1", "approvers": ["a"]}]},
    "fallback twice": {"fallback": [{"after": 1, "approvers": ["a", "a"]}]},
    "fallback at the same time": {"fallback": [{"after": 5, "approvers": ["a"]}, {"after": 5, "approvers": ["b"]}]},
    "fallback out of order": {"fallback": [{"after": 6, "approvers": ["a"]}, {"after": 5, "approvers": ["b"]}]},
    "delegates list": {"delegates": []},
    "delegates text": {"delegates": {"alice": "bob"}},
    "delegate twice": {"delegates": {"alice": ["x", "x"]}},
    "delegate for nobody": {"delegates": {"": ["x"]}},
    "delegate empty": {"delegates": {"alice": [""]}},
}


@pytest.mark.parametrize("changes", BAD_FORMS.values(), ids=BAD_FORMS.keys())
def test_a_policy_of_another_form_is_refused(changes):
    with raises(Malformed, "policy.form"):
        Policy.parse(with_members(PLAIN.to_bytes(), **changes))


def test_the_largest_lists_and_the_longest_ids_are_read():
    policy = Policy(tuple(f"{i:064}" for i in range(100)), threshold=100)
    assert Policy.parse(policy.to_bytes()) == policy


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        PLAIN.to_bytes() + b"\n",
        json.dumps(json.loads(PLAIN.to_bytes())).encode(),
        PLAIN.to_bytes().replace(b'"threshold":1', b'"threshold":1.0'),
        PLAIN.to_bytes().replace(b'"threshold":1', b'"threshold":1,"threshold":1'),
    ],
)
def test_only_canonical_bytes_are_read(raw):
    with raises(Malformed, "policy.form"):
        Policy.parse(raw)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"approvers": (1,)}, "policy.form"),
        ({"approvers": ("a",), "threshold": True}, "policy.form"),
        ({"approvers": ()}, "policy.empty"),
        ({"approvers": (), "fallback": (Fallback(60, ("a",)),)}, "policy.empty"),
        ({"approvers": ("a",), "threshold": 2}, "policy.unreachable"),
        ({"approvers": ("a", "b"), "threshold": 2, "exclude": ("b",)}, "policy.unreachable"),
        ({"approvers": ("a",), "exclude": ("a",)}, "policy.unreachable"),
        ({"approvers": ("a",), "threshold": 2, "delegates": {"a": ("b",)}}, "policy.unreachable"),
        ({"approvers": ("a",), "fallback": (Fallback(60, ("a",)),), "threshold": 2}, "policy.unreachable"),
        ({"approvers": ("a",), "delegates": {"b": ("c",)}}, "policy.delegates"),
        ({"approvers": ("a", "b"), "exclude": ("b",), "delegates": {"b": ("c",)}}, "policy.delegates"),
        ({"approvers": ("a", "b"), "delegates": {"a": ("b",)}}, "policy.delegates"),
        ({"approvers": ("a",), "delegates": {"a": ("a",)}}, "policy.delegates"),
        ({"approvers": ("a",), "fallback": (Fallback(9, ("b",)),), "delegates": {"a": ("b",)}}, "policy.delegates"),
    ],
)
def test_a_policy_that_nobody_can_satisfy_is_never_read_as_no_approval_needed(fields, code):
    with raises(Malformed, code):
        Policy(**fields)


def test_seats_and_signers():
    policy = Policy(
        ("a", "b"), exclude=("b", "x"), fallback=(Fallback(60, ("c",)),), delegates={"a": ("x", "y"), "c": ("z",)}
    )
    assert policy.seats == {"a", "c"}
    assert policy.signers == {"a", "c", "y", "z"}


@given(policies(), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_nobody_excluded_and_nobody_unnamed_may_ever_sign(policy, person, seat):
    delegated = person in policy.delegates.get(seat, ())
    listed = seat in policy.approvers or any(seat in stage.approvers for stage in policy.fallback)
    barred = {person, seat} & set(policy.exclude)
    assert policy.names(person, seat) == (listed and not barred and (person == seat or delegated))


@pytest.mark.parametrize(
    ("person", "seat", "seconds", "allowed"),
    [
        ("a", "a", 0, True),
        ("a", "a", -1, False),
        ("b", "b", 59, False),
        ("b", "b", 60, True),
        ("c", "c", 60, True),
        ("c", "c", 59, False),
        ("d", "a", 0, True),
        ("d", "b", 60, False),
        ("e", "b", 59, False),
        ("e", "b", 60, True),
        ("x", "x", 60, False),
        ("a", "b", 60, False),
    ],
)
def test_a_seat_opens_at_its_earliest_stage(person, seat, seconds, allowed):
    policy = Policy(
        ("a",),
        exclude=("x",),
        fallback=(Fallback(30, ("a",)), Fallback(60, ("b", "c", "x")), Fallback(120, ("b", "c"))),
        delegates={"a": ("d",), "b": ("e",)},
    )
    assert policy.may_sign(person, seat, created_at=CREATED_AT, at=at(seconds)) is allowed


def test_a_stage_beyond_the_calendar_never_opens():
    policy = Policy(("a",), fallback=(Fallback(2**53 - 1, ("b",)),))
    assert not policy.may_sign("b", "b", created_at=CREATED_AT, at=CREATED_AT.replace(year=9999))


@pytest.mark.parametrize(
    ("threshold", "veto", "approving", "rejecting", "outcome"),
    [
        (1, False, "", "", None),
        (1, False, "a", "", "approved"),
        (2, False, "a", "", None),
        (2, False, "ab", "", "approved"),
        (2, False, "ab", "c", "approved"),
        (2, False, "", "a", None),
        (2, False, "c", "ab", "rejected"),
        (1, False, "", "ab", None),
        (1, False, "", "abc", "rejected"),
        (3, False, "ab", "c", "rejected"),
        (2, True, "a", "b", "rejected"),
        (2, True, "", "a", "rejected"),
        (2, True, "ab", "", "approved"),
        (1, True, "a", "b", "rejected"),
    ],
)
def test_tally(threshold, veto, approving, rejecting, outcome):
    assert Policy(("a", "b", "c"), threshold, veto).tally(approving, rejecting) == outcome


@given(policies(), subsets(PEOPLE), subsets(PEOPLE))
def test_a_tally_never_approves_below_the_threshold_or_over_a_veto(policy, approving, rejecting):
    outcome = policy.tally(approving, rejecting)
    if outcome == "approved":
        assert len(approving) >= policy.threshold
        assert not (policy.veto and rejecting)
    if outcome == "rejected":
        assert rejecting
