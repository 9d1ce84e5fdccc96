"""Market time against wall time: running at a speed, or stepped by hand."""

from __future__ import annotations

from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_MS


class MarketClock:
    """What time it is at the exchange, in UTC nanoseconds.

    ``speed`` is market time per wall time; ``None`` stands still but for :meth:`advance`, for tests
    that want every event of a time and none after it. ``skew_ms`` is how far the exchange's stamps
    are off its own time: a fault, 0 on a sound exchange.

    >>> clock = MarketClock(speed=None)
    >>> clock.start(1_000)
    >>> clock.advance(500)
    >>> clock.now_ns()
    1500
    """

    def __init__(self, *, speed: float | None) -> None:
        self.speed = speed
        self.skew_ms = 0
        self._market_ns = 0
        self._wall_ns = 0

    def start(self, market_ns: int) -> None:
        """Let market time begin here, now."""
        self._market_ns = market_ns
        self._wall_ns = monotonic_ns()

    def now_ns(self) -> int:
        """Market time."""
        if self.speed is None:
            return self._market_ns
        return self._market_ns + round((monotonic_ns() - self._wall_ns) * self.speed)

    def advance(self, duration_ns: int) -> None:
        """Let this much market time pass at once; of a clock that stands still."""
        self._market_ns += duration_ns

    def wait_s(self, until_ns: int) -> float:
        """Wall seconds until a market time; 0 where it is past, or where time stands still."""
        if self.speed is None:
            return 0.0
        return max(0.0, (until_ns - self.now_ns()) / self.speed / 1e9)

    def stamp_ms(self, market_ns: int) -> int:
        """Milliseconds that the exchange writes for a market time."""
        return market_ns // NS_PER_MS + self.skew_ms

    def now_ms(self) -> int:
        """Milliseconds that the exchange writes for now."""
        return self.stamp_ms(self.now_ns())

    @property
    def keeps_pace(self) -> bool:
        """Whether market time passes as a client's own does, so that stamps can be judged."""
        return self.speed == 1.0
