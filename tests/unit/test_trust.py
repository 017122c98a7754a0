import json

import pytest

from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.trust import Approver, Floor, Level, PinnedLog, PinnedLogKey, Trust
from cosignet.core.witnesses import WitnessPolicy
from cosignet.errors import Malformed
from cosignet.testing import SoftwareLog, SoftwarePasskey
from tests.unit.builders import ORIGIN, RP, raises
from tests.unit.cose import BROKEN, OTHER_SPELLINGS, SMALL_ORDER, UNSUPPORTED, ed25519_key

ALICE, SECOND, BOB = SoftwarePasskey("alice"), SoftwarePasskey("alice", algorithm="EdDSA"), SoftwarePasskey("bob")
OWNER, LOG = SoftwarePasskey("owner"), SoftwareLog("approve.example/public/log", "org-1")
WITNESS = SigningKey("witness.example", Kind.COSIGNATURE, bytes(32))
TRUST = Trust(
    "org-1",
    RelyingParty(RP.id, frozenset({ORIGIN, "https://console.approve.example"})),
    PinnedLog(
        (PinnedLogKey(LOG.keys[0].public, 0, 100), PinnedLogKey(LOG.keys[1].public)),
        WitnessPolicy.parse([f"witness w {WITNESS.public.to_text()}", "quorum w"]),
        Level.WITNESSED,
        {"900000": "0" * 64},
    ),
    (Approver("alice", "Alice", (ALICE.credential, SECOND.credential)), Approver("bob", "", (BOB.credential,))),
    Floor(2, frozenset({"alice", "bob"})),
    (Approver("owner", "Owner", (OWNER.credential,)),),
)
DOCUMENT = json.loads(TRUST.to_bytes())


def edited(path, value):
    """The file with one member replaced, or removed where the value is `...`."""
    document = json.loads(json.dumps(DOCUMENT))
    *parents, last = path
    place = document
    for step in parents:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document).encode()


def test_trust_round_trip():
    assert Trust.parse(TRUST.to_bytes()) == TRUST
    assert Trust.parse(json.dumps(DOCUMENT, indent=2).encode()) == TRUST


def test_lists_that_are_sets_may_come_in_any_order():
    assert Trust.parse(edited(("origins",), DOCUMENT["origins"][::-1])) == TRUST
    assert Trust.parse(edited(("floor", "approvers"), ["bob", "alice"])) == TRUST


def test_a_trust_file_has_exactly_these_keys():
    assert " ".join(sorted(DOCUMENT)) == (
        "approvers attested_keys blocks floor level log organisation origins roots rp_id v witnesses"
    )
    assert sorted(DOCUMENT["log"][0]) == ["from", "key", "until"]
    assert DOCUMENT["v"] == "cosignet/trust/v1"
    assert sorted(DOCUMENT["approvers"]["alice"]) == ["keys", "name"]
    assert sorted(DOCUMENT["approvers"]["alice"]["keys"][0]) == ["backup_eligible", "id", "public_key"]
    assert DOCUMENT["floor"] == {"approvers": ["alice", "bob"], "threshold": 2}


def test_a_pinned_key_is_found_by_its_id():
    assert TRUST.find_key(SECOND.id) == SECOND.credential
    assert TRUST.find_key(b"unknown") is None


EVERY_KEY = [
    *((key,) for key in DOCUMENT),
    *(("floor", key) for key in DOCUMENT["floor"]),
    *(("approvers", "alice", key) for key in DOCUMENT["approvers"]["alice"]),
    *(("log", 1, key) for key in DOCUMENT["log"][1]),
    *(("roots", "owner", key) for key in DOCUMENT["roots"]["owner"]),
    *(("approvers", "bob", "keys", 0, key) for key in DOCUMENT["approvers"]["alice"]["keys"][0]),
]
NAMES = [".".join(map(str, path)) for path in EVERY_KEY]


@pytest.mark.parametrize("path", EVERY_KEY, ids=NAMES)
def test_no_key_may_be_missing(path):
    with raises(Malformed, "trust.form"):
        Trust.parse(edited(path, ...))


@pytest.mark.parametrize("path", EVERY_KEY, ids=NAMES)
@pytest.mark.parametrize("value", [None, 0, 1.5, True, "\x00", [None], {}, {"x": 1}, [[]]], ids=repr)
def test_no_value_may_have_another_type(path, value):
    if path[-1] in ("organisation", "rp_id", "name") and isinstance(value, str):
        value = [value]
    if path[-1] in ("backup_eligible", "attested_keys") and value is True:
        value = 1
    if path[-1] in ("from", "until") and value in (None, 0):
        value = -1
    if path in (("approvers",), ("roots",), ("blocks",)) and value == {}:
        value = []
    with raises(Malformed, "trust.form"):
        Trust.parse(edited(path, value))


@pytest.mark.parametrize(
    "path",
    [
        ("extra",),
        ("floor", "extra"),
        ("log", 0, "extra"),
        ("approvers", "bob", "extra"),
        ("approvers", "bob", "keys", 0, "extra"),
    ],
)
def test_no_key_may_be_added(path):
    with raises(Malformed, "trust.form"):
        Trust.parse(edited(path, ""))


REFUSED = {
    "another version": (("v",), "cosignet/trust/v2"),
    "no organisation": (("organisation",), ""),
    "a deployment whose name is too long": (("rp_id",), "x" * 501),
    "an origin that is none": (("origins",), [""]),
    "somebody without an id": (("approvers", ""), DOCUMENT["approvers"]["bob"]),
    "somebody whose id is too long": (("roots", "x" * 65), DOCUMENT["roots"]["owner"]),
    "no origin": (("origins",), []),
    "an origin twice": (("origins",), [ORIGIN, ORIGIN]),
    "origins as text": (("origins",), "htps:/a"),
    "origins as an object": (("origins",), {ORIGIN: 1}),
    "a floor of nothing": (("floor", "threshold"), 0),
    "a floor below nothing": (("floor", "threshold"), -1),
    "a floor out of reach": (("floor", "threshold"), 3),
    "a floor in text": (("floor", "threshold"), "1"),
    "a floor of true": (("floor", "threshold"), True),
    "a floor with somebody twice": (("floor", "approvers"), ["alice", "alice", "bob"]),
    "a key pinned twice": (("approvers", "bob", "keys"), DOCUMENT["approvers"]["alice"]["keys"][:1]),
    "no log": (("log",), []),
    "a log key twice": (("log",), DOCUMENT["log"][:1] * 2),
    "a log key of another log": (
        ("log", 1, "key"),
        SigningKey("other.example", Kind.ED25519, bytes(32)).public.to_text(),
    ),
    "a log key that is a witness's": (
        ("log", 1, "key"),
        SigningKey(LOG.origin, Kind.COSIGNATURE, bytes(32)).public.to_text(),
    ),
    "a log key that ends before it begins": (("log", 0), {**DOCUMENT["log"][0], "from": 101}),
    "a log key that is none": (("log", 0, "key"), "x"),
    "witnesses without a quorum": (("witnesses",), DOCUMENT["witnesses"][:1]),
    "another level": (("level",), "certain"),
    "witnesses that are asked for and not named": (("witnesses",), []),
    "witnesses that are asked for and not needed": (("witnesses",), ["quorum none"]),
    "a block without a height": (("blocks",), {"": "0" * 64}),
    "a block with a zero before its height": (("blocks",), {"01": "0" * 64}),
    "a block that is no hash": (("blocks",), {"1": "0" * 63}),
    "a block in capitals": (("blocks",), {"1": "A" * 64}),
    "a root pinned twice": (("roots", "other"), DOCUMENT["roots"]["owner"]),
    "a key id in another encoding": (("approvers", "bob", "keys", 0, "id"), "AA=="),
}


@pytest.mark.parametrize(("path", "value"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_means_nothing_is_refused(path, value):
    with raises(Malformed, "trust.form"):
        Trust.parse(edited(path, value))


@pytest.mark.parametrize(
    "changes",
    [{"approvers": {}}, {"floor": {"threshold": 2, "approvers": ["alice", "mallory"]}}],
    ids=["nobody", "a floor with a stranger"],
)
def test_whom_a_root_may_endorse_need_not_be_pinned(changes):
    assert Trust.parse(json.dumps({**DOCUMENT, **changes}).encode())
    assert Trust.parse(json.dumps({**DOCUMENT, **changes, "roots": {}, "attested_keys": True}).encode())
    with raises(Malformed, "trust.form"):
        Trust.parse(json.dumps({**DOCUMENT, **changes, "roots": {}}).encode())


def test_a_floor_that_only_some_can_reach_is_refused():
    document = {**DOCUMENT, "floor": {"threshold": 2, "approvers": ["alice"]}}
    with raises(Malformed, "trust.form"):
        Trust.parse(json.dumps(document).encode())


UNUSABLE = UNSUPPORTED | BROKEN | OTHER_SPELLINGS | {name: ed25519_key(point) for name, point in SMALL_ORDER.items()}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_key_that_cannot_be_trusted_to_sign_is_refused(key):
    with raises(Malformed, "trust.form"):
        Trust.parse(edited(("approvers", "bob", "keys", 0, "public_key"), b64u(key)))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"\xff", b'"x"', b"[" * 100_000])
def test_anything_else_is_refused(raw):
    with raises(Malformed, "trust.form"):
        Trust.parse(raw)


def test_the_same_key_twice_is_refused():
    with raises(Malformed, "trust.form"):
        Trust.parse(TRUST.to_bytes()[:-1] + b',"rp_id":"approve.example"}')
