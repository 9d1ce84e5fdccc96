"""Bollinger bands."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.bar import Bar


@dataclass
class Bollinger:
    """Mean and population standard deviation of the last 20 closes; bands two deviations away.

    ``peek`` is (middle, deviation). Closes are kept as distances from the last one. Unit: price.
    Warm-up: ``period`` bars. Cost: O(1) a peek, O(period) a close.

    >>> bands = Bollinger(period=2)
    >>> bands.update(Bar.flat(0, 1.0))
    >>> bands.peek(Bar.flat(0, 3.0))
    (2.0, 1.0)
    >>> band_position(3.0, 2.0, 1.0)
    0.5
    """

    period: int = 20
    closes: list[float] = field(default_factory=list)
    """Of the last ``period - 1`` closed bars."""
    total: float = 0.0
    squares: float = 0.0

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self.closes.append(bar.close)
        if len(self.closes) >= self.period:
            del self.closes[0]
        away = [x - bar.close for x in self.closes]
        self.total = math.fsum(away)
        self.squares = math.fsum(x * x for x in away)

    def peek(self, bar: Bar) -> tuple[float, float] | None:
        """Middle and deviation if this bar closed now, ``None`` while warming up."""
        if len(self.closes) < self.period - 1:
            return None
        origin = self.closes[-1]
        now = bar.close - origin
        mean = (self.total + now) / self.period
        variance = (self.squares + now * now) / self.period - mean * mean
        return origin + mean, math.sqrt(variance) if variance > 0.0 else 0.0


def band_position(price: float, middle: float, deviation: float) -> float:
    """Distance from the middle in half band widths: ±1 on the bands, 0 without width."""
    return (price - middle) / (2.0 * deviation) if deviation > 0.0 else 0.0
