"""Simple and volume-weighted moving average."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class WindowMean:
    """Mean of the last ``period`` values, weighted by volume: ``sum(v x) / sum(v)``.

    With equal volumes, or none at all, it is the simple moving average. Values are summed as
    distances from ``origin`` (the last one), so that a market that stands still gives exactly that
    value. Unit: the value's. Warm-up: ``period`` values. Cost: O(1) a peek; a close sums the window
    anew, so that no rounding gathers over the months.

    >>> mean = WindowMean(period=2)
    >>> mean.update(1.0, volume=1.0); mean.update(2.0, volume=3.0)
    >>> mean.peek(6.0, volume=1.0)
    3.0
    """

    period: int = 5
    values: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    """The last ``period - 1``, oldest first: what a peek is added to."""
    origin: float = 0.0
    total: float = 0.0
    weighted: float = 0.0
    weight: float = 0.0

    def update(self, value: float, *, volume: float = 1.0) -> None:
        """Take in the value of a closed bar."""
        self.values.append(value)
        self.volumes.append(volume)
        if len(self.values) >= self.period:
            del self.values[0], self.volumes[0]
        self.origin = value
        away = [x - value for x in self.values]
        self.total = math.fsum(away)
        self.weighted = math.fsum(x * v for x, v in zip(away, self.volumes, strict=True))
        self.weight = math.fsum(self.volumes)

    def peek(self, value: float, *, volume: float = 1.0) -> float | None:
        """The mean if a bar closed with this value, ``None`` while warming up."""
        if len(self.values) < self.period - 1:
            return None
        away = value - self.origin
        weight = self.weight + volume
        if weight <= 0.0:
            return self.origin + (self.total + away) / self.period
        return self.origin + (self.weighted + away * volume) / weight
