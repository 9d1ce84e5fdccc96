"""How long to wait before the next attempt."""

from __future__ import annotations

import random


class Backoff:
    """Full jitter: a random time up to a limit that doubles with each failure.

    So the first attempt follows within ``first_s``, and clients that lost the same venue do not
    come back all at once. What the venue asks for (Retry-After) is waited for at least.
    """

    def __init__(self, *, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0
        self._random = random.Random()

    def reset(self) -> None:
        """It worked."""
        self._failures = 0

    def next_s(self, *, at_least_s: float = 0.0) -> float:
        """Wall time to wait after another failure."""
        limit_s = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return at_least_s + self._random.uniform(0.0, limit_s)
