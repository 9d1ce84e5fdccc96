"""Mean and standard deviation of the last values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class WindowDeviation:
    """Mean and population standard deviation of the last ``period`` values.

    Values are summed as distances from the last one: a line that has come far keeps its precision,
    and values that stand still deviate by exactly nothing. Unit: the value's. Warm-up: ``period``
    values. Cost: O(1) a peek, O(period) a close.

    >>> window = WindowDeviation(period=2)
    >>> window.update(1.0)
    >>> window.peek(3.0)
    (2.0, 1.0)
    """

    period: int = 50
    values: list[float] = field(default_factory=list)
    """The last ``period - 1``, oldest first: what a peek is added to."""
    total: float = 0.0
    squares: float = 0.0

    def update(self, value: float) -> None:
        """Take in the value of a closed bar."""
        self.values.append(value)
        if len(self.values) >= self.period:
            del self.values[0]
        away = [x - value for x in self.values]
        self.total = math.fsum(away)
        self.squares = math.fsum([x * x for x in away])

    def peek(self, value: float) -> tuple[float, float] | None:
        """Mean and deviation if a bar closed with this value, ``None`` while warming up."""
        if len(self.values) < self.period - 1:
            return None
        origin = self.values[-1]
        now = value - origin
        mean = (self.total + now) / self.period
        variance = (self.squares + now * now) / self.period - mean * mean
        return origin + mean, math.sqrt(variance) if variance > 0.0 else 0.0
