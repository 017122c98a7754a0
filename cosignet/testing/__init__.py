"""Passkeys and a log in software, for tests and demonstrations. The service never loads them (pyproject.toml)."""

from cosignet.testing.log import SoftwareLog
from cosignet.testing.passkey import (
    AT,
    BE,
    BS,
    ED,
    UP,
    UV,
    Algorithm,
    Ceremony,
    SoftwarePasskey,
    challenge_from,
)

__all__ = [
    "AT",
    "BE",
    "BS",
    "ED",
    "UP",
    "UV",
    "Algorithm",
    "Ceremony",
    "SoftwareLog",
    "SoftwarePasskey",
    "challenge_from",
]
