"""One limit of requests for everything that a feed asks of a venue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from schemas.clock import monotonic_ns

_MINUTE_S = 60.0
_NS = 1e9


class Budget:
    """A bucket of weight that fills by ``per_minute`` and holds as much.

    Requests are served in the order in which they came. ``spare`` requests, which can wait, leave
    half of the bucket to the others. After a refusal nobody asks until the venue wants to be asked
    again.
    """

    def __init__(self, per_minute: float, *, clock: Callable[[], int] = monotonic_ns) -> None:
        self._size = per_minute
        self._left = per_minute
        self._clock = clock
        self._at_ns = clock()
        self._closed_until_ns = 0
        self._turn = asyncio.Lock()
        self._spare_turn = asyncio.Lock()

    def pause(self, seconds: float) -> None:
        """The venue refuses; ask again in so many seconds."""
        until_ns = self._clock() + round(seconds * _NS)
        self._closed_until_ns = max(self._closed_until_ns, until_ns)

    def closed_s(self) -> float:
        """For how long the venue wants to be left alone; 0 if it does not."""
        return max((self._closed_until_ns - self._clock()) / _NS, 0.0)

    async def take(self, weight: float, *, spare: bool = False) -> None:
        """Wait for one's turn, and until so much is there."""
        async with self._spare_turn if spare else self._turn:
            while (wait_s := self.wait_s(weight, spare=spare)) > 0:
                await asyncio.sleep(wait_s)
            self._left -= weight

    def wait_s(self, weight: float, *, spare: bool = False) -> float:
        """Seconds until so much is there; 0 if it is."""
        now_ns = self._clock()
        gained = (now_ns - self._at_ns) / _NS * self._size / _MINUTE_S
        self._left = min(self._size, self._left + gained)
        self._at_ns = now_ns
        needed = min(weight + (self._size / 2 if spare else 0.0), self._size)
        closed_s = (self._closed_until_ns - now_ns) / _NS
        return max(closed_s, (needed - self._left) / self._size * _MINUTE_S, 0.0)
