"""Who may decide, how many of them, and when the count decides. docs/protocol.md §4.

A *seat* is one person's vote. Its holder fills it, or a delegate stands in. Votes count per seat,
and nobody signs twice. A delegate never holds a seat, so every empty seat can still be filled and
"m can no longer be reached" is a plain count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from cosignet.core.canonical import canonicalise, parse
from cosignet.core.encoding import sha256
from cosignet.errors import Malformed

POLICY = "cosignet/policy/v1"
MAX_PEOPLE = 100


@dataclass(frozen=True)
class Fallback:
    """People who may also vote once `after` seconds have passed since the request."""

    after: int
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """m of n, resolved to person ids. Building one checks it: raises `Malformed("policy.…")`."""

    approvers: tuple[str, ...]
    threshold: int = 1
    veto: bool = False
    exclude: tuple[str, ...] = ()
    fallback: tuple[Fallback, ...] = ()
    delegates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    device_bound_only: bool = False

    def __post_init__(self) -> None:
        _check(self)

    @property
    def seats(self) -> frozenset[str]:
        """Everybody whose vote may count at some time before the deadline."""
        later = (person for stage in self.fallback for person in stage.approvers)
        return frozenset(self.approvers).union(later).difference(self.exclude)

    @property
    def signers(self) -> frozenset[str]:
        """Everybody who may sign: seat holders and those who stand in for them."""
        stand_ins = (person for seat in self.seats for person in self.delegates.get(seat, ()))
        return self.seats.union(stand_ins).difference(self.exclude)

    def names(self, person: str, seat: str) -> bool:
        """True when `person` may fill `seat` at some time before the deadline."""
        if seat not in self.seats or person in self.exclude:
            return False
        return person == seat or person in self.delegates.get(seat, ())

    def may_sign(self, person: str, seat: str, *, created_at: datetime, at: datetime) -> bool:
        """True when `person` may fill `seat` at that time."""
        # Counted in whole seconds: adding a stranger's `after` to a date could leave the calendar.
        return self.names(person, seat) and (at - created_at) // timedelta(seconds=1) >= self._opens_after(seat)

    def tally(self, approving: Iterable[str], rejecting: Iterable[str]) -> Literal["approved", "rejected"] | None:
        """What these seats' votes decide, `None` while the matter is open."""
        for_it, against_it = frozenset(approving), frozenset(rejecting)
        if against_it and (self.veto or len(self.seats - against_it) < self.threshold):
            return "rejected"
        return "approved" if len(for_it) >= self.threshold else None

    def _opens_after(self, seat: str) -> int:
        if seat in self.approvers:
            return 0
        return min(stage.after for stage in self.fallback if seat in stage.approvers)

    def to_bytes(self) -> bytes:
        """The canonical bytes whose hash stands in the terms."""
        return canonicalise(
            {
                "v": POLICY,
                "approvers": list(self.approvers),
                "threshold": self.threshold,
                "veto": self.veto,
                "exclude": list(self.exclude),
                "fallback": [{"after": s.after, "approvers": list(s.approvers)} for s in self.fallback],
                "delegates": {seat: list(people) for seat, people in self.delegates.items()},
                "device_bound_only": self.device_bound_only,
            }
        )

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical bytes, 32 bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def parse(cls, raw: bytes) -> "Policy":
        """Read canonical bytes with exactly the keys of docs/protocol.md. Raises `Malformed("policy.…")`."""
        try:
            value = parse(raw)
        except Malformed as error:
            raise Malformed("policy.form", error.detail) from error
        policy = cls._from_value(value)
        if policy.to_bytes() != raw:
            raise Malformed("policy.form", "unknown keys, values of another type, or not in RFC 8785 form")
        return policy

    @classmethod
    def _from_value(cls, value: Any) -> "Policy":
        try:
            return cls(
                approvers=tuple(value["approvers"]),
                threshold=value["threshold"],
                veto=value["veto"],
                exclude=tuple(value["exclude"]),
                fallback=tuple(Fallback(stage["after"], tuple(stage["approvers"])) for stage in value["fallback"]),
                delegates={seat: tuple(people) for seat, people in value["delegates"].items()},
                device_bound_only=value["device_bound_only"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed("policy.form", "a key is missing, or a value has another type") from error


def _check(policy: Policy) -> None:
    lists: Sequence[tuple[str, ...]] = [policy.approvers, policy.exclude, *policy.delegates.values()]
    for people in [*lists, *(stage.approvers for stage in policy.fallback), tuple(policy.delegates)]:
        _check_people(people)
    _check_types(policy)
    times = [stage.after for stage in policy.fallback]
    if times != sorted(set(times)):
        raise Malformed("policy.form", "fallback stages open one after the other")
    if not policy.approvers:
        raise Malformed("policy.empty", "a policy without approvers can never be satisfied")
    if not 1 <= policy.threshold <= len(policy.seats):
        detail = f"threshold {policy.threshold} with {len(policy.seats)} people who can vote"
        raise Malformed("policy.unreachable", detail)
    for seat, people in policy.delegates.items():
        if seat not in policy.seats or policy.seats.intersection(people):
            raise Malformed("policy.delegates", "a delegate stands in for a seat and holds none")


def _check_people(people: tuple[str, ...]) -> None:
    if not all(isinstance(person, str) and 0 < len(person) <= 64 for person in people):
        raise Malformed("policy.form", "people are named by their ids")
    if len(set(people)) != len(people) or len(people) > MAX_PEOPLE:
        raise Malformed("policy.form", f"at most {MAX_PEOPLE} people, each named once")


def _check_types(policy: Policy) -> None:
    if not (isinstance(policy.veto, bool) and isinstance(policy.device_bound_only, bool)):
        raise Malformed("policy.form", "veto and device_bound_only are true or false")
    if not all(_is_count(number) for number in (policy.threshold, *(stage.after for stage in policy.fallback))):
        raise Malformed("policy.form", "threshold and after are whole numbers above zero")


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number > 0
