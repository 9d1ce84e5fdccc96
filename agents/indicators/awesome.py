"""Awesome oscillator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.ema import BarEma
from agents.indicators.usual_size import UsualSize
from agents.indicators.window_mean import WindowMean


class AwesomeView(msgspec.Struct):
    """The oscillator at one bar; all but ``lean`` and ``momentum`` in units of price."""

    value: float
    change: float
    """Against the bar before."""
    acceleration: float
    """Change of the change."""
    lean: float
    momentum: float


@dataclass
class AwesomeOscillator:
    """Williams' AO, volume-weighted: ``VWMA5 - VWMA34`` of the median price (high + low) / 2.

    ``lean = 0.5 tanh(0.6 v) + 0.3 tanh(0.6 c) + 0.2 tanh(0.6 h)``, in (-1, 1): ``v`` the value,
    ``c`` its change from the bar before (momentum) and ``h`` its EMA of 21 bars (historical trend),
    ``v`` and ``h`` in the value's usual size over 100 bars, ``c`` in the change's. With equal
    volumes the value is the plain AO. Warm-up: 54 bars. Cost: O(1) a peek, O(34) a close.

    >>> ao = AwesomeOscillator()
    >>> for i in range(60):
    ...     ao.update(Bar(0, i, i + 1.0, i - 1.0, i, volume=1.0))
    >>> round(ao.peek(Bar(0, 60.0, 61.0, 59.0, 60.0, volume=1.0)).value, 9)
    14.5
    """

    fast: WindowMean = field(default_factory=lambda: WindowMean(period=5))
    slow: WindowMean = field(default_factory=lambda: WindowMean(period=34))
    trend: BarEma = field(default_factory=lambda: BarEma(period=21))
    usual: UsualSize = field(default_factory=UsualSize)
    usual_change: UsualSize = field(default_factory=UsualSize)
    last: float | None = None
    last_change: float = 0.0

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        value = self.value_at(bar)
        median = bar.median
        self.fast.update(median, volume=bar.volume)
        self.slow.update(median, volume=bar.volume)
        if value is None:
            return
        self.trend.update(value)
        self.usual.update(value)
        if self.last is not None:
            self.last_change = value - self.last
            self.usual_change.update(self.last_change)
        self.last = value

    def value_at(self, bar: Bar) -> float | None:
        """The oscillator alone, after 34 bars."""
        median, volume = bar.median, bar.volume
        slow = self.slow.peek(median, volume=volume)
        fast = self.fast.peek(median, volume=volume)
        return None if slow is None or fast is None else fast - slow

    def peek(self, bar: Bar) -> AwesomeView | None:
        """What it says if this bar closed now, ``None`` while warming up."""
        value = self.value_at(bar)
        if value is None or self.last is None:
            return None
        trend = self.trend.peek(value)
        change = value - self.last
        price = bar.close
        v = self.usual.standing(value, price=price)
        c = self.usual_change.standing(change, price=price)
        if trend is None or v is None or c is None:
            return None
        h = self.usual.standing(trend, price=price) or 0.0
        momentum = math.tanh(0.6 * c)
        lean = 0.5 * math.tanh(0.6 * v) + 0.3 * momentum + 0.2 * math.tanh(0.6 * h)
        return AwesomeView(value, change, change - self.last_change, lean, momentum)
