"""Limits the rate of requests: a token bucket for each client; knows no request."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000
"""Buckets kept; that of the client that has been quiet longest goes first, and is then full again."""


class RateLimiter:
    """Allows each client so many requests per second, after a pause a burst of them; for one thread."""

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Every bucket is full.

        Args:
            per_second: Requests per second that a bucket gains.
            burst: Requests that a full bucket holds, at least 1.
            clock: Measures time, in seconds.
        """
        self._per_second, self._burst, self._clock = per_second, max(burst, 1), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, client: str) -> float:
        """Take a request from the bucket of a client.

        Returns:
            0 where the request is allowed, else how long the client has to wait; nothing is taken then.
        """
        now = self._clock()
        held, since = self._buckets.pop(client, (float(self._burst), now))
        held = min(self._burst, held + (now - since) * self._per_second)
        allowed = held >= 1
        self._buckets[client] = (held - 1 if allowed else held, now)
        while len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - held) / self._per_second
