"""Figures of many measurements."""

from math import ceil


def quantile(values: list[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
