"""True range, its Wilder mean, and the direction that its expansion takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.ema import BarEma
from agents.indicators.usual_size import UsualSize


def true_range(bar: Bar, last_close: float) -> float:
    """Range of a bar, the gap from the close before included (Wilder 1978).

    >>> true_range(Bar(0, 5.0, 6.0, 5.0, 5.0), 3.0)
    3.0
    """
    high, low = bar.high, bar.low
    if last_close > high:
        high = last_close
    if last_close < low:
        low = last_close
    return high - low


@dataclass
class Atr:
    """Average true range, and the expansion of it in the direction of the move.

    ``peek`` is Wilder's mean of 14 true ranges; the first bar, which has no close before it, has
    none (TA-Lib). ``direction`` gives ``tanh(m / (ATR sqrt(14))) * ATR^2 / (ATR^2 + U^2)``: ``m``
    the move over 14 bars, held to what a random walk of such bars makes, ``U`` the usual ATR of the
    last 100 bars. So it is 0 without a net move however wide the bars, near 1 in a wide up-move.
    Unit: price; direction none, (-1, 1). Warm-up: 15 bars; direction 10 more. Cost: O(1).

    >>> atr = Atr(mean=BarEma(period=2, wilder=True))
    >>> for price in (10.0, 11.0, 13.0):
    ...     atr.update(Bar.flat(0, price))
    >>> atr.peek(Bar.flat(0, 14.0))
    1.25
    """

    mean: BarEma = field(default_factory=lambda: BarEma(period=14, wilder=True))
    usual: UsualSize = field(default_factory=UsualSize)
    closes: list[float] = field(default_factory=list)
    """Of the last 14 bars, oldest first."""

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        if self.closes:
            self.mean.update(true_range(bar, self.closes[-1]))
            if self.mean.value is not None:
                self.usual.update(self.mean.value)
        self.closes.append(bar.close)
        if len(self.closes) > self.mean.period:
            del self.closes[0]

    def peek(self, bar: Bar) -> float | None:
        """The ATR if this bar closed now, ``None`` while warming up."""
        return self.mean.peek(true_range(bar, self.closes[-1])) if self.closes else None

    def direction(self, bar: Bar, atr: float | None) -> float | None:
        """Expansion in the direction of the move, given the ATR that :meth:`peek` told."""
        usual = self.usual.value
        if atr is None or usual is None:
            return None
        if atr <= 0.0:
            return 0.0
        move = (bar.close - self.closes[0]) / (atr * math.sqrt(self.mean.period))
        past = usual / atr
        return math.tanh(move) / (1.0 + past * past)
