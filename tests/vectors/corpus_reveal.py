"""Bundles of what was made public: hashed addresses, guesses of them, and what must not pass for one."""

from cosignet.core.addresses import KDF
from cosignet.core.encoding import b64u
from cosignet.core.policy import Policy
from tests.unit.builders import hashed_address, lying
from tests.vectors.corpus import ANY, a_story, approved, false, genuine

APPROVED = "confirmation.approved"
BOTH = approved(reveal="yes")
SIMPLE = a_story(ANY, reveal="yes").vote("alice")
ERIK = a_story(Policy(("erik",)), reveal="yes").vote("erik")
ALICE = hashed_address("alice").to_json()
HASHED = {"alice": ALICE}
REFUSED = (
    a_story(Policy(("alice", "bob", "carol"), 2), reveal="yes")
    .vote("bob", "reject", reason="Not me", seconds=50)
    .vote("alice")
    .vote("carol", seconds=70)
)
REJECTED = a_story(reveal="yes").vote("alice").vote("bob", "reject", reason="Wrong account", seconds=70)


def confirmed(story, email, **changes):
    return genuine(story, email=email, **changes)


def unconfirmed(story, email, **changes):
    return false("email.expected", story, email=email, **changes)


def logged(emails, *, story=SIMPLE, event=APPROVED, decision="approved", seen=lambda evidence: evidence):
    """What was decided is true, and its record in the log says this of addresses."""
    evidence = story.evidence(decision, log=lying(story.log, event, emails=emails))
    return false("leaf.record", story, evidence=seen(evidence), email="alice@example.com")


def with_hash(**changes):
    hashed = {name: value for name, value in {**ALICE, **changes}.items() if value is not ...}
    return logged({"alice": hashed})


def withheld(evidence):
    return evidence.without_content()


CASES = {
    "revealed": genuine(BOTH),
    "revealed_by_a_delegate_too": confirmed(BOTH, "dora@example.com"),
    "revealed_guess_confirmed": confirmed(SIMPLE, " \t\r\nALICE@Example.COM\n"),
    "revealed_and_withheld": confirmed(BOTH, "alice@example.com", evidence=withheld(BOTH.evidence()), payload=None),
    "revealed_by_a_majority": confirmed(REFUSED, "carol@example.com"),
    "revealed_never_by_a_rejection": genuine(REJECTED, decision="rejected", payload=None),
    "revealed_guess_of_another": unconfirmed(SIMPLE, "bob@example.com"),
    "revealed_guess_of_nobody": unconfirmed(SIMPLE, ""),
    "revealed_guess_of_who_refused": unconfirmed(REFUSED, "bob@example.com"),
    "revealed_guess_with_another_space": unconfirmed(SIMPLE, "\u00a0alice@example.com"),
    "revealed_guess_with_a_kelvin_sign": unconfirmed(ERIK, "ERI\u212a@example.com"),
    "revealed_guess_with_a_zero": unconfirmed(SIMPLE, "alice@example.com\0"),
    "revealed_guess_without_utf_8": unconfirmed(SIMPLE, "alice@example.com\ud800"),
    "not_revealed_guess": unconfirmed(approved(), "alice@example.com"),
    "rejected_guess": unconfirmed(REJECTED, "bob@example.com", evidence=REJECTED.evidence("rejected"), payload=None),
    "addresses_of_nobody": logged({}),
    "addresses_not_revealed": logged(HASHED, story=a_story(ANY).vote("alice")),
    "addresses_of_one_of_two": logged(HASHED, story=BOTH),
    "addresses_of_a_stranger": logged({"bob": ALICE}),
    "addresses_of_one_more": logged({**HASHED, "bob": hashed_address("bob").to_json()}),
    "addresses_of_who_refused": logged(
        {person: hashed_address(person).to_json() for person in ("alice", "bob", "carol")}, story=REFUSED
    ),
    "addresses_of_a_rejection": logged(HASHED, story=REJECTED, event="confirmation.rejected", decision="rejected"),
    "addresses_withheld_of_a_stranger": logged({"bob": ALICE}, seen=withheld),
    "addresses_withheld_of_a_rejection": logged(
        HASHED, story=REJECTED, event="confirmation.rejected", decision="rejected", seen=withheld
    ),
    "addresses_in_a_list": logged([ALICE]),
    "addresses_as_text": logged("alice@example.com"),
    "addresses_in_the_clear": logged({"alice": "alice@example.com"}),
    "addresses_too_many": logged({str(number): ALICE for number in range(101)}),
    "address_hashed_once": with_hash(iterations=1),
    "address_hashed_once_less": with_hash(iterations=599_999),
    "address_hashed_once_more": with_hash(iterations=600_001),
    "address_hashed_for_ever": with_hash(iterations=2**53 - 1),
    "address_hashed_as_text": with_hash(iterations="600000"),
    "address_hashed_truly": with_hash(iterations=True),
    "address_hashed_by_halves": with_hash(iterations=600_000.5),
    "address_of_another_kdf": with_hash(kdf="scrypt"),
    "address_of_another_spelling": with_hash(kdf=KDF.lower()),
    "address_with_a_short_salt": with_hash(salt=b64u(bytes(31))),
    "address_without_a_salt": with_hash(salt=...),
    "address_with_a_long_hash": with_hash(hash=b64u(bytes(33))),
    "address_that_is_no_base64url": with_hash(hash=ALICE["hash"] + "="),
    "address_that_says_more": with_hash(memory=2**40),
}
