"""One limit of requests for everything that is asked of a venue for an account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from schemas.clock import monotonic_ns

_NS = 1e9
_MINUTE_S = 60.0

PER_MINUTE = {
    "binance": 6_000.0, "binanceusdm": 2_400.0, "bybit": 600.0, "coinbase": 600.0,
    "hyperliquid": 1_200.0,
}  # fmt: skip
"""Published weight a minute of each venue's account requests."""


class Budget:
    """A bucket that fills by ``per_minute`` and holds as much; requests wait in their order.

    After a refusal nobody asks until the venue wants to be asked again.
    """

    def __init__(self, per_minute: float, *, clock: Callable[[], int] = monotonic_ns) -> None:
        self._size = per_minute
        self._left = per_minute
        self._clock = clock
        self._at_ns = clock()
        self._closed_until_ns = 0
        self._turn = asyncio.Lock()

    def pause(self, seconds: float) -> None:
        """The venue refuses; ask again in so many seconds."""
        until_ns = self._clock() + round(seconds * _NS)
        self._closed_until_ns = max(self._closed_until_ns, until_ns)

    async def take(self, weight: float = 1.0) -> None:
        """Wait for one's turn, and until so much is there."""
        async with self._turn:
            while (wait_s := self.wait_s(weight)) > 0:
                await asyncio.sleep(wait_s)
            self._left -= weight

    def wait_s(self, weight: float) -> float:
        """Seconds until so much is there; 0 if it is."""
        now_ns = self._clock()
        gained = (now_ns - self._at_ns) / _NS * self._size / _MINUTE_S
        self._left, self._at_ns = min(self._size, self._left + gained), now_ns
        closed_s = (self._closed_until_ns - now_ns) / _NS
        missing = min(weight, self._size) - self._left
        return max(closed_s, missing / self._size * _MINUTE_S, 0.0)
