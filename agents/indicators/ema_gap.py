"""Distance of a value from its own exponential moving average."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EmaGap:
    """``x - EMA(x)`` per bar, from its changes alone.

    ``g = (1 - a) (g + change)``, ``a = 2 / (n + 1)``: the same as subtracting a mean (seeded by the
    simple one of the first ``n`` values), but without the price's own size in it: near a large
    price the subtraction would leave rounding. Unit: the value's. Warm-up: ``period`` values. Cost:
    O(1).

    >>> gap = EmaGap(period=3)
    >>> for x in (1.0, 2.0, 3.0):
    ...     gap.update(x)
    >>> gap.peek(4.0)
    1.0
    """

    period: int = 26
    count: int = 0
    last: float = 0.0
    gap: float = 0.0
    """Once ``period`` values are in: of the last one. Before: ``sum(i * change_i)``."""

    def update(self, value: float) -> None:
        """Take in the value of a closed bar."""
        gap = self.peek(value)
        if gap is None:
            # x_n less the mean of x_1..x_n is sum(i * (x_i+1 - x_i)) / n.
            gap = self.gap + self.count * (value - self.last)
        self.gap, self.last = gap, value
        self.count = min(self.count + 1, self.period)

    def peek(self, value: float) -> float | None:
        """The distance if a bar closed with this value, ``None`` while warming up."""
        change = value - self.last
        if self.count < self.period - 1:
            return None
        if self.count == self.period - 1:
            return (self.gap + self.count * change) / self.period
        return (self.gap + change) * (self.period - 1) / (self.period + 1)
