"""One limit of requests for everything that is asked of a venue for an account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from agents.venues.ccxt_live.errors import Paused
from schemas.clock import monotonic_ns

_NS = 1e9


class Limit(NamedTuple):
    """So much weight in so many seconds."""

    weight: float
    seconds: float


LIMITS = {
    "binance": Limit(6_000, 60), "binanceusdm": Limit(2_400, 60), "bybit": Limit(600, 5),
    "coinbase": Limit(30, 1), "hyperliquid": Limit(1_200, 60),
}  # fmt: skip
"""Published limit of each venue's requests, by address."""


class Budget:
    """A bucket that fills within the limit's seconds; requests wait in their order.

    Of an empty bucket and a full one a window can see twice the limit's ``share``: one half is
    safe. After a refusal nobody asks until the venue wants to be asked again.
    """

    def __init__(
        self, limit: Limit, *, share: float = 1.0, clock: Callable[[], int] = monotonic_ns
    ) -> None:
        self._size = limit.weight * share
        self._per_s = self._size / limit.seconds
        self._left = self._size
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

    async def take_first(self, weight: float = 1.0, *, patience_s: float) -> None:
        """For what moves orders: it waits for nothing but the end of a pause, and not behind looks,
        which pay for it later. Raises :class:`Paused` if that is further away than ``patience_s``.
        """
        until_ns = self._clock() + round(patience_s * _NS)
        while (closed_s := self._closed_s()) > 0:
            if self._closed_until_ns > until_ns:
                raise Paused(f"not sent: the venue wants no requests for {closed_s:.1f} s")
            await asyncio.sleep(closed_s)
        self.wait_s(0)
        self._left -= weight

    def wait_s(self, weight: float) -> float:
        """Seconds until so much is there; 0 if it is."""
        now_ns = self._clock()
        gained = (now_ns - self._at_ns) / _NS * self._per_s
        self._left, self._at_ns = min(self._size, self._left + gained), now_ns
        missing = min(weight, self._size) - self._left
        return max(self._closed_s(), missing / self._per_s, 0.0)

    def _closed_s(self) -> float:
        return max(0.0, (self._closed_until_ns - self._clock()) / _NS)
