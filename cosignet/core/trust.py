"""What a relying party has decided to trust, written in a file that it keeps. docs/protocol.md §7.

Loaded where decisions are relied on (the agent's worker), never taken from a request or a server's answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cosignet.core.assertion import Credential
from cosignet.core.canonical import canonicalise, of_type, parse
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.keys import parse_public_key
from cosignet.core.log_keys import Kind, LogKey
from cosignet.core.terms import MAX_NAME, MAX_PERSON
from cosignet.core.witnesses import NONE, WitnessPolicy
from cosignet.errors import Malformed

TRUST = "cosignet/trust/v1"

_HEIGHT = re.compile("0|[1-9][0-9]{0,9}")
_BLOCK = re.compile("[0-9a-f]{64}")


class Level(StrEnum):
    """How far a receipt has to have come; each level includes those before it."""

    INCLUDED = "included"
    WITNESSED = "witnessed"
    ANCHORED = "anchored"


@dataclass(frozen=True)
class Floor:
    """The relying party's own minimum: at least `threshold` approvals by `approvers` (ids; empty: anybody trusted)."""

    threshold: int
    approvers: frozenset[str]


@dataclass(frozen=True)
class Approver:
    """A person (`name` for human readers only) and their pinned passkeys."""

    id: str
    name: str
    keys: tuple[Credential, ...]


@dataclass(frozen=True)
class PinnedLogKey:
    """A key that signs the log's heads of `start` leaves and more, and up to `end` leaves where that is known."""

    key: LogKey
    start: int = 0
    end: int | None = None

    def signs(self, size: int) -> bool:
        """Whether a head of this size needs its signature."""
        return self.start <= size and (self.end is None or size <= self.end)


@dataclass(frozen=True)
class PinnedLog:
    """The log that decisions have to be in: all of its `keys` have one name, its origin."""

    keys: tuple[PinnedLogKey, ...]
    witnesses: WitnessPolicy = field(default_factory=lambda: WitnessPolicy.parse(()))
    level: Level = Level.INCLUDED
    blocks: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys[0].key.name


@dataclass(frozen=True)
class Trust:
    """Whose approvals count, made with which keys, on which pages, recorded in which log.

    `roots` are people whose passkeys may endorse those of others; `attested_keys` takes the operator's word for whose a
    passkey is, where nobody endorsed it.
    """

    organisation: str
    rp: RelyingParty
    log: PinnedLog
    approvers: tuple[Approver, ...]
    floor: Floor
    roots: tuple[Approver, ...] = ()
    attested_keys: bool = False

    def find_key(self, credential_id: bytes) -> Credential | None:
        """The passkey with this id that is pinned as an approver's."""
        return _find(self.approvers, credential_id)

    def find_root(self, credential_id: bytes) -> Credential | None:
        """The passkey with this id that is pinned as a root."""
        return _find(self.roots, credential_id)

    def to_bytes(self) -> bytes:
        """The canonical bytes of the file."""
        log = self.log
        return canonicalise(
            {
                "v": TRUST,
                "organisation": self.organisation,
                "rp_id": self.rp.id,
                "origins": sorted(self.rp.origins),
                "log": [{"key": k.key.to_text(), "from": k.start, "until": k.end} for k in log.keys],
                "witnesses": list(log.witnesses.lines),
                "level": log.level.value,
                "blocks": dict(log.blocks),
                "approvers": _people_to_json(self.approvers),
                "roots": _people_to_json(self.roots),
                "attested_keys": self.attested_keys,
                "floor": {"threshold": self.floor.threshold, "approvers": sorted(self.floor.approvers)},
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> "Trust":
        """Read a trust file in any JSON spelling; unknown, missing and duplicate keys are errors.

        Raises `Malformed("trust.form")`.
        """
        try:
            value = parse(raw)
            trust = _from_json(value)
            same = trust.to_bytes() == canonicalise(_with_sorted_sets(value))
        except Malformed as error:
            raise Malformed("trust.form", error.detail) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Malformed("trust.form", f"missing, or of another type: {error}") from error
        if not same:
            raise Malformed("trust.form", "unknown keys, or values of another type")
        return trust


def _from_json(value: Any) -> Trust:
    if value["v"] != TRUST:
        raise Malformed("trust.form", f"expected {TRUST}")
    log = PinnedLog(
        keys=tuple(_log_key_from_json(key) for key in of_type(value["log"], list)),
        witnesses=WitnessPolicy.parse([of_type(line, str) for line in of_type(value["witnesses"], list)]),
        level=Level(value["level"]),
        blocks=of_type(value["blocks"], dict),
    )
    trust = Trust(
        organisation=of_type(value["organisation"], str),
        rp=RelyingParty(of_type(value["rp_id"], str), _texts(value["origins"])),
        log=log,
        approvers=_people_from_json(value["approvers"]),
        floor=Floor(of_type(value["floor"]["threshold"], int), _texts(value["floor"]["approvers"])),
        roots=_people_from_json(value["roots"]),
        attested_keys=of_type(value["attested_keys"], bool),
    )
    _check_log(log)
    _check(trust)
    return trust


def _check_log(log: PinnedLog) -> None:
    names = {pinned.key.name for pinned in log.keys}
    if len(names) != 1 or len({pinned.key for pinned in log.keys}) != len(log.keys):
        raise Malformed("trust.form", "the keys of the log: at least one, none twice, all under the log's name")
    if any(pinned.key.kind == Kind.COSIGNATURE for pinned in log.keys):
        raise Malformed("trust.form", "a witness's key among those of the log")
    if log.level is Level.WITNESSED and log.witnesses.quorum == NONE:
        raise Malformed("trust.form", "witnesses are asked for, and none is named")
    for height, block in log.blocks.items():
        if not (_HEIGHT.fullmatch(height) and _BLOCK.fullmatch(of_type(block, str))):
            raise Malformed("trust.form", "blocks are hashes (64 hexadecimal characters) by height")


def _check(trust: Trust) -> None:
    people = {approver.id for approver in trust.approvers}
    for pinned in (trust.approvers, trust.roots):
        ids = [key.id for approver in pinned for key in approver.keys]
        if len(set(ids)) != len(ids):
            raise Malformed("trust.form", "the same passkey is pinned twice")
    if not all(0 < len(name) <= MAX_NAME for name in (trust.organisation, trust.rp.id)) or "" in trust.rp.origins:
        raise Malformed("trust.form", "organisation, rp id and origins have names")
    if not all(0 < len(person.id) <= MAX_PERSON for person in (*trust.approvers, *trust.roots)):
        raise Malformed("trust.form", "people are named by their ids")
    open_ended = bool(trust.roots or trust.attested_keys)
    if not trust.rp.origins or not (people or open_ended):
        raise Malformed("trust.form", "at least one origin and one approver are needed")
    if not (open_ended or trust.floor.approvers <= people):
        raise Malformed("trust.form", "the floor names an approver who is not pinned")
    most = len(trust.floor.approvers) or (trust.floor.threshold if open_ended else len(people))
    if not 1 <= trust.floor.threshold <= most:
        raise Malformed("trust.form", "the floor can never be reached")


def _find(people: tuple[Approver, ...], credential_id: bytes) -> Credential | None:
    return next((key for person in people for key in person.keys if key.id == credential_id), None)


def _texts(value: Any) -> frozenset[str]:
    return frozenset(of_type(item, str) for item in of_type(value, list))


def _with_sorted_sets(value: Any) -> Any:
    floor = {**value["floor"], "approvers": sorted(value["floor"]["approvers"])}
    return {**value, "origins": sorted(value["origins"]), "floor": floor}


def _log_key_from_json(value: Any) -> PinnedLogKey:
    start, end = of_type(value["from"], int), value["until"]
    if start < 0 or (end is not None and of_type(end, int) < start):
        raise Malformed("trust.form", "a log key signs from a size on, and until one that is not smaller")
    return PinnedLogKey(LogKey.parse(of_type(value["key"], str)), start, end)


def _people_to_json(people: tuple[Approver, ...]) -> dict[str, Any]:
    return {person.id: {"name": person.name, "keys": [_key_to_json(key) for key in person.keys]} for person in people}


def _people_from_json(value: Any) -> tuple[Approver, ...]:
    return tuple(
        Approver(person, of_type(entry["name"], str), tuple(_key_from_json(person, key) for key in entry["keys"]))
        for person, entry in value.items()
    )


def _key_to_json(key: Credential) -> dict[str, Any]:
    return {"id": b64u(key.id), "public_key": b64u(key.public_key), "backup_eligible": key.backup_eligible}


def _key_from_json(person: str, value: Any) -> Credential:
    public_key = from_b64u(value["public_key"])
    parse_public_key(public_key)
    return Credential(from_b64u(value["id"]), person, public_key, of_type(value["backup_eligible"], bool))
