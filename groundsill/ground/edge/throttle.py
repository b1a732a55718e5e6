"""Token buckets, as API Gateway throttles a route."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Holds up to ``burst`` requests and refills at ``rate`` a second.

    Source: API Gateway Developer Guide, "Throttle requests to your HTTP APIs".

    Arguments:
        rate: requests a second.
        burst: how many may come at once.
        clock: seconds, for tests. Default :func:`time.monotonic`.

    Example:
        >>> bucket = TokenBucket(1, 2, clock=lambda: 0.0)
        >>> [bucket.take() for _ in range(3)]
        [True, True, False]
    """

    __slots__ = ("_burst", "_clock", "_rate", "_then", "_tokens")

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._then = clock()

    def take(self) -> bool:
        """Whether one more request may pass now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._then) * self._rate)
        self._then = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
