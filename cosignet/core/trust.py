"""What a relying party has decided to trust, written in a file that it keeps. docs/protocol.md §7.

Loaded where decisions are relied on (the agent's worker), never taken from a request or a server's answer.
"""

from dataclasses import dataclass
from typing import Any

from cosignet.core.assertion import Credential
from cosignet.core.canonical import canonicalise, of_type, parse
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, from_b64u
from cosignet.core.keys import parse_public_key
from cosignet.errors import Malformed

TRUST = "cosignet/trust/v1"


@dataclass(frozen=True)
class Floor:
    """The relying party's own minimum: at least `threshold` approvals by `approvers` (ids; empty: any pinned one)."""

    threshold: int
    approvers: frozenset[str]


@dataclass(frozen=True)
class Approver:
    """A person (`name` for human readers only) and their pinned passkeys."""

    id: str
    name: str
    keys: tuple[Credential, ...]


@dataclass(frozen=True)
class Trust:
    """Whose approvals count, made with which keys, on which pages."""

    organisation: str
    rp: RelyingParty
    approvers: tuple[Approver, ...]
    floor: Floor

    def find_key(self, credential_id: bytes) -> Credential | None:
        """The pinned passkey with this id."""
        keys = (key for approver in self.approvers for key in approver.keys)
        return next((key for key in keys if key.id == credential_id), None)

    def to_bytes(self) -> bytes:
        """The canonical bytes of the file."""
        return canonicalise(
            {
                "v": TRUST,
                "organisation": self.organisation,
                "rp_id": self.rp.id,
                "origins": sorted(self.rp.origins),
                "approvers": {
                    a.id: {"name": a.name, "keys": [_key_to_json(key) for key in a.keys]} for a in self.approvers
                },
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
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed("trust.form", f"missing, or of another type: {error}") from error
        if not same:
            raise Malformed("trust.form", "unknown keys, or values of another type")
        return trust


def _from_json(value: Any) -> Trust:
    approvers = tuple(
        Approver(person, of_type(entry["name"], str), tuple(_key_from_json(person, key) for key in entry["keys"]))
        for person, entry in value["approvers"].items()
    )
    trust = Trust(
        organisation=of_type(value["organisation"], str),
        rp=RelyingParty(of_type(value["rp_id"], str), _texts(value["origins"])),
        approvers=approvers,
        floor=Floor(of_type(value["floor"]["threshold"], int), _texts(value["floor"]["approvers"])),
    )
    _check(trust)
    return trust


def _check(trust: Trust) -> None:
    people = {approver.id for approver in trust.approvers}
    ids = [key.id for approver in trust.approvers for key in approver.keys]
    if len(set(ids)) != len(ids):
        raise Malformed("trust.form", "the same passkey is pinned twice")
    if not trust.rp.origins or not people:
        raise Malformed("trust.form", "at least one origin and one approver are needed")
    if not trust.floor.approvers <= people:
        raise Malformed("trust.form", "the floor names an approver who is not pinned")
    if not 1 <= trust.floor.threshold <= len(trust.floor.approvers or people):
        raise Malformed("trust.form", "the floor can never be reached")


def _texts(value: Any) -> frozenset[str]:
    return frozenset(of_type(item, str) for item in of_type(value, list))


def _with_sorted_sets(value: Any) -> Any:
    floor = {**value["floor"], "approvers": sorted(value["floor"]["approvers"])}
    return {**value, "origins": sorted(value["origins"]), "floor": floor}


def _key_to_json(key: Credential) -> dict[str, Any]:
    return {"id": b64u(key.id), "public_key": b64u(key.public_key), "backup_eligible": key.backup_eligible}


def _key_from_json(person: str, value: Any) -> Credential:
    public_key = from_b64u(value["public_key"])
    parse_public_key(public_key)
    return Credential(from_b64u(value["id"]), person, public_key, of_type(value["backup_eligible"], bool))
