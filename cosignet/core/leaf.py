"""Leaves: what the public log says of each event, and how it keeps the rest to itself. docs/protocol.md §5.

A leaf commits to a record without showing it: SHA-256 over a random salt and the record's canonical bytes. Once the
salt is deleted nothing leads from the leaf to the record; the leaf's place in the tree stays provable.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cosignet.core.canonical import canonicalise, parse, read_record
from cosignet.core.encoding import b64u, from_b64u, from_instant, instant, sha256
from cosignet.errors import Malformed

LEAF = "cosignet/leaf/v1"
MAX_LEAF = 2048
SALT_BYTES = 32
HASH_BYTES = 32

REQUESTED = "confirmation.requested"
# What later events of a confirmation name, and a request itself does not.
FOLLOWING = frozenset(
    f"confirmation.{what}" for what in ("voted", "approved", "rejected", "expired", "cancelled", "consumed")
)
OUTCOMES = FOLLOWING - {"confirmation.voted", "confirmation.consumed"}
OTHER = frozenset(
    {"log.genesis", "credential.enrolled", "credential.endorsed", "credential.revoked", "key.rotated", "admin.changed"}
)

_COMMON = ("v", "event", "id", "time", "record")


@dataclass(frozen=True)
class Leaf:
    """One entry of the log: `record` commits to what is not shown, 32 bytes.

    `deadline` is there for requests alone; `request`, the id of the request's event, for what follows one.
    """

    event: str
    id: str
    time: datetime
    record: bytes
    deadline: datetime | None = None
    request: str | None = None

    def to_bytes(self) -> bytes:
        """The canonical bytes, which are what is hashed. Raises `Malformed("leaf.form")`."""
        fields = {
            "v": LEAF,
            "event": self.event,
            "id": self.id,
            "time": instant(self.time),
            "record": b64u(self.record),
        }
        if self.deadline is not None:
            fields["deadline"] = instant(whole_minute(self.deadline))
        if self.request is not None:
            fields["request"] = self.request
        if set(fields) != set(_keys_of(self.event)):
            raise Malformed("leaf.form", f"these are not the fields of {self.event}")
        raw = canonicalise(fields)
        if len(raw) > MAX_LEAF:
            raise Malformed("leaf.form", f"{len(raw)} bytes; at most {MAX_LEAF} are allowed")
        return raw

    @classmethod
    def parse(cls, raw: bytes) -> "Leaf":
        """Read canonical bytes; unknown, missing and duplicate keys are errors. Raises `Malformed("leaf.form")`."""
        if len(raw) > MAX_LEAF:
            raise Malformed("leaf.form", f"at most {MAX_LEAF} bytes are allowed")
        fields = read_record(raw, _keys_of(_event_of(raw)), "leaf")
        try:
            leaf = cls(
                event=fields["event"],
                id=fields["id"],
                time=from_instant(fields["time"]),
                record=from_b64u(fields["record"], size=HASH_BYTES),
                deadline=from_instant(fields["deadline"]) if "deadline" in fields else None,
                request=fields.get("request"),
            )
        except Malformed as error:
            raise Malformed("leaf.form", error.detail) from error
        if leaf.to_bytes() != raw:
            raise Malformed("leaf.form", "another version, or a deadline that is no whole minute")
        return leaf


def commitment(salt: bytes, record: bytes) -> bytes:
    """What a leaf says of a record: SHA-256 over the salt (32 random bytes) and the record's canonical bytes."""
    return sha256(salt + record)


def whole_minute(moment: datetime) -> datetime:
    """The same minute's beginning, or the next one's: deadlines are published that coarsely."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)


def _event_of(raw: bytes) -> str:
    try:
        value = parse(raw)
    except Malformed as error:
        raise Malformed("leaf.form", error.detail) from error
    return str(value.get("event")) if isinstance(value, dict) else ""


def _keys_of(event: str) -> tuple[str, ...]:
    if event == REQUESTED:
        return (*_COMMON, "deadline")
    if event in FOLLOWING:
        return (*_COMMON, "request")
    if event in OTHER:
        return _COMMON
    raise Malformed("leaf.form", "an event of a kind that is not known here")
