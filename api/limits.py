"""Rate limits: a token bucket for each key and for each address, in this process and in bounded memory."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from cosignet.errors import TooMany

MAX_NAMES = 10_000


class Buckets:
    """`per_minute` calls a minute for each name: that many at once, then as they trickle back."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Count one call. Raises `TooMany("rate.limited")`."""
        now = self._clock()
        level, since = self._levels.pop(name, (self._size, now))
        level = min(self._size, level + (now - since) * self._per_second)
        allowed = level >= 1
        self._levels[name] = (level - 1 if allowed else level, now)
        if len(self._levels) > MAX_NAMES:
            # Whoever was quiet for longest has most likely a full bucket, which is what a new one is.
            self._levels.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - level) / self._per_second)
            raise TooMany("rate.limited", "too many requests; slow down", retry_after=max(wait, 1))


@dataclass(frozen=True)
class Limits:
    """Calls a minute: by API key id, and by the address that calls come from."""

    keys: Buckets = field(default_factory=lambda: Buckets(1_200))
    addresses: Buckets = field(default_factory=lambda: Buckets(3_000))


def network_of(host: str) -> str:
    """The address, or for IPv6 the /64 around it, since one subscriber has all of those."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
