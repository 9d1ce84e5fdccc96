"""Slope of the cumulative volume delta."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from schemas.frame import NS_PER_S


@dataclass
class CvdSlope:
    """Least-squares slope of the cumulative volume delta over the last samples and now.

    The delta (aggressive buys minus sells) is kept as one sum per ``sample_s``; the slope is that
    of its running total over ``window`` samples and the open one, by event time. Unit: quantity per
    second; positive is net buying. Warm-up: ``ready`` samples. Cost per update and reading: O(1),
    O(window) where a sample closes.

    >>> cvd = CvdSlope(sample_s=1.0, ready=3)
    >>> for second in range(6):
    ...     cvd.update(3.0, second * 1_000_000_000)
    >>> cvd.value
    3.0
    """

    sample_s: float = 2.0
    window: int = 30
    ready: int = 10
    closed_ns: list[int] = field(default_factory=list)
    deltas: list[float] = field(default_factory=list)
    open_delta: float = 0.0
    seen_ns: int = 0
    sums: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """Of the closed samples but the first: total; sums of t, of the total, of t t and t total."""
    closed_delta: float = 0.0

    def update(self, delta: float, close_ns: int) -> None:
        """Take in the buys minus sells of one frame."""
        if not self.closed_ns:
            self.closed_ns.append(close_ns)  # where time starts; its own delta has no duration
            self.deltas.append(0.0)
        else:
            if self.seen_ns - self.closed_ns[-1] >= self.sample_s * NS_PER_S:
                self._close()
            self.open_delta += delta
        self.seen_ns = close_ns

    @property
    def recent_delta(self) -> float:
        """Buys minus sells over the window, in quantity."""
        return self.closed_delta + self.open_delta

    @property
    def value(self) -> float | None:
        """The slope, ``None`` while warming up."""
        count = len(self.deltas)
        if count < self.ready:
            return None
        total, sum_t, sum_c, sum_tt, sum_tc = self.sums
        total += self.open_delta
        t = (self.seen_ns - self.closed_ns[0]) / NS_PER_S
        sum_t += t
        sum_c += total
        sum_tt += t * t
        sum_tc += t * total
        n = count + 1
        spread = sum_tt - sum_t * sum_t / n
        return (sum_tc - sum_t * sum_c / n) / spread if spread > 0.0 else None

    def _close(self) -> None:
        """End the open sample with the frame before, so that the newest frame is always open."""
        self.closed_ns.append(self.seen_ns)
        self.deltas.append(self.open_delta)
        self.open_delta = 0.0
        if len(self.deltas) > self.window:
            del self.closed_ns[0], self.deltas[0]
        self.closed_delta = math.fsum(self.deltas[1:])
        # Times and totals are taken from the first sample on: small numbers keep the sums exact.
        start = self.closed_ns[0]
        sum_t = sum_c = sum_tt = sum_tc = total = 0.0
        for closed_ns, delta in zip(self.closed_ns[1:], self.deltas[1:], strict=True):
            total += delta
            t = (closed_ns - start) / NS_PER_S
            sum_t += t
            sum_c += total
            sum_tt += t * t
            sum_tc += t * total
        self.sums = (total, sum_t, sum_c, sum_tt, sum_tc)
