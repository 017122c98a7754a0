"""Eight people with two passkeys each, signing honestly, and every way of ours to forge a vote of theirs."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cosignet.core.canonical import canonicalise, parse
from cosignet.core.terms import challenge_of, nonce_of
from cosignet.testing import UP, UV, SoftwarePasskey
from tests.unit.ballot_box import Submission
from tests.unit.builders import CEREMONY
from tests.unit.cose import P256_ORDER
from tests.unit.strategies import PEOPLE

PASSKEYS = {
    person: (SoftwarePasskey(person), SoftwarePasskey(person, algorithm="EdDSA", synced=True)) for person in PEOPLE
}
# One passkey, enrolled for two people under two ids.
PASSKEYS["b"][0]._key = PASSKEYS["a"][0]._key
ALL = [passkey for own in PASSKEYS.values() for passkey in own]


def sign(box, context, passkey, ceremony=CEREMONY, payload=None):
    """A vote as an honest page sends it, over any payload."""
    challenge = challenge_of(nonce_of(context), payload or box.matter.terms.payload)
    return Submission(context, passkey.sign(challenge, ceremony))


def twin(sent):
    """The same vote with the other signature that verifies, where there is one."""
    signature = sent.assertion.signature
    if len(signature) == 64:
        return sent
    r, s = decode_dss_signature(signature)
    return replace(sent, assertion=replace(sent.assertion, signature=encode_dss_signature(r, P256_ORDER - s)))


def flip(data, bit):
    return (int.from_bytes(data) ^ 1 << bit % (8 * len(data))).to_bytes(len(data))


def rewritten(context, **changes):
    return canonicalise({**parse(context), **changes})


def under(**changes):
    return lambda box, context, passkey, _: sign(box, context, passkey, replace(CEREMONY, **changes))


def over(**changes):
    return lambda box, context, passkey, _: sign(box, rewritten(context, **changes), passkey)


def opposite(box, context, passkey, _):
    word = "reject" if parse(context)["decision"] == "approve" else "approve"
    return replace(sign(box, context, passkey), context=rewritten(context, decision=word))


def by_another(box, context, passkey, _):
    return sign(box, context, PASSKEYS["a" if passkey.person == "z" else "z"][1])


def by_an_impostor(box, context, passkey, _):
    impostor = SoftwarePasskey(passkey.person, algorithm="EdDSA")
    impostor.id = passkey.id
    return sign(box, context, impostor)


def with_a_bit_of_the_answer_flipped(box, context, passkey, bit):
    assertion = sign(box, context, passkey).assertion
    part = sorted(vars(assertion))[bit % 5]
    return Submission(context, replace(assertion, **{part: flip(getattr(assertion, part), bit)}))


def with_a_bit_of_the_context_flipped(box, context, passkey, bit):
    return replace(sign(box, context, passkey), context=flip(context, bit))


FORGERIES = {
    "the opposite decision": opposite,
    "another passkey": by_another,
    "an impostor": by_an_impostor,
    "a flipped bit": with_a_bit_of_the_answer_flipped,
    "a flipped bit of the context": with_a_bit_of_the_context_flipped,
    "never issued": over(random="A" * 43),
    "another reason": over(reason="A" * 43),
    "another payload": lambda box, context, passkey, _: sign(box, context, passkey, payload=bytes(32)),
    "nobody verified": under(flags=UP),
    "nobody there": under(flags=UV),
    "another origin": under(origin="https://evil.example"),
    "another relying party": under(rp_id="evil.example"),
    "inside a frame": under(client_data={"crossOrigin": True}),
    "a registration": under(client_data={"type": "webauthn.create"}),
}
