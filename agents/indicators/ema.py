"""Exponential moving averages by bars: the usual one and Wilder's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class BarEma:
    """Exponential moving average of a value per bar: ``m + a (x - m)``.

    ``a = 2 / (period + 1)``; with ``wilder``, ``a = 1 / period`` (Wilder 1978). The first mean is
    the simple one of the first ``period`` values, as TA-Lib seeds it. Unit: the value's. Warm-up:
    ``period`` values. Cost: O(1).

    >>> mean = BarEma(period=3)
    >>> for x in (1.0, 2.0, 3.0):
    ...     mean.update(x)
    >>> mean.value, mean.peek(4.0)
    (2.0, 3.0)
    """

    period: int = 14
    wilder: bool = False
    count: int = 0
    value: float | None = None
    """Mean over the closed bars, ``None`` while warming up."""
    total: float = 0.0

    def update(self, value: float) -> None:
        """Take in the value of a closed bar."""
        if self.value is not None:
            self.value = self.peek(value)
            return
        self.count += 1
        self.total += value
        if self.count == self.period:
            self.value = self.total / self.period

    def peek(self, value: float) -> float | None:
        """The mean if a bar closed with this value."""
        mean = self.value
        if mean is None:
            if self.count + 1 < self.period:
                return None
            return (self.total + value) / self.period
        return mean + (value - mean) / (self.period if self.wilder else (self.period + 1) / 2)
