"""What clients were told. Whatever the service acknowledged must be found again, whoever was killed meanwhile."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

FINAL = ("approved", "rejected", "expired", "cancelled")


@dataclass
class History:
    """Requests by Idempotency-Key, votes by nonce (base64url), the rest by the confirmation's id."""

    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)
    created: dict[str, list[str]] = field(default_factory=dict)
    voted: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)
    consumed: dict[str, list[str]] = field(default_factory=dict)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def acknowledged(self) -> int:
        """How many operations the service said yes to."""
        return sum(count for (_, answer), count in self.answers.items() if answer.isdigit())

    def is_created(self, key: str, confirmation: str) -> None:
        self.created.setdefault(key, []).append(confirmation)

    def is_voted(self, nonce: str, confirmation: str, person: str) -> None:
        self.voted[nonce] = (confirmation, person)

    def is_refused(self, nonce: str, code: str) -> None:
        self.refused[nonce] = code

    def has_status(self, confirmation: str, status: str) -> None:
        if status in FINAL:
            self.statuses.setdefault(confirmation, []).append(status)

    def is_consumed(self, confirmation: str, consumer: str) -> None:
        self.consumed.setdefault(confirmation, []).append(consumer)
