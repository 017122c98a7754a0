"""Bundles that verify: what must not be refused."""

from dataclasses import replace

from cosignet.core.canonical import Payload
from cosignet.core.log_keys import Kind
from cosignet.core.policy import Fallback, Policy
from cosignet.core.trust import Floor, PinnedLogKey
from tests.unit.builders import at, revoked
from tests.vectors.corpus import ANY, a_log, a_story, approved, genuine
from tests.vectors.corpus_trust import anchored, endorsed, seen_at_the_end_of_time, witnessed
from tests.vectors.fixed import FixedPasskey

ODD = Payload.from_text(
    b'{"n":[0,0.1,1e-7,4.5,9007199254740991,-9007199254740991,333333333.33333329,1e-300,5e-324],'
    b'"text":"\\u0000\\b\\t\\n\\f\\r\\u001f\\u007f\\u0080\\"\\\\\\u2028","\\ufb33":1,"\\ud83d\\ude00":2,"\\u20ac":3,"":{}}'
)


def by_veto():
    story = a_story().vote("alice").vote("bob", "reject", reason="Wrong account", seconds=70)
    return genuine(story, decision="rejected", payload=None)


def out_of_reach():
    story = a_story(Policy(("alice", "bob", "carol"), 2)).vote("alice", "reject").vote("bob", "reject", seconds=70)
    return genuine(story, decision="rejected", payload=None, now=1_000_000)


def by_fallback():
    return genuine(a_story(Policy(("alice",), fallback=(Fallback(60, ("bob",)),))).vote("bob", seconds=60))


def revoked_since():
    story = a_story(ANY).vote("alice")
    return genuine(story, evidence=revoked(story, before=False))


def in_a_longer_log():
    log = a_log()
    for number in range(300):
        log.append("admin.changed", {"change": f"number {number}"}, at(-1))
    return genuine(a_story(ANY, log=log).vote("alice"))


def rotated():
    story = a_story(ANY).vote("alice")
    pinned = story.log.pinned
    size = story.evidence().outcome.index + 1
    successor = PinnedLogKey(a_log(called="a new key").keys[0].public, start=size + 1)
    keys = (replace(pinned.keys[0], end=size), successor)
    return genuine(story, trust=story.trust(log=replace(pinned, keys=keys)))


def ml_dsa():
    return genuine(approved(log=a_log(kinds=(Kind.ED25519, Kind.ML_DSA_44))))


def by_eddsa_and_synced():
    passkeys = {"alice": FixedPasskey("alice", algorithm="EdDSA", synced=True)}
    return genuine(a_story(ANY, passkeys=passkeys).vote("alice"))


def with_a_floor():
    story = approved()
    return genuine(story, trust=story.trust(floor=Floor(2, frozenset({"alice", "bob", "dora"}))))


def withheld():
    story = approved()
    return genuine(story, evidence=story.evidence().without_content(), payload=None)


def withheld_rejection():
    story = a_story().vote("alice").vote("bob", "reject", reason="Wrong account", seconds=70)
    evidence = story.evidence("rejected").without_content()
    return genuine(story, decision="rejected", evidence=evidence, payload=None)


def by_the_operators_word():
    story = a_story(ANY).vote("alice")
    return genuine(story, trust=story.trust(approvers=(), attested_keys=True))


def without_expectation():
    return genuine(approved(), payload=None)


def odd_payload():
    story = a_story(ANY, payload=ODD, note="“Größe” 😀\u202e").vote("alice", reason="ja, natürlich")
    return genuine(story, payload=ODD.canonical)


def bound_to_a_workflow():
    return genuine(a_story(ANY, execution="temporal:default/pay-invoices/pay").vote("alice"))


def vouched(story, evidence, trust):
    return genuine(story, evidence=evidence, trust=trust)


CASES = {
    "approved_two_of_three": genuine(approved()),
    "approved_without_expectation": without_expectation(),
    "approved_by_fallback": by_fallback(),
    "approved_by_eddsa_and_synced": by_eddsa_and_synced(),
    "approved_with_a_floor": with_a_floor(),
    "approved_odd_payload": odd_payload(),
    "approved_bound_to_a_workflow": bound_to_a_workflow(),
    "approved_bound_elsewhere": genuine(a_story(ANY, execution="ci: deploy/production").vote("alice")),
    "approved_at_the_last_second": genuine(approved(), now=3_599),
    "rejected_by_veto": by_veto(),
    "rejected_out_of_reach": out_of_reach(),
    "log_longer": in_a_longer_log(),
    "log_ml_dsa": ml_dsa(),
    "log_key_rotated": rotated(),
    "key_revoked_since": revoked_since(),
    "key_by_the_operators_word": by_the_operators_word(),
    "key_endorsed": vouched(*endorsed()),
    "key_endorsed_by_an_admin": vouched(*endorsed(through="admin")),
    "head_witnessed": vouched(*witnessed()),
    "head_witnessed_at_the_end_of_time": vouched(*seen_at_the_end_of_time()),
    "head_anchored": vouched(*anchored()),
    "withheld": withheld(),
    "withheld_rejection": withheld_rejection(),
}
