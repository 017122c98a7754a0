"""What the leaves of a log say when they are read in order: every request, its votes, its one outcome.

Pure: leaves in, findings out. A log may hold nothing that contradicts itself, whoever signed it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cosignet.core.encoding import from_instant
from cosignet.core.leaf import CONSUMED, FOLLOWING, GENESIS, OUTCOMES, REQUESTED, Leaf
from cosignet.errors import Malformed

APPROVED = "confirmation.approved"


@dataclass(frozen=True)
class Finding:
    """Something that should not be: a stable code, and words for people."""

    code: str
    detail: str


@dataclass
class Request:
    """An open request: its leaf, its deadline (rounded up to the minute), and whether it is approved, and not used."""

    leaf_index: int
    deadline: str
    approved: bool = False


@dataclass
class Ledger:
    """The open requests by their event id, those that are approved and unused among them; how many leaves were read."""

    size: int = 0
    origin: str = ""
    requests: dict[str, Request] = field(default_factory=dict)
    opened: int = 0
    _ids: set[str] = field(default_factory=set)

    def read(self, entry: bytes) -> list[Finding]:
        """Read the next leaf; afterwards `origin` is the name that the log has given itself by then."""
        index, self.size = self.size, self.size + 1
        try:
            leaf = Leaf.parse(entry)
        except Malformed as error:
            return [Finding("leaf.form", f"leaf {index}: {error.detail}")]
        found = [Finding(code, f"leaf {index}, {leaf.event} {leaf.id}: {why}") for code, why in self._read(leaf, index)]
        if leaf.event == GENESIS:
            self.origin = leaf.public["origin"]
        elif index == 0:
            found.append(Finding("log.genesis", "the log does not begin with its genesis"))
        return found

    def unanswered(self, now: datetime) -> Iterator[tuple[str, Request]]:
        """The requests without an outcome whose deadline is before `now`."""
        for event, request in self.requests.items():
            if not request.approved and from_instant(request.deadline) < now:
                yield event, request

    def _read(self, leaf: Leaf, index: int) -> Iterator[tuple[str, str]]:
        if leaf.id in self._ids:
            yield "leaf.repeated", "an event of this id is in the log already"
            return
        self._ids.add(leaf.id)
        if leaf.event == REQUESTED:
            self.requests[leaf.id] = Request(index, leaf.public["deadline"])
            self.opened += 1
        elif leaf.event in FOLLOWING:
            yield from self._follow(leaf.event, leaf.public["request"])

    def _follow(self, event: str, name: str) -> Iterator[tuple[str, str]]:
        request = self.requests.get(name)
        if request is None:
            yield "leaf.order", f"no request {name} was open"
        elif request.approved != (event == CONSUMED):
            yield "leaf.order", f"request {name} was {'approved' if request.approved else 'not approved'} by then"
        elif event == APPROVED:
            request.approved = True
        elif event in OUTCOMES or event == CONSUMED:
            del self.requests[name]
