"""Volume-weighted average price, and what the distance from it is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from operator import mul

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.clamp import clamp
from agents.indicators.usual_size import NOTHING

FULL_DISTANCE = 4.0
"""Standard deviations that count as a distance of 1; so ±2, the usual outer band, is neutral."""

RAMP = 0.1
"""Distance within which the side of the VWAP builds up from none to all."""


class VwapView(msgspec.Struct):
    """VWAP and the volume-weighted standard deviation around it, in units of price."""

    value: float
    deviation: float

    def distance(self, price: float) -> float:
        """``(price - VWAP) / (4 deviations)``, clipped to [-1, 1]; 0 on it."""
        away = price - self.value
        reach = FULL_DISTANCE * self.deviation + NOTHING * abs(price)
        return clamp(away / reach, -1.0, 1.0) if reach > 0.0 else 0.0


@dataclass
class Vwap:
    """VWAP of ``period`` bars, the forming one included: ``sum(v t) / sum(v)``.

    ``t`` is the typical price of a bar. With it comes the deviation
    ``sqrt(sum(v t^2) / sum(v) - VWAP^2)``, taken from distances. Unit: the price's. Warm-up:
    ``ready`` closed bars with any volume. Cost: O(1) a peek, O(period) a close.

    >>> vwap = Vwap(ready=1)
    >>> vwap.update(Bar.flat(0, 10.0)); vwap.update(Bar(1, 10.0, 10.0, 10.0, 10.0, volume=1.0))
    >>> vwap.peek(Bar(2, 14.0, 14.0, 14.0, 14.0, volume=1.0))
    VwapView(value=12.0, deviation=2.0)
    """

    period: int = 48
    ready: int = 20
    typical: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    """The last ``period - 1``, oldest first: what a peek is added to."""
    weight: float = 0.0
    first: float = 0.0
    second: float = 0.0
    """Volume, and its moments as distances from the last typical price."""

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        origin = bar.typical
        self.typical.append(origin)
        self.volumes.append(bar.volume)
        if len(self.typical) >= self.period:
            del self.typical[0], self.volumes[0]
        self.weight = math.fsum(self.volumes)
        away = [typical - origin for typical in self.typical]
        parts = list(map(mul, self.volumes, away))
        self.first = math.fsum(parts)
        self.second = math.fsum(map(mul, parts, away))

    def peek(self, bar: Bar | None) -> VwapView | None:
        """VWAP with the forming bar on top, ``None`` while warming up."""
        if len(self.typical) < self.ready:
            return None
        origin = self.typical[-1]
        weight, first, second = self.weight, self.first, self.second
        if bar is not None:
            away = bar.typical - origin
            weight += bar.volume
            first += bar.volume * away
            second += bar.volume * away * away
        if weight <= 0.0:
            return None
        mean = first / weight
        variance = second / weight - mean * mean
        return VwapView(origin + mean, math.sqrt(variance) if variance > 0.0 else 0.0)


def vwap_score(distance: float) -> float:
    """``75 - 50 d`` above the VWAP, ``25 + 50 d`` below it, ``d = |distance|`` in [0, 1].

    Holding above is strength, being far above is stretch: neutral at 2 deviations, 25 at 4. The two
    rules do not meet at the VWAP (75 and 25), so within ``d < 0.1`` (0.4 deviations) the lean
    builds up in proportion: ``50 + (distance / 0.1) (25 - 50 d)``. That is 50 on the VWAP, is the
    rule itself from 0.1 on, and turns round with the sign. Range: [25, 75].

    >>> [vwap_score(x) for x in (-1.0, -0.25, 0.0, 0.125, 0.5, 1.0)]
    [75.0, 37.5, 50.0, 68.75, 50.0, 25.0]
    """
    side = clamp(distance / RAMP, -1.0, 1.0)
    return 50.0 + side * (25.0 - 50.0 * abs(distance))
