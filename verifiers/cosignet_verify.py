#!/usr/bin/env python3
"""Verifies Cosignet evidence: that named people approved or rejected exactly one action, each with their own passkey.

This is one file, to be read in one sitting and to be kept by whoever relies on the evidence. It needs Python 3.11 and
the package `cryptography` (49 or newer), no network and no service. It was written from the protocol's specification
alone, and its sections are in that document's order.

    cosignet_verify.py EVIDENCE... --trust TRUST         was this decided, by people whose passkeys I trust?
    cosignet_verify.py EVIDENCE --trust TRUST --payload ACTION.json    about exactly this, and still valid now?
    cosignet_verify.py EVIDENCE --trust TRUST --email ADDRESS          by somebody whose address this is?
    cosignet_verify.py --batch                           answers requests from standard input, each a line of JSON

EVIDENCE is the document to judge. TRUST is the file in which you keep what you rely on: never take it from whoever
hands you the evidence. The exit status:

    0  authentic: it agrees with itself and your trust file vouches for it. So is a rejection: read the decision
    1  false: a check failed, which is named
    2  unreadable: the evidence, the trust file or the payload is none
    3  consistent and not authenticated: your trust file does not vouch for it, or you gave none

A refusal names the first check that failed, as section 7 of the specification does, such as `log.inclusion`. Of several
files the worst status is the exit status: false, then unreadable, then not authenticated.
"""

import argparse
import base64
import hashlib
import hmac
import io
import json
import re
import struct
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

AUTHENTIC, FALSE, UNREADABLE, NOT_AUTHENTICATED = 0, 1, 2, 3

Object = dict[str, Any]
Reader = Callable[[Any], Any]  # takes a JSON value, gives what it stands for, raises ValueError if it is something else
Verifies = Callable[[bytes, bytes], bool]  # takes a signature and what was signed


class Refusal(Exception):
    """A check that failed, by its name in the specification."""

    def __init__(self, check: str, detail: str, status: int = FALSE) -> None:
        super().__init__(f"{check}: {detail}")
        self.check, self.detail, self.status = check, detail, status


def require(holds: bool, check: str, detail: str, status: int = FALSE) -> None:
    if not holds:
        raise Refusal(check, detail, status)


# ----------------------------------------------------------------------------------------------------------------------
# Conventions: hashes, base64url, times, JSON of which nothing is left open, and the shapes of objects

MAX_DEPTH = 32
MAX_NUMBER = 2**53 - 1
SCALAR = str | int | float | None
MAX_TREE = 2**64 - 1  # what a cosignature can name
INSTANT = re.compile(r"([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(value: Any) -> bytes:
    data = base64.urlsafe_b64decode(TEXT(value) + "=" * (-len(value) % 4))
    # The library is lenient. Whatever it let pass shows as another text when written again.
    if encode(data) != value:
        raise ValueError("not base64url")
    return data


def number(spelled: str) -> int | float:
    value = float(spelled)
    require(abs(value) <= MAX_NUMBER, "payload.number_range", "a number beyond 2^53 - 1")
    return int(value) if value.is_integer() else value


def not_finite(spelled: str) -> None:
    raise Refusal("payload.not_finite", f"{spelled} is no number of JSON")


def without_duplicates(members: list[tuple[str, Any]]) -> Object:
    value = dict(members)
    require(len(value) == len(members), "payload.duplicate_key", "an object has the same key twice")
    return value


def load_json(data: bytes, read_number: Callable[[str], Any] = number) -> Any:
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=without_duplicates,
            parse_int=read_number,
            parse_float=read_number,
            parse_constant=not_finite,
        )
    except RecursionError:
        raise Refusal("payload.depth", "nested too deeply to be read") from None
    except ValueError as error:
        raise Refusal("payload.not_json", f"not JSON in UTF-8: {error}") from error
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        containers = [each.values() if isinstance(each, dict) else each for each in level]
        level = [member for each in containers if not isinstance(each, SCALAR) for member in each]
    require(not level, "payload.depth", f"a value is deeper than {MAX_DEPTH}")
    return value


quoted = json.JSONEncoder(ensure_ascii=False).encode  # escapes in texts exactly what RFC 8785 does


def canonical_text(value: Any) -> str:
    if isinstance(value, dict):
        in_order = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{quoted(name)}:{canonical_text(member)}" for name, member in in_order) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_text, value)) + "]"
    return fraction_text(value) if isinstance(value, float) else quoted(value)


def fraction_text(value: float) -> str:
    """ECMAScript's Number::toString. No number is whole here (those are `int`), so none is as large as 2^52 either."""
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    before, _, after = mantissa.partition(".")
    digits = (before + after).lstrip("0")
    point = len(digits) - len(after) + int(exponent or 0)  # the value is 0.digits * 10^point
    if point > 0:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if point > -6:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{point - 1}"


def read_json(data: bytes) -> tuple[Any, bytes]:
    """The value and its canonical bytes."""
    value = load_json(data)
    try:
        return value, canonical_text(value).encode()
    except UnicodeEncodeError:
        raise Refusal("payload.surrogate", "a surrogate without its partner") from None


def read_canonical(data: bytes, reader: Reader, check: str, status: int = FALSE) -> Any:
    try:
        value, canonical = read_json(data)
        if canonical != data:
            raise ValueError("not in canonical form")
        return reader(value)
    except (Refusal, ValueError) as error:
        raise Refusal(check, str(error), status) from error


def ruled(reader: Reader, holds: Callable[[Any], bool], what: str) -> Reader:
    def read(value: Any) -> Any:
        found = reader(value)
        if not holds(found):
            raise ValueError(f"not {what}")
        return found

    return read


def anything(value: Any) -> Any:
    return value


def text(least: int = 0, most: int = sys.maxsize) -> Reader:
    return ruled(anything, lambda value: isinstance(value, str) and least <= len(value) <= most, "a text that fits")


def one_of(*texts: str) -> Reader:
    return ruled(TEXT, lambda value: value in texts, " or ".join(texts))


def whole(least: int = 0) -> Reader:
    # `True` is an `int` to Python, and no number to JSON.
    return ruled(anything, lambda value: type(value) is int and value >= least, f"a whole number from {least}")


def nothing_or(reader: Reader, nothing: str | None = None) -> Reader:
    return lambda value: nothing if value == nothing else reader(value)


def base64url(length: int) -> Reader:
    return ruled(decode, lambda data: len(data) == length, f"{length} bytes")


def items(reader: Reader) -> Reader:
    return lambda value: [reader(member) for member in LIST(value)]


def distinct(reader: Reader) -> Reader:
    return ruled(reader, lambda members: len(set(members)) == len(members), "each only once")


def by_name(name: Reader, reader: Reader) -> Reader:
    return lambda value: {name(key): reader(member) for key, member in OBJECT(value).items()}


def shape(readers: dict[str, Reader]) -> Reader:
    """An object with exactly these keys, of which those that are read alike stand together."""
    wanted = {name: reader for names, reader in readers.items() for name in names.split()}
    exactly = ruled(OBJECT, lambda value: value.keys() == wanted.keys(), f"exactly {', '.join(sorted(wanted))}")

    def read(value: Any) -> Object:
        found = {}
        for name, member in exactly(value).items():
            try:
                found[name] = wanted[name](member)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return found

    return read


def instant(value: Any) -> int:
    """Seconds since 1970, because what is added to the last second of the year 9999 has to be a time too."""
    spelled = INSTANT.fullmatch(TEXT(value))
    if spelled is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second = map(int, spelled.groups())
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())


def tree_size(spelled: str) -> int:
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", spelled) or int(spelled) > MAX_TREE:
        raise ValueError("not the size of a tree")
    return int(spelled)


def head(value: Any) -> tuple[int, bytes]:
    size, _, root = TEXT(value).partition(" ")
    return tree_size(size), HASH(root)


TEXT = text()
BOOLEAN = ruled(anything, lambda value: isinstance(value, bool), "true or false")
LIST = ruled(anything, lambda value: isinstance(value, list), "a list")
OBJECT = ruled(anything, lambda value: isinstance(value, dict), "an object")
PERSON = text(1, 64)
HASH = base64url(32)
HASH_OR_EMPTY = nothing_or(HASH, "")


# ----------------------------------------------------------------------------------------------------------------------
# 1. Payload

MAX_PAYLOAD = 65_536
NOT_DRAWN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
LOOK_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}


def canonical_payload(data: bytes) -> bytes:
    """The canonical bytes of a payload in any spelling."""
    value, canonical = read_json(data)
    require(isinstance(value, dict), "payload.not_object", "the payload is no object")
    require(len(canonical) <= MAX_PAYLOAD, "payload.size", "the payload is too large")
    return canonical


def deceives(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Co", "Cn") or bool(NOT_DRAWN.match(character))


def mixes_scripts(word: str) -> bool:
    return len(LOOK_ALIKE & {unicodedata.name(letter, "").partition(" ")[0] for letter in word}) > 1


def shown(content: str) -> str:
    """A text on one line of a terminal, where it can neither hide a part of itself nor imitate a verdict."""
    hidden = [str(place) for place, character in enumerate(content, 1) if deceives(character)]
    words = "".join(character if unicodedata.category(character)[0] == "L" else " " for character in content).split()
    notes = [f"characters that deceive: {', '.join(hidden)}"] if hidden else []
    notes += [f"mixed scripts: {word}" for word in words if mixes_scripts(word)]
    safe = "".join(f"\\u{{{ord(character):x}}}" if deceives(character) else character for character in content)
    return f"{safe} [{'; '.join(notes)}]" if notes else safe


# ----------------------------------------------------------------------------------------------------------------------
# 2. Terms, context, nonce, challenge

ENROLMENT = "cosignet:enrolment"
TERMS = ruled(
    shape(
        {
            "v": one_of("cosignet/terms/v1"),
            "confirmation audience organisation requester": text(1, 500),
            "action": text(1, 200),
            "note": HASH_OR_EMPTY,
            "payload policy": HASH,
            "created_at deadline valid_until": instant,
            "reveal": one_of("no", "yes"),
            "execution": TEXT,
        }
    ),
    lambda terms: terms["created_at"] < terms["deadline"] <= terms["valid_until"],
    "in the order of created_at, deadline, valid_until",
)
CONTEXT = ruled(
    shape(
        {
            "v": one_of("cosignet/context/v1"),
            "terms random": HASH,
            "approver": PERSON,
            "for": nothing_or(PERSON, ""),
            "decision": one_of("approve", "reject"),
            "reason": HASH_OR_EMPTY,
            "issued_at": instant,
            "head": nothing_or(head, "none"),
        }
    ),
    lambda context: context["for"] != context["approver"],
    "for somebody else",
)


def committed(content: str) -> bytes | str:
    """What terms hold of a note, and contexts of a reason."""
    return sha256(content.encode()) if content else ""


# ----------------------------------------------------------------------------------------------------------------------
# 3. Assertions and public keys

MAX_CEREMONY, MAX_SIGNATURE = 8_192, 256
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80

# A COSE key has one spelling, so all of it but the coordinates is fixed.
COSE_ES256 = re.compile(rb"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20(.{32})\x22\x58\x20(.{32})", re.DOTALL)
COSE_ED25519 = re.compile(rb"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20(.{32})", re.DOTALL)
P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ED_PRIME = 2**255 - 19
ED_D = -121665 * pow(121666, -1, ED_PRIME) % ED_PRIME


class Cursor:
    """Bytes that are read once, from the first to the last."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise ValueError("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def peek(self) -> bytes:
        return self.data[self.at : self.at + 1]

    def end(self) -> None:
        if self.at != len(self.data):
            raise ValueError("something follows its end")


def read_cbor(cursor: Cursor, depth: int = 0) -> tuple[Any, ...]:
    """One well-formed item: its major type, and something that is the same for items that are equal."""
    first = cursor.take(1)[0]
    major, info = first >> 5, first & 0x1F
    if depth > MAX_DEPTH or info in (28, 29, 30) or (info == 31 and major not in (2, 3, 4, 5)):
        raise ValueError("CBOR that is not well-formed, or nested too deeply")
    if info == 31:
        return cbor_item(major, info, list(until_break(cursor, major, depth)))
    argument = info if info < 24 else int.from_bytes(cursor.take(1 << (info - 24)), "big")
    if major in (2, 3):
        return major, cursor.take(argument)
    if major == 7 and info == 24 and argument < 32:
        raise ValueError("CBOR that is not well-formed")
    if major in (0, 1, 7):
        return major, argument, info if major == 7 and info > 24 else 0
    parts = {4: argument, 5: 2 * argument, 6: 1}[major]
    return cbor_item(major, argument, [read_cbor(cursor, depth + 1) for _ in range(parts)])


def until_break(cursor: Cursor, major: int, depth: int) -> Iterator[tuple[Any, ...]]:
    while (first := cursor.peek()) != b"\xff":
        if major in (2, 3) and not bytes([major << 5]) <= first < bytes([(major << 5) + 28]):
            raise ValueError("a CBOR text of other things than texts")
        yield read_cbor(cursor, depth + 1)
    cursor.take(1)


def cbor_item(major: int, argument: int, parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    if major in (2, 3):
        return major, b"".join(part for _, part in parts)
    if major == 5:
        keys = parts[::2]
        if len(parts) % 2 or len(set(keys)) != len(keys):
            raise ValueError("a CBOR map with the same key twice, or a key without a value")
        return major, frozenset(zip(keys, parts[1::2], strict=True))
    return major, argument if major == 6 else 0, tuple(parts)


def check_client_data(data: bytes, challenge: bytes) -> str:
    """Gives the origin."""
    require(len(data) <= MAX_CEREMONY, "assertion.form", "client data is too long")
    try:
        # Browsers add what they like, so a number of theirs may be as large as it wants.
        client = load_json(data, float)
    except Refusal as refusal:
        raise Refusal("assertion.form", f"client data: {refusal.detail}") from refusal
    require(isinstance(client, dict), "assertion.form", "client data is no object")
    require(isinstance(client.get("tokenBinding", {}), dict), "assertion.form", "tokenBinding is no object")
    require(client.get("type") == "webauthn.get", "assertion.type", "this is no ceremony of an assertion")
    require(client.get("challenge") == encode(challenge), "assertion.challenge", "another challenge was signed")
    embedded = client.get("crossOrigin", False) is not False or "topOrigin" in client
    require(not embedded, "assertion.cross_origin", "it was signed inside a page of another site")
    origin = client.get("origin")
    require(isinstance(origin, str), "assertion.origin", "the origin is no text")
    return str(origin)


def check_authenticator_data(data: bytes) -> int:
    """Gives the flags."""
    require(37 <= len(data) <= MAX_CEREMONY, "assertion.form", "authenticator data is too short or too long")
    flags, cursor = data[32], Cursor(data[37:])
    require(not flags & AT, "assertion.form", "an assertion holds a new credential")
    try:
        if flags & ED and read_cbor(cursor)[0] != 5:
            raise ValueError("extensions are no CBOR map")
        cursor.end()
    except ValueError as error:
        raise Refusal("assertion.form", f"authenticator data: {error}") from error
    require(bool(flags & UP), "assertion.up", "nobody touched the authenticator")
    require(bool(flags & UV), "assertion.uv", "the authenticator did not verify its user")
    require(bool(flags & BE) or not flags & BS, "assertion.backup", "backed up without being eligible for it")
    return flags


def check_assertion(vote: Object, key: Object, approver: str, challenge: bytes) -> str:
    """All rules but those of the place. Gives the origin."""
    require(key["person"] == approver, "assertion.key", "the passkey is somebody else's")
    require(vote["user_handle"] in (b"", approver.encode()), "assertion.user", "the passkey names somebody else")
    origin = check_client_data(vote["client_data"], challenge)
    flags = check_authenticator_data(vote["authenticator_data"])
    require(bool(flags & BE) is key["backup_eligible"], "assertion.backup", "the passkey was registered otherwise")
    try:
        verify = passkey(key["public_key"])
    except ValueError as error:
        raise Refusal("assertion.key", str(error)) from error
    signature, signed = vote["signature"], vote["authenticator_data"] + sha256(vote["client_data"])
    good = len(signature) <= MAX_SIGNATURE and verify(signature, signed)
    require(good, "assertion.signature", "the signature does not verify")
    return origin


def verifies(verify: Callable[..., None], *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True


def passkey(cose: bytes) -> Verifies:
    if found := COSE_ED25519.fullmatch(cose):
        return ed25519(found[1])
    found = COSE_ES256.fullmatch(cose)
    if found is None:
        raise ValueError("not a public key in its one spelling")
    x, y = (int.from_bytes(part, "big") for part in found.groups())
    if max(x, y) >= P256_PRIME or (y * y - x**3 + 3 * x - P256_B) % P256_PRIME:
        raise ValueError("not a point of P-256")
    key = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    return lambda signature, signed: verifies(key.verify, signature, signed, ECDSA(SHA256()))


def ed25519(encoded: bytes) -> Verifies:
    """RFC 8032, section 5.1.3, but for the sign of x: a point and its negative have the same order."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(ED_D * y * y + 1, -1, ED_PRIME) % ED_PRIME
    x = pow(square, (ED_PRIME + 3) // 8, ED_PRIME)
    if x * x % ED_PRIME != square:
        x = x * pow(2, (ED_PRIME - 1) // 4, ED_PRIME) % ED_PRIME
    if len(encoded) != 32 or y >= ED_PRIME or x * x % ED_PRIME != square or (x == 0 and sign):
        raise ValueError("not the canonical encoding of a point of Ed25519")
    # Points whose order divides the cofactor, 8, are those that three doublings make the neutral one.
    for _ in range(3):
        product = ED_D * x * x * y * y
        sums = 2 * x * y * pow(1 + product, -1, ED_PRIME), (y * y + x * x) * pow(1 - product, -1, ED_PRIME)
        x, y = (each % ED_PRIME for each in sums)
    if (x, y) == (0, 1):
        raise ValueError("an Ed25519 key of small order")
    key = Ed25519PublicKey.from_public_bytes(encoded)
    return lambda signature, signed: verifies(key.verify, signature, signed)


# ----------------------------------------------------------------------------------------------------------------------
# 4. Policy and decision

PEOPLE = ruled(distinct(items(PERSON)), lambda people: len(people) <= 100, "at most 100 people")
POLICY = shape(
    {
        "v": one_of("cosignet/policy/v1"),
        "approvers exclude": PEOPLE,
        "threshold": whole(1),
        "veto device_bound_only": BOOLEAN,
        "fallback": ruled(
            items(shape({"after": whole(1), "approvers": PEOPLE})),
            lambda stages: all(one["after"] < next_one["after"] for one, next_one in pairwise(stages)),
            "stages of which each opens later than the one before",
        ),
        "delegates": by_name(PERSON, PEOPLE),
    }
)


def check_policy(data: bytes) -> Object:
    """The policy, and in it the `seats`: from each person who has one to the seconds after which it opens."""
    policy: Object = read_canonical(data, POLICY, "policy.form")
    excluded = set(policy["exclude"])
    seats: dict[str, int] = {}
    for stage in [{"after": 0, "approvers": policy["approvers"]}, *policy["fallback"]]:
        for person in stage["approvers"]:
            if person not in excluded:
                seats.setdefault(person, stage["after"])
    require(bool(policy["approvers"]), "policy.empty", "nobody may vote from the start")
    require(policy["threshold"] <= len(seats), "policy.unreachable", "the threshold is more than the seats")
    for holder, delegates in policy["delegates"].items():
        fitting = holder in seats and not any(delegate in seats for delegate in delegates)
        require(fitting, "policy.delegates", "a delegate has a seat, or is one of somebody who has none")
    return policy | {"seats": seats}


def may_vote(policy: Object, approver: str, seat: str) -> bool:
    stands_in = approver in policy["delegates"].get(seat, []) and approver not in policy["exclude"]
    return seat in policy["seats"] and (approver == seat or stands_in)


def decided(policy: Object, approved: set[str], rejected: set[str]) -> str:
    vetoed = bool(rejected) and policy["veto"]
    if vetoed or len(policy["seats"]) - len(rejected) < policy["threshold"]:
        return "rejected"
    return "approved" if len(approved) >= policy["threshold"] else "pending"


# ----------------------------------------------------------------------------------------------------------------------
# 5. Records and leaves

MAX_LEAF = 2_048
REQUESTED, ENROLLED, REVOKED = "confirmation.requested", "credential.enrolled", "credential.revoked"
OUTCOMES = {"approved": "confirmation.approved", "rejected": "confirmation.rejected"}

COUNTED = items(shape({"context credential": decode, "assertion": HASH, "counted_at": instant}))
# One number, and no other, so that whoever made the evidence does not say how long a guess takes.
KDF, ITERATIONS = "PBKDF2-HMAC-SHA256", 600_000
THESE_ITERATIONS = ruled(whole(), lambda count: count == ITERATIONS, str(ITERATIONS))
HASHED_ADDRESS = shape({"kdf": one_of(KDF), "iterations": THESE_ITERATIONS, "salt hash": HASH})
EMAILS = ruled(by_name(TEXT, HASHED_ADDRESS), lambda emails: len(emails) <= 100, "at most 100 hashed addresses")
OUTCOME = {"confirmation": TEXT, "terms": HASH, "votes": COUNTED, "emails": EMAILS}
RECORDS: dict[str, dict[str, Reader]] = {
    REQUESTED: {"confirmation": TEXT, "terms": HASH, "deadline": instant},
    OUTCOMES["approved"]: OUTCOME,
    OUTCOMES["rejected"]: OUTCOME,
    ENROLLED: {"person role": TEXT, "credential public_key": decode, "backup_eligible attested": BOOLEAN},
    REVOKED: {"person enrolled by": TEXT, "credential": decode},
}

LOG_KEYS = ruled(
    distinct(lambda value: [encode(HASH(key)) for key in TEXT(value).split(" ")]),
    lambda keys: keys == sorted(keys),
    "sorted",
)
PREVIOUS = nothing_or(lambda value: head(TEXT(value).partition(" ")[2]), "")
OF_A_REQUEST = [f"confirmation.{what}" for what in ("voted", *OUTCOMES, "expired", "cancelled", "consumed")]
LEAVES: dict[str, dict[str, Reader]] = {
    "log.genesis": {"origin": TEXT, "keys": LOG_KEYS, "previous": PREVIOUS},
    "key.rotated": {"keys": LOG_KEYS},
    REQUESTED: {"deadline": ruled(instant, lambda seconds: seconds % 60 == 0, "a whole minute")},
    **dict.fromkeys(OF_A_REQUEST, {"request": text(1, 64)}),
    **dict.fromkeys((ENROLLED, "credential.endorsed", REVOKED, "admin.changed"), {}),
}


def leaf_from(value: Any) -> Object:
    event = one_of(*LEAVES)(OBJECT(value).get("event"))
    common = {"v": one_of("cosignet/leaf/v1"), "event": TEXT, "id": text(1, 64), "time": instant, "record": HASH}
    leaf: Object = shape(common | LEAVES[event])(value)
    return leaf


def record_of(event: str) -> Reader:
    common = {"v": one_of("cosignet/record/v1"), "event": one_of(event), "organisation": TEXT, "sequence": whole(1)}
    return shape(common | {"time": instant} | RECORDS[event])


def people_at(email: str, emails: Object) -> list[str]:
    """Those whose hashed address is that of this one."""
    try:
        # As bytes, so that nothing but A-Z becomes lower case.
        address = email.encode().strip(b" \t\r\n").lower()
    except UnicodeEncodeError:
        return []  # a surrogate without its partner: it has no UTF-8 that could have been hashed
    if any(byte < 0x20 or byte == 0x7F for byte in address):
        return []  # zeros at its end, for one, make no difference to HMAC
    return [person for person, hashed in emails.items() if is_hash_of(hashed, address)]


def is_hash_of(hashed: Object, address: bytes) -> bool:
    found = hashlib.pbkdf2_hmac("sha256", address, hashed["salt"], ITERATIONS)
    return hmac.compare_digest(found, hashed["hash"])


# ----------------------------------------------------------------------------------------------------------------------
# 6. Tree, signed notes, checkpoints, verifier keys

ED25519, COSIGNATURE, ML_DSA_44 = 0x01, 0x04, 0x06  # types of keys
MAX_NOTE, MAX_SIGNATURES = 256 * 1024, 64
WHITE_SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SIGNATURE = re.compile(f"\u2014 ([^+{WHITE_SPACE}]+) ([^ ]+)")
VERIFIER_KEY = re.compile(rf"([^+{WHITE_SPACE}]+)\+([0-9a-f]{{8}})\+(.+)")


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01", left, right)


def sides(place: int, last: int, count: int) -> list[bool] | None:
    """Which of a proof's hashes stand to the left on the way up to the root. None when there are not `count`."""
    left: list[bool] = []
    while last and len(left) < count:
        left.append(bool(place & 1) or place == last)
        while left[-1] and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    return left if last == 0 and len(left) == count else None


def included(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    left = sides(index, size - 1, len(proof)) if index < size else None
    found = sha256(b"\x00", leaf)
    for sibling, is_left in zip(proof, left or [], strict=False):
        found = node(sibling, found) if is_left else node(found, sibling)
    return left is not None and found == root


def begins_with(first: int, first_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2, and what it leaves out: a tree begins with itself and with the empty one."""
    if first in (0, size):
        return not proof and first_root == (sha256() if first == 0 else root)
    if first > size or not proof:
        return False
    start, *path = proof if first & (first - 1) else [first_root, *proof]
    place, last = first - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = start
    left = sides(place, last, len(path))
    for sibling, is_left in zip(path, left or [], strict=False):
        old = node(sibling, old) if is_left else old
        new = node(sibling, new) if is_left else node(new, sibling)
    return left is not None and old == first_root and new == root


@dataclass(frozen=True)
class Checkpoint:
    note: bytes
    signed: bytes
    signatures: list[tuple[str, bytes, bytes]]  # name, key id, signature
    origin: str
    size: int
    root: bytes


def standard_base64(spelled: str) -> bytes:
    data = base64.b64decode(spelled)
    if base64.b64encode(data).decode() != spelled:
        raise ValueError("not base64")
    return data


def signed_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    content = note.decode()
    signed, blank, block = content.rpartition("\n\n")
    *lines, end = block.split("\n")
    if len(note) > MAX_NOTE or not blank or end or re.search("[\0-\t\v-\x1f]", content):
        raise ValueError("not a signed note")
    found = [line for line in map(SIGNATURE.fullmatch, lines) if line]
    if len(found) != len(lines) or not 1 <= len(found) <= MAX_SIGNATURES:
        raise ValueError("not lines of signatures, or too few or too many")
    signatures = [(line[1], standard_base64(line[2])) for line in found]
    if any(len(data) < 5 for _, data in signatures):
        raise ValueError("a key id without a signature")
    return signed + "\n", [(name, data[:4], data[4:]) for name, data in signatures]


def read_checkpoint(note: bytes) -> Checkpoint:
    try:
        signed, signatures = signed_note(note)
    except ValueError as error:
        raise Refusal("note.form", str(error)) from error
    try:
        origin, size, root, end = signed.split("\n")
        checkpoint = Checkpoint(note, signed.encode(), signatures, origin, tree_size(size), standard_base64(root))
        if not origin or end or len(checkpoint.root) != 32:
            raise ValueError("not an origin, a size and a root")
    except ValueError as error:
        raise Refusal("checkpoint.form", str(error)) from error
    return checkpoint


@dataclass(frozen=True)
class VerifierKey:
    name: str
    key_id: bytes
    encoded: bytes  # the byte of its type, and the key
    verify: Verifies = field(compare=False)

    def signed_at(self, checkpoint: Checkpoint, signature: bytes) -> int | None:
        """The time that the signature names (0 where it names none), or None where it does not verify."""
        if self.encoded[0] == ED25519:
            return 0 if self.verify(signature, checkpoint.signed) else None
        stamp, rest = signature[:8], signature[8:]
        time = int.from_bytes(stamp, "big")
        if self.encoded[0] == COSIGNATURE:
            message = b"cosignature/v1\ntime %d\n" % time + checkpoint.signed
        else:
            cosigner, origin = self.name.encode(), checkpoint.origin.encode()
            if max(len(cosigner), len(origin)) > 255:
                return None
            parties = bytes([len(cosigner)]) + cosigner + stamp + bytes([len(origin)]) + origin
            message = b"subtree/v1\n\0" + parties + struct.pack(">QQ", 0, checkpoint.size) + checkpoint.root
        return time if self.verify(rest, message) else None


def verifier_key(*types: int) -> Reader:
    def read(value: Any) -> VerifierKey:
        found = VERIFIER_KEY.fullmatch(TEXT(value))
        name, key_id, encoded = found.groups() if found else ("", "", "")
        data = standard_base64(encoded)
        expected = sha256(name.encode(), b"\n", data)[:4]
        if not data or data[0] not in types or key_id != expected.hex():
            raise ValueError("not a verifier key of a type that fits")
        verify = ml_dsa_44(data[1:]) if data[0] == ML_DSA_44 else ed25519(data[1:])
        return VerifierKey(name, expected, data, verify)

    return read


def ml_dsa_44(encoded: bytes) -> Verifies:
    key = MLDSA44PublicKey.from_public_bytes(encoded)
    return lambda signature, signed: verifies(key.verify, signature, signed)


# ----------------------------------------------------------------------------------------------------------------------
# 7. Evidence

MAX_EVIDENCE = 4 * 1024 * 1024
ENTRY = shape({"index": whole(), "leaf record": decode, "salt": HASH, "proof": items(HASH)})
VOTE = shape({"context credential authenticator_data client_data signature user_handle": decode, "reason": TEXT})
KEY = shape(
    {
        "id public_key": decode,
        "person": PERSON,
        "backup_eligible": BOOLEAN,
        "enrolled": ENTRY,
        "revoked": nothing_or(ENTRY),
        "endorsement": nothing_or(lambda value: evidence_from(value)),
    }
)
EVIDENCE = shape(
    {
        "v": one_of("cosignet/evidence/v1"),
        "decision": one_of("approved", "rejected"),
        "terms policy checkpoint": decode,
        "terms_hash payload_hash": HASH,
        "payload": ruled(decode, lambda payload: len(payload) <= MAX_PAYLOAD, f"at most {MAX_PAYLOAD} bytes"),
        "note": TEXT,
        "votes": items(VOTE),
        "keys": items(KEY),
        "request outcome": ENTRY,
        "heads": items(shape({"size": whole(), "proof": items(HASH)})),
        "anchor": nothing_or(shape({"ots": decode, "header": base64url(80)})),
    }
)


def evidence_from(value: Any) -> Object:
    evidence = EVIDENCE(value)
    subject = [evidence["terms"], evidence["payload"], evidence["policy"]]
    withheld = not any(subject)
    if not withheld and not all(subject):
        raise ValueError("withheld in part")
    if withheld and (evidence["note"] or any(vote["reason"] for vote in evidence["votes"])):
        raise ValueError("withheld, with a note or a reason")
    if [key["id"] for key in evidence["keys"]] != sorted({vote["credential"] for vote in evidence["votes"]}):
        raise ValueError("keys are not exactly those that signed, in their order")
    if any(one["size"] >= next_one["size"] for one, next_one in pairwise(evidence["heads"])):
        raise ValueError("heads are not in their order")
    complete: Object = evidence | {"withheld": withheld}
    return complete


def read_evidence(data: bytes) -> Object:
    require(len(data) <= MAX_EVIDENCE, "evidence.form", "the evidence is too large", UNREADABLE)
    evidence: Object = read_canonical(data, evidence_from, "evidence.form", UNREADABLE)
    return evidence


# ----------------------------------------------------------------------------------------------------------------------
# 7. Trust


@dataclass
class WitnessPolicy:
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    quorum: str = ""

    def is_defined(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def add(self, words: list[str]) -> bool:
        """Whether this was a line that may stand here."""
        match words:
            case ["quorum", name] if not self.quorum:
                self.quorum = name
                return name == "none" or self.is_defined(name)
            case [_, name, *_] if name == "none" or self.is_defined(name):
                return False
            case ["witness", name, key] | ["witness", name, key, _]:
                self.witnesses[name] = verifier_key(COSIGNATURE, ML_DSA_44)(key)
                return True
            case ["group", name, threshold, *members]:
                counts = {"any": 1, "all": len(members)} | {str(n): n for n in range(1, len(members) + 1)}
                known = all(self.is_defined(member) and member not in self.grouped for member in members)
                self.grouped.update(members)
                self.groups[name] = counts.get(threshold, 0), members
                return known and len(set(members)) == len(members) > 0 and threshold in counts
        return False

    def reached_at(self, times: dict[VerifierKey, int]) -> int | None:
        """The time by which enough witnesses had signed. None: not enough have, or none has to."""
        reached = {name: times[key] for name, key in self.witnesses.items() if key in times}
        for name, (threshold, members) in self.groups.items():
            signed = sorted(reached[member] for member in members if member in reached)
            if len(signed) >= threshold:
                reached[name] = signed[threshold - 1]
        return reached.get(self.quorum)


def witness_policy(value: Any) -> WitnessPolicy:
    policy = WitnessPolicy()
    for line in items(TEXT)(value):
        words = [word for word in re.split("[ \t]+", line) if word]
        if re.search(f"[{WHITE_SPACE}]", "".join(words)) or not policy.add(words):
            raise ValueError("not a line of a witness policy, or not one that may stand here")
    if not value:
        policy.quorum = "none"
    if not policy.quorum:
        raise ValueError("a witness policy without a quorum")
    if len({key.encoded for key in policy.witnesses.values()}) != len(policy.witnesses):
        raise ValueError("the key of a witness stands there twice")
    return policy


def usable_key(value: Any) -> bytes:
    passkey(decode(value))
    return decode(value)


def spelled(pattern: str) -> Reader:
    return ruled(TEXT, lambda value: re.fullmatch(pattern, value) is not None, pattern)


PINS = items(shape({"id": decode, "public_key": usable_key, "backup_eligible": BOOLEAN}))
PINNED = by_name(PERSON, shape({"name": TEXT, "keys": PINS}))
TRUST = shape(
    {
        "v": one_of("cosignet/trust/v1"),
        "organisation rp_id": text(1, 500),
        "origins": distinct(items(text(1))),
        "log": items(shape({"key": verifier_key(ED25519, ML_DSA_44), "from": whole(), "until": nothing_or(whole())})),
        "witnesses": witness_policy,
        "level": one_of("included", "witnessed", "anchored"),
        "blocks": by_name(spelled("0|[1-9][0-9]*"), spelled("[0-9a-fA-F]{64}")),
        "approvers roots": PINNED,
        "attested_keys": BOOLEAN,
        "floor": shape({"threshold": whole(1), "approvers": distinct(items(PERSON))}),
    }
)


def trust_from(value: Any) -> Object:
    trust = TRUST(value)
    log, threshold, named = trust["log"], trust["floor"]["threshold"], trust["floor"]["approvers"]
    if not trust["origins"] or len({entry["key"].name for entry in log}) != 1:
        raise ValueError("no origins, or not one log")
    if len({entry["key"] for entry in log}) != len(log):
        raise ValueError("a key of the log stands there twice")
    if any(entry["until"] is not None and entry["until"] < entry["from"] for entry in log):
        raise ValueError("a key of the log ends before it begins")
    if trust["level"] == "witnessed" and trust["witnesses"].quorum == "none":
        raise ValueError("witnesses are asked for, and none is named")
    if not trust["roots"] and not trust["attested_keys"]:
        people = trust["approvers"].keys()
        if not people or not people >= set(named) or threshold > len(people):
            raise ValueError("fewer people are pinned than the floor asks for")
    if named and threshold > len(named):
        raise ValueError("the floor asks for more people than it names")
    names = {person: pinned["name"] for person, pinned in (trust["roots"] | trust["approvers"]).items()}
    complete: Object = trust | {table: pins(trust[table]) for table in ("approvers", "roots")} | {"names": names}
    return complete


def pins(people: Object) -> dict[bytes, Object]:
    """From each credential id to the passkey, its members named as in the `keys` of evidence."""
    every = [key | {"person": person} for person, pinned in people.items() for key in pinned["keys"]]
    by_id = {key["id"]: key for key in every}
    if len(by_id) != len(every):
        raise ValueError("a credential id is pinned twice")
    return by_id


def read_trust(data: bytes) -> Object:
    require(len(data) <= MAX_EVIDENCE, "trust.form", "the trust file is too large", UNREADABLE)
    try:
        return trust_from(read_json(data)[0])
    except (Refusal, ValueError) as error:
        raise Refusal("trust.form", str(error), UNREADABLE) from error


# ----------------------------------------------------------------------------------------------------------------------
# 7. First, whether the evidence agrees with itself

ENDORSED = shape(
    {
        "v": one_of("cosignet/enrolment/v1"),
        "person": PERSON,
        "credential public_key": decode,
        "backup_eligible": BOOLEAN,
        "role email": TEXT,
    }
)
OTS_MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08"  # version 1, over SHA-256
OTS_BITCOIN = bytes.fromhex("0588960d73d71901")
MAX_OTS, MAX_OTS_MESSAGE, MAX_OTS_OPERATIONS = 65_536, 4_096, 256


@dataclass
class Vote:
    context: Object
    nonce: bytes
    key: Object
    reason: str
    origin: str
    rp_id_hash: bytes
    counted_at: int

    def __post_init__(self) -> None:
        self.approver, self.decision = self.context["approver"], self.context["decision"]
        self.seat = self.context["for"] or self.approver


class Consistent:
    """Evidence that agrees with itself, whoever made it. Making one is the first table of checks, in its order."""

    terms: Object  # like the policy, only where they are not withheld
    policy: Object
    endorsed: Object  # the payload, where this is an endorsement

    def __init__(self, evidence: Object) -> None:
        self.evidence, self.decision, self.withheld = evidence, evidence["decision"], evidence["withheld"]
        if not self.withheld:
            self.check_subject()
        self.checkpoint = read_checkpoint(evidence["checkpoint"])
        self.request = self.entry(evidence["request"], REQUESTED)
        self.organisation = self.request["record"]["organisation"]
        self.check_request()
        self.outcome = self.entry(evidence["outcome"], OUTCOMES[self.decision])
        self.check_outcome()
        self.endorsements: dict[bytes, Consistent] = {}
        for key in evidence["keys"]:
            self.check_key(key)
            if key["endorsement"] is not None:
                self.endorsements[key["id"]] = self.check_endorsement(key)
        self.keys = {key["id"]: key for key in evidence["keys"]}
        counted = self.outcome["record"]["votes"]
        self.votes = [self.vote(vote, row) for vote, row in zip(evidence["votes"], counted, strict=True)]
        self.check_heads()
        for vote in self.votes:
            times = [self.request["record"]["time"], vote.context["issued_at"], vote.counted_at]
            times.append(self.outcome["record"]["time"])
            in_order = times == sorted(times) and times[-1] < self.request["record"]["deadline"]
            require(in_order, "time.deadline", "request, vote, outcome and deadline are not in the order of time")
        self.check_count()
        self.approvers = {vote.approver for vote in self.votes if vote.decision == "approve"}
        self.emails = self.outcome["record"]["emails"]
        self.check_emails()
        self.header = b""
        self.heights: list[int] = []
        if evidence["anchor"] is not None:
            self.check_anchor()

    def check_subject(self) -> None:
        shows = self.evidence
        self.terms = read_canonical(shows["terms"], TERMS, "terms.form")
        require(sha256(shows["terms"]) == shows["terms_hash"], "terms.hash", "the terms' hash is another one")
        same = sha256(shows["payload"]) == shows["payload_hash"] == self.terms["payload"]
        require(same, "payload.hash", "the payload is not that of the terms")
        same = canonical_payload(shows["payload"]) == shows["payload"]
        require(same, "payload.not_canonical", "the payload is not in canonical form")
        self.policy = check_policy(shows["policy"])
        require(sha256(shows["policy"]) == self.terms["policy"], "terms.hash", "the policy is not that of the terms")
        require(committed(shows["note"]) == self.terms["note"], "terms.hash", "the note is not that of the terms")

    def entry(self, entry: Object, event: str) -> Object:
        """The entry with its leaf and its record opened."""
        require(len(entry["leaf"]) <= MAX_LEAF, "leaf.form", "a leaf is too long")
        leaf = read_canonical(entry["leaf"], leaf_from, "leaf.form")
        tree = self.checkpoint
        in_tree = included(entry["index"], tree.size, entry["leaf"], entry["proof"], tree.root)
        require(in_tree, "log.inclusion", f"the leaf of {event} is not in the log")
        same = leaf["record"] == sha256(entry["salt"], entry["record"])
        require(same, "leaf.record", f"the leaf of {event} does not commit to the record")
        record = read_canonical(entry["record"], record_of(event), "leaf.record")
        same = (leaf["event"], leaf["time"]) == (event, record["time"])
        require(same, "leaf.record", f"leaf and record of {event} differ in type or time")
        return entry | {"leaf": leaf, "record": record}

    def check_request(self) -> None:
        record = self.request["record"]
        require(record["terms"] == self.evidence["terms_hash"], "leaf.record", "the request is on other terms")
        shows_deadline = self.request["leaf"]["deadline"] == -(-record["deadline"] // 60) * 60
        require(shows_deadline, "leaf.record", "the leaf of the request shows another deadline")
        if not self.withheld:
            in_terms = [self.terms[name] for name in ("organisation", "confirmation", "created_at", "deadline")]
            in_record = [record[name] for name in ("organisation", "confirmation", "time", "deadline")]
            require(in_record == in_terms, "leaf.record", "the request is not the one that the terms describe")

    def check_outcome(self) -> None:
        asked, record = self.request["record"], self.outcome["record"]
        same = all(record[name] == asked[name] for name in ("confirmation", "terms", "organisation"))
        same = same and self.outcome["leaf"]["request"] == self.request["leaf"]["id"]
        require(same, "leaf.record", "the outcome is that of another request")
        votes = [(vote["context"], vote["credential"], assertion_hash(vote)) for vote in self.evidence["votes"]]
        counted = [(vote["context"], vote["credential"], vote["assertion"]) for vote in record["votes"]]
        require(votes == counted, "leaf.record", "the outcome counts other votes than those here")
        in_order = self.request["index"] < self.outcome["index"]
        require(in_order, "log.order", "the request is not before the outcome in the log")

    def check_key(self, key: Object) -> None:
        enrolled = self.entry(key["enrolled"], ENROLLED)
        same = is_of(enrolled["record"], key) and enrolled["record"]["organisation"] == self.organisation
        require(same, "leaf.record", "the enrolment is that of another passkey")
        before = enrolled["index"] < self.outcome["index"]
        require(before, "log.order", "a passkey was enrolled after the outcome")
        if key["revoked"] is not None:
            revoked = self.entry(key["revoked"], REVOKED)
            named = [revoked["record"][name] for name in ("person", "credential", "enrolled", "organisation")]
            same = named == [key["person"], key["id"], enrolled["leaf"]["id"], self.organisation]
            require(same, "leaf.record", "the revocation is that of another passkey or enrolment")
            before = revoked["index"] < self.outcome["index"]
            require(not before, "credential.revoked", "a passkey was revoked before the outcome")

    def check_endorsement(self, key: Object) -> "Consistent":
        check = "credential.endorsed"
        try:
            inner = Consistent(key["endorsement"])
        except Refusal as refusal:
            raise Refusal(check, f"the endorsement is false: {refusal}") from refusal
        approved = inner.decision == "approved" and not inner.withheld
        require(approved, check, "the endorsement is no approval, or is withheld")
        require(inner.terms["execution"] == ENROLMENT, check, "the service itself did not ask for the endorsement")
        inner.endorsed = read_canonical(inner.evidence["payload"], ENDORSED, check)
        require(is_of(inner.endorsed, key), check, "another passkey was endorsed")
        same = (inner.organisation, inner.checkpoint.origin) == (self.organisation, self.checkpoint.origin)
        same = same and (self.withheld or inner.terms["audience"] == self.terms["audience"])
        require(same, check, "the endorsement is that of another organisation, deployment or log")
        return inner

    def vote(self, vote: Object, counted: Object) -> Vote:
        key = self.keys[vote["credential"]]
        context = read_canonical(vote["context"], CONTEXT, "context.form")
        require(context["terms"] == self.evidence["terms_hash"], "terms.hash", "a vote is on other terms")
        nonce = sha256(b"cosignet/context/v1\0", vote["context"])
        origin = check_assertion(vote, key, context["approver"], nonce + self.evidence["payload_hash"])
        rp_id_hash = vote["authenticator_data"][:32]
        cast = Vote(context, nonce, key, vote["reason"], origin, rp_id_hash, counted["counted_at"])
        if not self.withheld:
            here = rp_id_hash == sha256(self.terms["audience"].encode())
            require(here, "assertion.rp_id", "a vote was made in another deployment")
            allowed = may_vote(self.policy, cast.approver, cast.seat)
            require(allowed, "policy.separation", "the policy does not let this person vote in this seat")
            synced = self.policy["device_bound_only"] and key["backup_eligible"]
            require(not synced, "policy.device_bound", "the policy asks for passkeys that cannot be synced")
            require(committed(vote["reason"]) == context["reason"], "context.nonce", "another reason was signed")
        return cast

    def check_heads(self) -> None:
        proofs = {head["size"]: head["proof"] for head in self.evidence["heads"]}
        named, tree = [vote.context["head"] for vote in self.votes], self.checkpoint
        every = "none" not in named and proofs.keys() == {size for size, _ in named}
        require(every, "log.consistency", "heads are not exactly those that votes name")
        for size, root in named:
            same = begins_with(size, root, tree.size, tree.root, proofs[size])
            require(same, "log.consistency", "the log does not begin with the head that a vote names")
            between = self.request["index"] < size <= self.outcome["index"]
            require(between, "log.order", "the head that a vote names is not one between request and outcome")

    def check_count(self) -> None:
        nonces: set[bytes] = set()
        used: set[tuple[str, str | bytes]] = set()
        seats: dict[str, set[str]] = {"approve": set(), "reject": set()}
        state = "pending"
        for vote in self.votes:
            if not self.withheld:
                require(state == "pending", "policy.quorum", "a vote follows the one that decided")
                opens = self.terms["created_at"] + self.policy["seats"][vote.seat]
                require(opens <= vote.counted_at, "policy.separation", "a seat was not open yet")
            require(vote.nonce not in nonces, "context.nonce", "a vote is counted twice")
            uses = {("person", vote.approver), ("person", vote.seat)}
            uses |= {("credential", vote.key["id"]), ("public key", vote.key["public_key"])}
            require(not uses & used, "policy.separation", "two votes share a person or a passkey")
            nonces.add(vote.nonce)
            used |= uses
            seats[vote.decision].add(vote.seat)
            if self.withheld:
                state = {"approve": "approved", "reject": "rejected"}[vote.decision]
            else:
                state = decided(self.policy, seats["approve"], seats["reject"])
        require(state == self.decision, "policy.quorum", f"the votes do not make it {self.decision}")

    def check_emails(self) -> None:
        # Withheld terms do not say whether it is revealed. Then only that there are addresses does.
        revealed = bool(self.emails) if self.withheld else self.terms["reveal"] == "yes"
        people = self.approvers if revealed and self.decision == "approved" else set()
        require(self.emails.keys() == people, "leaf.record", "hashed addresses are not those that are to be revealed")

    def check_anchor(self) -> None:
        self.header = self.evidence["anchor"]["header"]
        try:
            attested = read_timestamp(self.evidence["anchor"]["ots"], sha256(self.checkpoint.note))
        except ValueError as error:
            raise Refusal("anchor.header", str(error)) from error
        self.heights = [height for height, message in attested if message == self.header[36:68]]
        require(bool(self.heights), "anchor.header", "the timestamp does not lead to this block")


def is_of(shows: Object, key: Object) -> bool:
    """Whether an enrolment or an endorsement is that of this passkey."""
    named = [shows[name] for name in ("person", "credential", "public_key", "backup_eligible")]
    return named == [key[name] for name in ("person", "id", "public_key", "backup_eligible")]


def assertion_hash(vote: Object) -> bytes:
    parts = ("credential", "authenticator_data", "client_data", "signature", "user_handle")
    return sha256(canonical_text({part: encode(vote[part]) for part in parts}).encode())


def read_timestamp(ots: bytes, digest: bytes) -> list[tuple[int, bytes]]:
    """The heights of Bitcoin blocks that a proof of this digest leads to, each with the Merkle root that it needs."""
    cursor, attested, branches = Cursor(ots), [], [(digest, 0)]
    if len(ots) > MAX_OTS or cursor.take(len(OTS_MAGIC)) != OTS_MAGIC or cursor.take(32) != digest:
        raise ValueError("not an OpenTimestamps proof of this checkpoint")
    while branches:
        message, operations = branches.pop()
        tag = cursor.take(1)
        if tag == b"\xff":
            branches.append((message, operations))
            tag = cursor.take(1)
        if tag != b"\x00":
            message = timestamp_operation(tag, message, cursor)
            branches.append((message, operations + 1))
            if len(message) > MAX_OTS_MESSAGE or operations == MAX_OTS_OPERATIONS:
                raise ValueError("the timestamp is too long")
            continue
        kind, content = cursor.take(8), Cursor(cursor.take(varuint(cursor)))
        if kind == OTS_BITCOIN:
            attested.append((varuint(content), message))
            content.end()
    cursor.end()
    return attested


def timestamp_operation(tag: bytes, message: bytes, cursor: Cursor) -> bytes:
    if tag == b"\x08":
        return sha256(message)
    if tag not in (b"\xf0", b"\xf1"):
        raise ValueError("an operation that is not allowed")
    operand = cursor.take(varuint(cursor))
    return message + operand if tag == b"\xf0" else operand + message


def varuint(cursor: Cursor) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = cursor.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise ValueError("a number is too long")


# ----------------------------------------------------------------------------------------------------------------------
# 7. Then, whether the trust file vouches for it

PINNED_KEY, ROOT_KEY, ENDORSED_KEY, OPERATORS_WORD = "pinned", "a root's", "endorsed", "known by the operator's word"


@dataclass
class Receipt:
    """How far it has come, and what vouches for it."""

    level: str
    witnessed: bool
    before: list[str]  # what has seen the checkpoint, and so all of the evidence, and when
    passkeys: list[str]  # how that of each vote is known


def check_trusted(found: Consistent, trust: Object) -> Receipt:
    status = NOT_AUTHENTICATED
    here = found.organisation == trust["organisation"]
    here = here and (found.withheld or found.terms["audience"] == trust["rp_id"])
    require(here, "trust.audience", "it was decided in another organisation or deployment than the trusted one", status)
    for vote in found.votes:
        require(vote.origin in trust["origins"], "assertion.origin", "a vote was made on another page", status)
        here = vote.rp_id_hash == sha256(trust["rp_id"].encode())
        require(here, "assertion.rp_id", "a vote was made in another deployment than the trusted one", status)
    check_log(found.checkpoint, trust)
    witnessed = check_witnesses(found.checkpoint, trust)
    anchored = check_block(found, trust)
    passkeys = [known_as(found, vote.key, trust) for vote in found.votes]
    require(all(passkeys), "credential.enrolled", "nothing trusted says whose a passkey is", status)
    floor = trust["floor"]
    counted = found.approvers & set(floor["approvers"]) if floor["approvers"] else found.approvers
    enough = found.decision == "rejected" or len(counted) >= floor["threshold"]
    require(enough, "policy.floor", "fewer people have approved than the trust file asks for", status)
    level = "anchored" if anchored else "witnessed" if witnessed else "included"
    return Receipt(level, bool(witnessed), witnessed + anchored, passkeys)


def signing_times(checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
    """Those keys that have signed, each with the earliest time that its signatures name."""
    times: dict[VerifierKey, int] = {}
    for name, key_id, signature in checkpoint.signatures:
        for key in keys:
            if (key.name, key.key_id) == (name, key_id):
                time = key.signed_at(checkpoint, signature)
                if time is None:
                    raise Refusal("log.signature", f"the signature of {name} does not verify", FALSE)
                times[key] = min(time, times.get(key, time))
    return times


def check_log(checkpoint: Checkpoint, trust: Object) -> None:
    log, size = trust["log"], checkpoint.size
    same = checkpoint.origin == log[0]["key"].name
    require(same, "trust.log", "it is in another log than the trusted one", NOT_AUTHENTICATED)
    signs = [entry["from"] <= size and (entry["until"] is None or size <= entry["until"]) for entry in log]
    keys = [entry["key"] for entry, signs_here in zip(log, signs, strict=True) if signs_here]
    every = bool(keys) and signing_times(checkpoint, keys).keys() == set(keys)
    require(every, "trust.log", "not every trusted key of the log has signed the checkpoint", NOT_AUTHENTICATED)


def check_witnesses(checkpoint: Checkpoint, trust: Object) -> list[str]:
    witnesses = trust["witnesses"]
    reached_at = witnesses.reached_at(signing_times(checkpoint, witnesses.witnesses.values()))
    enough = trust["level"] == "included" or witnesses.quorum == "none" or reached_at is not None
    require(enough, "witness.quorum", "not enough witnesses have signed the checkpoint", NOT_AUTHENTICATED)
    return [] if reached_at is None else [f"enough witnesses had signed the log by {clock(reached_at)}"]


def check_block(found: Consistent, trust: Object) -> list[str]:
    block, mined_at = sha256(sha256(found.header))[::-1].hex(), clock(int.from_bytes(found.header[68:72], "little"))
    pinned = [trust["blocks"][str(height)].lower() for height in found.heights if str(height) in trust["blocks"]]
    require(set(pinned) <= {block}, "anchor.header", "the header is not that of the block that is pinned")
    required = trust["level"] == "anchored"
    require(bool(pinned) or not required, "trust.level", "no block that is pinned anchors it", NOT_AUTHENTICATED)
    return [f"the log is in the Bitcoin block of {mined_at}, give or take two hours"] if pinned else []


def known_as(found: Consistent, key: Object, trust: Object) -> str:
    """How the relying party knows whose this passkey is; empty when it does not."""
    tables = {PINNED_KEY: trust["approvers"], ROOT_KEY: trust["roots"]}
    pinned = {how: table[key["id"]] for how, table in tables.items() if key["id"] in table}
    if any(key[name] != value for pin in pinned.values() for name, value in pin.items()):
        return ""
    if pinned:
        return next(iter(pinned))
    if is_endorsed(found, key, trust):
        return ENDORSED_KEY
    return OPERATORS_WORD if trust["attested_keys"] else ""


def is_endorsed(found: Consistent, key: Object, trust: Object) -> bool:
    inner, rp_id_hash = found.endorsements.get(key["id"]), sha256(trust["rp_id"].encode())
    if inner is None:
        return False
    try:
        check_log(inner.checkpoint, trust)
    except Refusal:
        return False
    here = all(vote.origin in trust["origins"] and vote.rp_id_hash == rp_id_hash for vote in inner.votes)
    approvals = [vote for vote in inner.votes if vote.decision == "approve"]
    return here and any(may_endorse(inner, vote.key, trust) for vote in approvals)


def may_endorse(found: Consistent, key: Object, trust: Object) -> bool:
    root = trust["roots"].get(key["id"])
    if root is not None and all(key[name] == value for name, value in root.items()):
        return True
    as_admin = key["id"] in found.endorsements and found.endorsements[key["id"]].endorsed["role"] in ("admin", "owner")
    return as_admin and is_endorsed(found, key, trust)


# ----------------------------------------------------------------------------------------------------------------------
# 7. Last, whether it can be used; and the verdict

SUBJECT = "payload, requester, action, note, policy, validity"


@dataclass
class Judgement:
    exit: int
    check: str | None
    detail: str
    decision: str | None = None
    terms: dict[str, str] | None = None
    payload: str | None = None
    note: str | None = None
    signers: list[Object] | None = None
    level: str | None = None
    proven: list[str] | None = None
    attested: list[str] | None = None
    not_proven: list[str] | None = None
    not_checked: list[str] | None = None


def judge(
    evidence: bytes,
    trust: bytes | None,
    *,
    expected_payload: bytes | None = None,
    now: str | datetime | None = None,
    email: str | None = None,
) -> Judgement:
    """`expected_payload` are canonical bytes, such as `canonical_payload` gives; `now` is your own clock.

    `email` is a guess of an approver's address.
    """
    found = None
    try:
        moment = moment_of(now)
        document = read_evidence(evidence)
        trusted = None if trust is None else read_trust(trust)
        found = Consistent(document)
        if trusted is None:
            check_usable(found, expected_payload, moment)
            check_email(found, email)
            return described(Judgement(NOT_AUTHENTICATED, None, "it agrees with itself; there is no trust file"), found)
        receipt = check_trusted(found, trusted)
        check_usable(found, expected_payload, moment)
        guessed = check_email(found, email)
    except Refusal as refusal:
        judgement = Judgement(refusal.status, refusal.check, refusal.detail)
        return described(judgement, found) if found and refusal.status == NOT_AUTHENTICATED else judgement
    judgement = described(Judgement(AUTHENTIC, None, "every check passed"), found)
    return listed(judgement, found, receipt, trusted["names"], guessed)


def moment_of(now: str | datetime | None) -> float | None:
    try:
        moment = datetime.fromtimestamp(instant(now), UTC) if isinstance(now, str) else now
    except ValueError as error:
        raise Refusal("encoding.instant", f"now is {error}", UNREADABLE) from error
    require(moment is None or moment.tzinfo is not None, "encoding.instant", "now names no time zone", UNREADABLE)
    return moment.timestamp() if moment else None


def check_usable(found: Consistent, expected_payload: bytes | None, moment: float | None) -> None:
    same = expected_payload is None or (not found.withheld and found.evidence["payload"] == expected_payload)
    require(same, "payload.expected", "this is not the payload that is about to be executed")
    executes = expected_payload is None or found.decision == "approved"
    require(executes, "decision.approved", "it was rejected, so nothing may be executed")
    if moment is not None and found.decision == "approved" and not found.withheld:
        require(moment < found.terms["valid_until"], "time.validity", "the approval is not valid any longer")


def check_email(found: Consistent, email: str | None) -> list[str]:
    """Gives the people whose address was guessed."""
    if email is None:
        return []
    guessed = people_at(email, found.emails)
    require(bool(guessed), "email.expected", "no hashed address is that of this e-mail address")
    return guessed


def clock(seconds: int) -> str:
    last = 253_402_300_799  # of the year 9999; a cosignature may claim any 64 bits
    return f"{datetime.fromtimestamp(min(seconds, last), UTC):%Y-%m-%dT%H:%M:%SZ}"


def described(judgement: Judgement, found: Consistent) -> Judgement:
    judgement.decision = found.decision
    judgement.signers = [
        {"person": vote.approver, "for": vote.context["for"], "decision": vote.decision, "reason": vote.reason}
        | {"credential": encode(vote.key["id"]), "can_be_synced": vote.key["backup_eligible"]}
        for vote in found.votes
    ]
    if not found.withheld:
        judgement.terms = json.loads(found.evidence["terms"])
        judgement.payload, judgement.note = found.evidence["payload"].decode(), found.evidence["note"]
    return judgement


def listed(
    judgement: Judgement, found: Consistent, receipt: Receipt, names: dict[str, str], guessed: list[str]
) -> Judgement:
    for signer, known in zip(judgement.signers or [], receipt.passkeys, strict=True):
        signer |= {"name": names.get(signer["person"], ""), "passkey": known}
    heads = ", ".join(str(size) for size in sorted({vote.context["head"][0] for vote in found.votes}))
    covered = "a payload and terms of these hashes" if found.withheld else f"this {SUBJECT} and deadline"
    rule = "" if found.withheld else "satisfy the policy and "
    judgement.level = receipt.level
    judgement.proven = [
        *(f"'{vote.approver}' signed {vote.decision} after the authenticator verified them" for vote in found.votes),
        f"each signature covers exactly {covered}",
        f"the votes {rule}are those of distinct people",
        f"all of it is in the log, and each signature is younger than a head of the log (of {heads} leaves)",
        *receipt.before,
    ]
    by_word = [signer["person"] for signer in judgement.signers or [] if signer["passkey"] == OPERATORS_WORD]
    judgement.attested = [
        f"when it was decided ({clock(found.outcome['record']['time'])}), and so that it was before the deadline",
        *([] if found.withheld else ["who the requester is"]),
        "that no passkey had been revoked",
        *(f"that the passkey of '{person}' is theirs" for person in by_word),
        *(f"that the e-mail address hashed for '{person}' is theirs" for person in found.emails),
        *(f"that '{person}' has the e-mail address that was asked for" for person in guessed),
    ]
    judgement.not_proven = [
        *([] if receipt.witnessed else ["that everybody is shown the same log"]),
        "that no vote was left out (the log shows one that was)",
        "what the approvers' screens showed",
        "that a passkey lives in hardware",
    ]
    judgement.not_checked = [SUBJECT] if found.withheld else []
    return judgement


# ----------------------------------------------------------------------------------------------------------------------
# The command line


def lines_of(judgement: Judgement) -> Iterator[str]:
    words = {AUTHENTIC: "AUTHENTIC", FALSE: "FALSE", UNREADABLE: "UNREADABLE", NOT_AUTHENTICATED: "NOT AUTHENTICATED"}
    yield f"{words[judgement.exit]}{f', by {judgement.check}' if judgement.check else ''}: {shown(judgement.detail)}"
    if judgement.decision:
        yield f"{'Decision' if judgement.exit == AUTHENTIC else 'It claims to be'}: {judgement.decision}"
    terms = (judgement.terms or {}) | {"payload": judgement.payload, "note": judgement.note}
    for title, about in [("Terms", terms), *(("Vote", signer) for signer in judgement.signers or [])]:
        lines = [f"  {name}: {shown(str(value))}" for name, value in about.items() if value not in (None, "")]
        yield from [f"{title}:", *lines] if lines else []
    if judgement.level:
        yield f"Receipt: {judgement.level}"
    for title in ("proven", "attested", "not_proven", "not_checked"):
        yield from (
            f"{title.replace('_', ' ').capitalize()}: {shown(line)}" for line in getattr(judgement, title) or []
        )


def answer(line: bytes) -> Judgement:
    """To one request of --batch."""
    try:
        request = json.loads(line)
        evidence, trust, payload, now, email = (
            request[name] for name in ("evidence", "trust", "payload", "now", "email")
        )
        given = base64.b64decode(evidence), None if trust is None else base64.b64decode(trust)
        data = None if payload is None else payload.encode("utf-8", "surrogatepass")
        clock_says, guess = nothing_or(TEXT)(now), nothing_or(TEXT)(email)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Judgement(UNREADABLE, "evidence.form", f"this is no request: {error}")
    try:
        expected = None if data is None else canonical_payload(data)
    except Refusal as refusal:
        return Judgement(UNREADABLE, refusal.check, refusal.detail)
    return judge(*given, expected_payload=expected, now=clock_says, email=guess)


def contents(path: str, check: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_EVIDENCE + 1)
    except OSError as error:
        raise Refusal(check, f"{path}: {error.strerror}", UNREADABLE) from error


def judge_file(
    path: str, trust: str | None, payload: str | None, now: str | datetime | None, email: str | None
) -> Judgement:
    try:
        expected = canonical_payload(contents(payload, "payload.not_json")) if payload else None
        trusted = contents(trust, "trust.form") if trust else None
        return judge(contents(path, "evidence.form"), trusted, expected_payload=expected, now=now, email=email)
    except Refusal as refusal:
        return Judgement(UNREADABLE, refusal.check, refusal.detail)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evidence", nargs="*", metavar="EVIDENCE")
    parser.add_argument("--trust", metavar="TRUST", help="your trust file")
    parser.add_argument("--payload", metavar="FILE", help="what is about to be executed; implies --now now")
    parser.add_argument("--now", metavar="TIME", help="when it is to be valid, such as 2026-01-31T12:00:00Z, or `now`")
    parser.add_argument("--email", metavar="ADDRESS", help="an approver's e-mail address, as you guess it")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each document")
    parser.add_argument("--batch", action="store_true", help="answer requests from standard input")
    options = parser.parse_args()
    if bool(options.evidence) == options.batch:
        parser.error("name evidence, or ask for --batch")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.batch:
        for line in sys.stdin.buffer:
            judgement = answer(line)
            print(json.dumps({"exit": judgement.exit, "check": judgement.check}), flush=True)
        return AUTHENTIC
    now = options.now or ("now" if options.payload else None)
    moment = datetime.now(UTC) if now == "now" else now
    statuses = set()
    for path in options.evidence:
        judgement = judge_file(path, options.trust, options.payload, moment, options.email)
        statuses.add(judgement.exit)
        if options.json:
            print(json.dumps({"file": path} | asdict(judgement)))
        else:
            print(f"{shown(path)}:", *lines_of(judgement), sep="\n")
    return next(status for status in (FALSE, UNREADABLE, NOT_AUTHENTICATED, AUTHENTIC) if status in statuses)


if __name__ == "__main__":
    sys.exit(main())
