"""Records: what the service says of an event, apart from the log's leaf that commits to it. docs/protocol.md §5."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.canonical import canonicalise, of_type, parse
from cosignet.core.encoding import from_instant, instant
from cosignet.errors import Malformed

RECORD = "cosignet/record/v1"
_COMMON = ("v", "event", "organisation", "sequence", "time")


@dataclass(frozen=True)
class Record:
    """One event of an organisation, numbered without gaps from 1; `content` is what this kind of event has to say."""

    event: str
    organisation: str
    sequence: int
    time: datetime
    content: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The canonical bytes that the leaf commits to. Raises `Malformed("payload.…")` for what JSON cannot hold."""
        common = dict(
            zip(_COMMON, (RECORD, self.event, self.organisation, self.sequence, instant(self.time)), strict=True)
        )
        return canonicalise({**self.content, **common})

    @classmethod
    def parse(cls, raw: bytes) -> "Record":
        """Read canonical bytes. Raises `Malformed("record.form")`."""
        try:
            value = of_type(parse(raw), dict)
            canonical = canonicalise(value) == raw
            version, event, organisation, sequence, time = (value.pop(name) for name in _COMMON)
            record = cls(
                event=of_type(event, str),
                organisation=of_type(organisation, str),
                sequence=of_type(sequence, int),
                time=from_instant(of_type(time, str)),
                content=value,
            )
        except Malformed as error:
            raise Malformed("record.form", error.detail) from error
        except (KeyError, TypeError) as error:
            raise Malformed("record.form", f"missing, or of another type: {error}") from error
        if version != RECORD or record.sequence < 1 or not canonical:
            raise Malformed("record.form", f"expected the canonical form of {RECORD}")
        return record
