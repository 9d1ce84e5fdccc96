"""A quantile without a memory of samples."""

from __future__ import annotations

import math

import msgspec


class StepQuantile(msgspec.Struct):
    """Quantile ``odds / (odds + 1)`` of a positive value, by stochastic approximation in logarithms.

    The estimate is ``first * exp(step * k)``; a sample above it moves the integer ``k`` up by
    ``odds``, one at or below moves it down by 1, which balances where P(x <= q) = odds / (odds + 1).
    The integer keeps the estimate exactly proportional to the unit of the samples. It forgets about
    ``1 / step`` samples back, so it follows a market that changes. Unit: the value's. Warm-up:
    ``warmup`` samples. Cost per update: O(1). Source: Robbins and Monro (1951).

    >>> q = StepQuantile(odds=1, step=0.05, warmup=10)
    >>> estimates = [q.update(float(1 + i % 9)) for i in range(900)]
    >>> estimates[5] is None, 4.0 < estimates[-1] < 6.0
    (True, True)
    """

    odds: int = 9
    step: float = 0.02
    warmup: int = 50
    first: float = 0.0
    steps: int = 0
    count: int = 0

    def update(self, value: float) -> float | None:
        """The quantile after one sample; values that are not positive are no samples."""
        if value > 0.0:
            if self.count == 0:
                self.first = value
            above = value > self.first * math.exp(self.step * self.steps)
            self.steps += self.odds if above else -1
            self.count += 1
        return self.value

    @property
    def value(self) -> float | None:
        """The quantile, ``None`` while warming up."""
        if self.count < self.warmup or self.count == 0:
            return None
        return self.first * math.exp(self.step * self.steps)
