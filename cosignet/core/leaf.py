"""Leaves: what the public log says of each event, and how it keeps the rest to itself. docs/protocol.md §5.

A leaf commits to a record without showing it: SHA-256 over a random salt and the record's canonical bytes. Once the
salt is deleted nothing leads from the leaf to the record; the leaf's place in the tree stays provable.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cosignet.core.canonical import canonicalise, parse, read_record
from cosignet.core.checkpoint import Checkpoint, Head
from cosignet.core.encoding import b64u, from_b64u, from_instant, instant, sha256
from cosignet.core.log_keys import LogKey
from cosignet.core.note import is_key_name
from cosignet.errors import Malformed

LEAF = "cosignet/leaf/v1"
MAX_LEAF = 2048
MAX_ID = 64
SALT_BYTES = 32
HASH_BYTES = 32

GENESIS = "log.genesis"
ROTATED = "key.rotated"
REQUESTED = "confirmation.requested"
# What later events of a confirmation name, and a request itself does not.
FOLLOWING = frozenset(
    f"confirmation.{what}" for what in ("voted", "approved", "rejected", "expired", "cancelled", "consumed")
)
CONSUMED = "confirmation.consumed"
OUTCOMES = FOLLOWING - {"confirmation.voted", CONSUMED}
ENROLLED = "credential.enrolled"
REVOKED = "credential.revoked"
OTHER = frozenset({ENROLLED, "credential.endorsed", REVOKED, "admin.changed"})

_COMMON = ("v", "event", "id", "time", "record")
# What each kind of event shows.
PUBLIC: Mapping[str, tuple[str, ...]] = {
    GENESIS: ("origin", "keys", "previous"),
    ROTATED: ("keys",),
    REQUESTED: ("deadline",),
    **dict.fromkeys(FOLLOWING, ("request",)),
    **dict.fromkeys(OTHER, ()),
}


@dataclass(frozen=True)
class Leaf:
    """One entry of the log: `record` commits to what is not shown, 32 bytes; `public` are the fields of its event.

    A request shows its `deadline`, and what follows one the `request`'s event id. The log's own events show the
    `keys` that sign from then on, and its first one the `origin` and the `previous` log's last head.
    """

    event: str
    id: str
    time: datetime
    record: bytes
    public: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The canonical bytes, which are what is hashed. Raises `Malformed("leaf.form")`."""
        if set(self.public) != set(_public_of(self.event)):
            raise Malformed("leaf.form", f"these are not the fields of {self.event}")
        said = {"event": self.event, "id": self.id, "time": instant(self.time), "record": b64u(self.record)}
        raw = canonicalise({"v": LEAF, **said, **self.public})
        if len(raw) > MAX_LEAF:
            raise Malformed("leaf.form", f"{len(raw)} bytes; at most {MAX_LEAF} are allowed")
        return raw

    @classmethod
    def parse(cls, raw: bytes) -> "Leaf":
        """Read canonical bytes; unknown, missing and duplicate keys are errors. Raises `Malformed("leaf.form")`."""
        if len(raw) > MAX_LEAF:
            raise Malformed("leaf.form", f"at most {MAX_LEAF} bytes are allowed")
        public = _public_of(_event_of(raw))
        fields = read_record(raw, (*_COMMON, *public), "leaf")
        try:
            leaf = cls(
                event=fields["event"],
                id=fields["id"],
                time=from_instant(fields["time"]),
                record=from_b64u(fields["record"], size=HASH_BYTES),
                public={name: fields[name] for name in public},
            )
            _check_id(fields["id"])
            for name in public:
                _CHECKS[name](fields[name])
        except Malformed as error:
            raise Malformed("leaf.form", error.detail) from error
        if fields["v"] != LEAF:
            raise Malformed("leaf.form", "another version")
        return leaf


def commitment(salt: bytes, record: bytes) -> bytes:
    """What a leaf says of a record: SHA-256 over the salt (32 random bytes) and the record's canonical bytes."""
    return sha256(salt + record)


def public_deadline(moment: datetime) -> str:
    """A request's deadline as its leaf shows it, rounded up to the minute."""
    floor = moment.replace(second=0, microsecond=0)
    return instant(floor if floor == moment else floor + timedelta(minutes=1))


def public_keys(keys: Iterable[LogKey]) -> str:
    """Verifier keys as a leaf shows them: the SHA-256 of each one's text, in base64url, sorted, a space between two."""
    return " ".join(sorted(b64u(sha256(key.to_text().encode())) for key in keys))


def public_head(head: Checkpoint) -> str:
    """A head as a leaf shows it: origin, size, and the root in base64url."""
    return f"{head.origin} {head.head.to_text()}"


def _event_of(raw: bytes) -> str:
    try:
        value = parse(raw)
    except Malformed as error:
        raise Malformed("leaf.form", error.detail) from error
    return str(value.get("event")) if isinstance(value, dict) else ""


def _public_of(event: str) -> tuple[str, ...]:
    try:
        return PUBLIC[event]
    except KeyError as error:
        raise Malformed("leaf.form", "an event of a kind that is not known here") from error


def _check_deadline(text: str) -> None:
    if from_instant(text).second:
        raise Malformed("leaf.form", "a deadline that is no whole minute")


def _check_id(text: str) -> None:
    if not 0 < len(text) <= MAX_ID:
        raise Malformed("leaf.form", f"an event's id has 1 to {MAX_ID} characters")


def _check_origin(text: str) -> None:
    if not is_key_name(text):
        raise Malformed("leaf.form", "the origin is empty, or has a space or a +")


def _check_keys(text: str) -> None:
    keys = text.split(" ")
    for key in keys:
        from_b64u(key, size=HASH_BYTES)
    if keys != sorted(set(keys)):
        raise Malformed("leaf.form", "the keys are not sorted, or the same twice")


def _check_previous(text: str) -> None:
    if text:
        origin, _, head = text.partition(" ")
        _check_origin(origin)
        Head.parse(head)


_CHECKS: Mapping[str, Callable[[str], None]] = {
    "deadline": _check_deadline,
    "request": _check_id,
    "origin": _check_origin,
    "keys": _check_keys,
    "previous": _check_previous,
}
