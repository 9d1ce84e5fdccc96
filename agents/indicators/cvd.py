"""Slope of the cumulative volume delta."""

from __future__ import annotations

import math

import msgspec

from schemas.frame import NS_PER_S, Frame, TradeFlag

_NON_MARKET = int(TradeFlag.NON_MARKET)


class CvdSlope(msgspec.Struct):
    """Least-squares slope of the cumulative volume delta over the last samples and now.

    The delta (aggressive buys minus sells) is kept as one sum per ``sample_s``; the slope is that of
    its running total over ``window`` samples and the open one, by event time. Unit: quantity per
    second; positive is net buying. Warm-up: ``ready`` samples. Cost per update: O(trades), a tick
    O(window).

    >>> from schemas.frame import Trades
    >>> tape = Trades(price=(1,), qty=(3,), side=(1,), flags=(0,))
    >>> cvd = CvdSlope(sample_s=1.0, ready=3)
    >>> for second in range(6):
    ...     at = second * 1_000_000_000
    ...     slope = cvd.update(Frame("v", "s", 0, 0, at, at, True, 0, 0, trades=tape))
    >>> slope
    3.0
    """

    sample_s: float = 2.0
    window: int = 30
    ready: int = 10
    closed_ns: list[int] = msgspec.field(default_factory=list)
    deltas: list[float] = msgspec.field(default_factory=list)
    open_delta: float = 0.0
    seen_ns: int = 0
    value: float | None = None

    def update(self, frame: Frame) -> float | None:
        """Slope as of the last tick, after one frame."""
        trades = frame.trades
        if trades.qty:
            delta = 0
            for qty, side, flag in zip(trades.qty, trades.side, trades.flags, strict=True):
                if not flag & _NON_MARKET:
                    delta += qty * side
            self.open_delta += delta / 10**frame.qty_exponent
        self.seen_ns = frame.close_ns
        if frame.is_tick:
            self.value = self._slope()
        if not self.closed_ns or frame.close_ns - self.closed_ns[-1] >= self.sample_s * NS_PER_S:
            self._close(frame.close_ns)
        return self.value

    @property
    def recent_delta(self) -> float:
        """Buys minus sells over the window, in quantity."""
        return math.fsum(self.deltas[1:]) + self.open_delta

    def _close(self, close_ns: int) -> None:
        self.closed_ns.append(close_ns)
        self.deltas.append(self.open_delta)
        self.open_delta = 0.0
        if len(self.deltas) > self.window:
            del self.closed_ns[0], self.deltas[0]

    def _slope(self) -> float | None:
        count = len(self.deltas)
        if count < self.ready or self.seen_ns <= self.closed_ns[-1]:
            return self.value if count >= self.ready else None
        # Times and totals are taken from the first sample on: small numbers keep the sums exact.
        start = self.closed_ns[0]
        sum_t = sum_c = sum_tt = sum_tc = total = 0.0
        for at_ns, delta in zip(self.closed_ns[1:], self.deltas[1:], strict=True):
            total += delta
            t = (at_ns - start) / NS_PER_S
            sum_t += t
            sum_c += total
            sum_tt += t * t
            sum_tc += t * total
        total += self.open_delta
        t = (self.seen_ns - start) / NS_PER_S
        sum_t += t
        sum_c += total
        sum_tt += t * t
        sum_tc += t * total
        n = count + 1
        spread = sum_tt - sum_t * sum_t / n
        return (sum_tc - sum_t * sum_c / n) / spread if spread > 0.0 else None
