import json
import secrets

import pytest

from cosignet.core.canonical import canonicalise
from cosignet.core.encoding import b64u, sha256
from cosignet.core.policy import Policy
from cosignet.errors import CosignetError
from store.organisations import FloorRow, get_floors, get_policy
from tests.admin.commands import events

ANNA, BEN, CEM = "anna@example.com", "ben@example.com", "cem@example.com"


@pytest.fixture
def write(tmp_path):
    def write(policy) -> str:
        file = tmp_path / "policy.json"
        file.write_bytes(policy if isinstance(policy, bytes) else json.dumps(policy).encode())
        return str(file)

    return write


async def stored(database, acme, name):
    async with database.read() as tx:
        return await get_policy(tx, acme.organisation.id, name)


async def test_a_policy_names_people_by_address_or_id_and_is_kept_by_id(admin, acme, database, write):
    anna, ben, cem = (acme.people[name].id for name in ("anna", "ben", "cem"))
    file = write(
        {
            "approvers": ["Anna@Example.com"],
            "fallback": [{"after": 60, "approvers": [ben]}],
            "delegates": {ANNA: [CEM]},
            "veto": True,
        }
    )
    answer = await admin("set-policy", acme.organisation.id, "wires", file)
    document = await stored(database, acme, "wires")
    expected = {
        "v": "cosignet/policy/v1",
        "approvers": [anna],
        "threshold": 1,
        "veto": True,
        "exclude": [],
        "fallback": [{"after": 60, "approvers": [ben]}],
        "delegates": {anna: [cem]},
        "device_bound_only": False,
    }
    assert document == canonicalise(expected)
    assert answer == {"policy": "wires", "hash": b64u(sha256(document)), "document": expected}
    assert Policy.parse(document).to_bytes() == document
    change = {"change": "policy.set", "by": "command line", "name": "wires", "policy": b64u(sha256(document))}
    assert await events(database, acme.organisation.id) == [change]
    assert admin.said == ""


async def test_a_policy_works_and_a_new_one_replaces_it(admin, acme, write):
    await admin("set-policy", acme.organisation.id, "wires", write({"approvers": [ANNA, BEN], "threshold": 2}))
    row = await acme.ask(secrets.token_hex(16), approvers=[], policy="wires")
    assert Policy.parse(row.policy).threshold == 2
    await admin("set-policy", acme.organisation.id, "wires", write({"approvers": [ANNA]}))
    row = await acme.ask(secrets.token_hex(16), approvers=[], policy="wires")
    assert Policy.parse(row.policy) == Policy(approvers=(acme.people["anna"].id,))


async def test_people_without_a_passkey_are_named(admin, acme, write):
    await admin("invite", acme.organisation.id, "dora@example.com")
    await admin("set-policy", acme.organisation.id, "wires", write({"approvers": [ANNA, "dora@example.com"]}))
    assert "dora@example.com" in admin.said
    assert ANNA not in admin.said
    await admin("set-floor", acme.organisation.id, "--threshold", "1", "--approver", "dora@example.com")
    assert "dora@example.com" in admin.said


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (b"", "policy.form"),
        (b"[]", "policy.form"),
        (b"{}", "policy.form"),
        (b'{"approvers": ["a"], "approvers": ["b"]}', "policy.form"),
        (b'{"approvers": "anna@example.com"}', "policy.form"),
        (b'{"approvers": ["anna@example.com"], "threshold": 1e400}', "policy.form"),
        ({"approvers": [ANNA], "treshold": 2}, "policy.form"),
        ({"approvers": [ANNA], "threshold": "1"}, "policy.form"),
        ({"approvers": [ANNA], "threshold": True}, "policy.form"),
        ({"approvers": [ANNA], "veto": 1}, "policy.form"),
        ({"approvers": [ANNA], "exclude": ANNA}, "policy.form"),
        ({"approvers": [ANNA, "ANNA@example.com "]}, "policy.form"),
        ({"approvers": [ANNA], "fallback": {}}, "policy.form"),
        ({"approvers": [ANNA], "fallback": [{"after": 0, "approvers": [BEN]}]}, "policy.form"),
        ({"approvers": [ANNA], "fallback": [{"after": 60}]}, "policy.form"),
        ({"approvers": [ANNA], "fallback": [{"after": 60, "approvers": [BEN], "x": 1}]}, "policy.form"),
        ({"approvers": [ANNA], "delegates": [BEN]}, "policy.form"),
        ({"approvers": []}, "policy.empty"),
        ({"approvers": [ANNA], "threshold": 0}, "policy.form"),
        ({"approvers": [ANNA], "threshold": 2}, "policy.unreachable"),
        ({"approvers": [ANNA], "exclude": [ANNA]}, "policy.unreachable"),
        ({"approvers": ["nobody@example.com"]}, "policy.unknown_approver"),
        ({"approvers": [7]}, "policy.unknown_approver"),
        ({"approvers": [ANNA], "delegates": {"nobody@example.com": [BEN]}}, "policy.unknown_approver"),
        ({"approvers": [ANNA], "delegates": {BEN: [CEM]}}, "policy.delegates"),
        ({"approvers": [ANNA, BEN], "delegates": {ANNA: [BEN]}}, "policy.delegates"),
    ],
    ids=str,
)
async def test_a_policy_that_could_not_decide_is_refused(admin, acme, database, write, policy, code):
    assert await admin.refusal("set-policy", acme.organisation.id, "wires", write(policy)) == code
    assert await stored(database, acme, "wires") is None
    assert await events(database, acme.organisation.id) == []


async def test_a_delegate_who_holds_a_seat_is_named(admin, acme, write):
    stages = [{"after": 60, "approvers": [CEM]}]
    file = write({"approvers": [ANNA], "fallback": stages, "delegates": {ANNA: [CEM]}})
    await admin.refusal("set-policy", acme.organisation.id, "wires", file)
    assert "cem@example.com stands in for somebody and holds a seat too" in admin.said


async def test_somebody_who_is_excluded_holds_no_seat(admin, acme, write):
    file = write({"approvers": [ANNA, BEN], "exclude": [BEN], "delegates": {ANNA: [BEN]}})
    answer = await admin("set-policy", acme.organisation.id, "wires", file)
    assert answer["document"]["exclude"] == [acme.people["ben"].id]


async def test_a_revoked_approver_is_nobody(admin, acme, write):
    await admin("revoke-person", acme.organisation.id, ANNA)
    refusal = await admin.refusal("set-policy", acme.organisation.id, "wires", write({"approvers": [ANNA]}))
    assert refusal == "policy.unknown_approver"
    arguments = ("--threshold", "1", "--approver", ANNA)
    assert await admin.refusal("set-floor", acme.organisation.id, *arguments) == "policy.unknown_approver"


async def test_a_file_that_is_not_there_is_said(admin, acme, tmp_path):
    missing = str(tmp_path / "missing.json")
    assert await admin.refusal("set-policy", acme.organisation.id, "wires", missing) == "policy.file"
    assert await admin.refusal("set-policy", acme.organisation.id, "wires", str(tmp_path)) == "policy.file"


async def test_a_floor_holds_for_requests(admin, acme, database):
    arguments = ("--threshold", "2", "--action", "Wire 250 EUR to ACME Ltd", "--approver", ANNA, "--approver", BEN)
    answer = await admin("set-floor", acme.organisation.id, *arguments)
    people = sorted([acme.people["anna"].id, acme.people["ben"].id])
    assert answer == {"action": "Wire 250 EUR to ACME Ltd", "threshold": 2, "approvers": people}
    change = {"change": "floor.set", "by": "command line", **answer}
    assert await events(database, acme.organisation.id) == [change]
    for too_little in ({"approvers": [ANNA]}, {"approvers": [ANNA, CEM], "threshold": 2}):
        with pytest.raises(CosignetError, match=r"policy\.floor"):
            await acme.ask(secrets.token_hex(16), **too_little)
    await acme.ask(secrets.token_hex(16), approvers=[ANNA, BEN], threshold=2)
    await acme.ask(secrets.token_hex(16), approvers=[ANNA], action="Something else")


async def test_the_general_floor_is_replaced_by_the_next(admin, acme, database):
    for threshold in ("3", "2"):
        await admin("set-floor", acme.organisation.id, "--threshold", threshold)
    async with database.read() as tx:
        assert await get_floors(tx, acme.organisation.id, "anything") == [FloorRow("", 2, frozenset())]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--threshold", "2", "--approver", ANNA), "floor.unreachable"),
        (("--threshold", "2", "--approver", ANNA, "--approver", "ANNA@example.com"), "floor.unreachable"),
        (("--threshold", "1", "--approver", "nobody@example.com"), "policy.unknown_approver"),
        (("--threshold", "1", "--action", "x" * 201), "floor.action"),
        (("--threshold", "1", "--action", "a\nb"), "floor.action"),
    ],
)
async def test_a_floor_that_nobody_could_reach_is_refused(admin, acme, arguments, code):
    assert await admin.refusal("set-floor", acme.organisation.id, *arguments) == code


@pytest.mark.parametrize("threshold", ["0", "-1", "101", "two", "1.5"])
async def test_a_floor_is_a_number_of_people(admin, acme, threshold):
    done = await admin.run("set-floor", acme.organisation.id, "--threshold", threshold)
    assert (done.exit_code, done.stdout) == (2, "")
