"""Commodity channel index."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.bar import Bar


@dataclass
class Cci:
    """CCI 20: ``(t - m) / (0.015 d)`` of the typical price (high + low + close) / 3.

    ``m`` is the mean of the last 20 and ``d`` their mean absolute deviation from it (Lambert 1980);
    0 where nothing deviates. Values are kept as distances from the last one, so that a market that
    stands still deviates by exactly nothing. Range: real, mostly within ±200. Warm-up: ``period``
    bars. Cost: O(period), for the mean deviation has no recurrence.

    >>> cci = Cci(period=3)
    >>> cci.update(Bar.flat(0, 1.0)); cci.update(Bar.flat(0, 2.0))
    >>> round(cci.peek(Bar.flat(0, 3.0)), 9)
    100.0
    """

    period: int = 20
    typical: list[float] = field(default_factory=list)
    """Of the last ``period - 1`` closed bars."""
    away: list[float] = field(default_factory=list)
    """The same as distances from the last."""
    total: float = 0.0

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self.typical.append(bar.typical)
        if len(self.typical) >= self.period:
            del self.typical[0]
        origin = self.typical[-1]
        self.away = [x - origin for x in self.typical]
        self.total = math.fsum(self.away)

    def peek(self, bar: Bar) -> float | None:
        """The CCI if this bar closed now, ``None`` while warming up."""
        if len(self.typical) < self.period - 1:
            return None
        now = (bar.high + bar.low + bar.close) / 3 - self.typical[-1]
        mean = (self.total + now) / self.period
        spread = abs(now - mean)
        for away in self.away:
            spread += away - mean if away > mean else mean - away
        return (now - mean) / (0.015 * spread / self.period) if spread > 0.0 else 0.0
