"""Which cosignatures are enough: the witness part of c2sp.org/tlog-policy."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cosignet.core.log_keys import Kind, LogKey
from cosignet.errors import Malformed

NONE = "none"
_NUMBERS = {"any": 1}


@dataclass(frozen=True)
class Group:
    """Witnesses and groups by name, and how many of them are enough."""

    enough: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class WitnessPolicy:
    """Witnesses by name, groups of them, and the one of either that has to be satisfied (`none`: nothing has to)."""

    lines: tuple[str, ...]
    witnesses: Mapping[str, LogKey]
    groups: Mapping[str, Group]
    quorum: str

    def satisfied_by(self, signed: Collection[LogKey]) -> bool:
        """Whether the witnesses with these keys are enough."""
        return self.quorum == NONE or self._holds(self.quorum, signed)

    def _holds(self, name: str, signed: Collection[LogKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in signed
        group = self.groups[name]
        return sum(self._holds(member, signed) for member in group.members) >= group.enough

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "WitnessPolicy":
        """Read `witness`, `group` and `quorum` lines, or none at all. Raises `Malformed("witness.policy")`."""
        reader = _Reader()
        for line in lines:
            reader.read(line.split())
        if lines and reader.quorum is None:
            raise _malformed("a quorum line is missing")
        return cls(tuple(lines), reader.witnesses, reader.groups, reader.quorum or NONE)


class _Reader:
    def __init__(self) -> None:
        self.witnesses: dict[str, LogKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._taken: set[str] = set()

    def read(self, words: list[str]) -> None:
        match words:
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._witness(name, vkey)
            case ["group", name, enough, *members]:
                self._group(name, enough, members)
            case ["quorum", name] if self.quorum is None and (name == NONE or self._knows(name)):
                self.quorum = name
            case _:
                raise _malformed(f"not a line of a witness policy: {' '.join(words)!r}")

    def _knows(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _witness(self, name: str, vkey: str) -> None:
        self._new(name)
        try:
            key = LogKey.parse(vkey)
        except Malformed as error:
            raise _malformed(error.detail) from error
        # Without a time nothing says when it was seen, and one key under two names would count twice.
        if key.kind == Kind.ED25519 or any(key.public == other.public for other in self.witnesses.values()):
            raise _malformed(f"{name}: not a key of a witness, or the same as another's")
        self.witnesses[name] = key

    def _group(self, name: str, enough: str, members: list[str]) -> None:
        self._new(name)
        if not members or len(set(members)) != len(members) or self._taken & set(members):
            raise _malformed(f"group {name}: each witness and group is a member once")
        if not all(self._knows(member) for member in members):
            raise _malformed(f"group {name}: a member that is not defined before")
        number = len(members) if enough == "all" else _NUMBERS.get(enough) or _number(enough)
        if not 1 <= number <= len(members):
            raise _malformed(f"group {name} can never be satisfied")
        self._taken |= set(members)
        self.groups[name] = Group(number, tuple(members))

    def _new(self, name: str) -> None:
        if name == NONE or self._knows(name):
            raise _malformed(f"{name} is defined twice, or no name")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 and text[0] != "0" else 0


def _malformed(detail: str) -> Malformed:
    return Malformed("witness.policy", detail)
