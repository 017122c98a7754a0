"""Percentiles, ratios with their spread, and Markdown tables."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass
class Section:
    """What one subject found: a table, and what the raw figures behind it are."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """The table under its title."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join([f"### {self.title}", "", *(f"| {' | '.join(line)} |" for line in lines)])

    def as_json(self) -> dict[str, Any]:
        """Everything, for whoever wants to calculate differently."""
        return asdict(self)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def latencies(seconds: Sequence[float]) -> str:
    """p50 / p95 / p99 in milliseconds."""
    return " / ".join(f"{percentile(seconds, p) * 1e3:.1f}" for p in (50, 95, 99))


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and how far the single values lie apart."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """One ratio for each pair of runs that stood side by side."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def chunks(values: Sequence[float], count: int) -> list[Sequence[float]]:
    """The values in `count` runs of equal length, in order."""
    size = len(values) // count
    return [values[i * size : (i + 1) * size] for i in range(count)]
