"""Average directional index."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.ema import BarEma


def _wilder() -> BarEma:
    return BarEma(period=14, wilder=True)


@dataclass
class Adx:
    """Strength of the trend, whichever way: Wilder's mean of 14 of ``100 |P - M| / (P + M)``.

    ``P`` and ``M`` are his means of upward and downward directional movement; the true range by
    which both are usually divided cancels. 0 where there is no movement. Range: [0, 100], a trend
    from about 25 on. Seeds are simple means of the first 14 (TA-Lib's first sum takes 13: the two
    agree to 1e-9 after about 300 bars). Warm-up: 28 bars. Cost: O(1).

    >>> adx = Adx()
    >>> for i in range(30):
    ...     adx.update(Bar(0, i, i + 1.0, i - 1.0, i))
    >>> adx.peek(Bar(0, 30.0, 31.0, 29.0, 30.0))
    100.0
    """

    plus: BarEma = field(default_factory=_wilder)
    minus: BarEma = field(default_factory=_wilder)
    mean: BarEma = field(default_factory=_wilder)
    high: float | None = None
    low: float = 0.0

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        if self.high is not None:
            plus, minus = self._movement(bar, self.high)
            index = self._index(plus, minus)
            self.plus.update(plus)
            self.minus.update(minus)
            if index is not None:
                self.mean.update(index)
        self.high, self.low = bar.high, bar.low

    def peek(self, bar: Bar) -> float | None:
        """The ADX if this bar closed now, ``None`` while warming up."""
        if self.high is None:
            return None
        index = self._index(*self._movement(bar, self.high))
        return None if index is None else self.mean.peek(index)

    def _movement(self, bar: Bar, high: float) -> tuple[float, float]:
        up, down = bar.high - high, self.low - bar.low
        return (up if up > down and up > 0.0 else 0.0, down if down > up and down > 0.0 else 0.0)

    def _index(self, plus: float, minus: float) -> float | None:
        p, m = self.plus.peek(plus), self.minus.peek(minus)
        if p is None or m is None:
            return None
        whole = p + m
        if whole <= 0.0:
            return 0.0
        index = 100.0 * abs(p - m) / whole
        # Rounding alone would lead beyond 100 where all movement is one way.
        return min(100.0, index)
