"""A quantile without a memory of samples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class StepQuantile:
    """Quantile ``odds / (odds + 1)`` of a positive value, by stochastic approximation.

    The estimate is ``first * exp(step * k)``, so it moves in logarithms; a sample above it moves
    the integer ``k`` up by ``odds``, one at or below moves it down by 1, which balances where P(x
    <= q) = odds / (odds + 1). The integer keeps the estimate exactly proportional to the unit of
    the samples. It forgets about ``1 / step`` samples back, so it follows a market that changes.
    Unit: the value's. Warm-up: ``warmup`` samples. Cost per update: O(1). Source: Robbins and Monro
    (1951).

    >>> q = StepQuantile(odds=1, step=0.01, warmup=10)
    >>> q.update(float(1 + i % 9) for i in range(900))
    >>> 4.0 < q.value < 6.0
    True
    """

    odds: int = 9
    step: float = 0.02
    warmup: int = 50
    first: float = 0.0
    steps: int = 0
    count: int = 0

    def update(self, values: Iterable[float]) -> None:
        """Take in samples; values that are not positive are none."""
        first, steps, count = self.first, self.steps, self.count
        step, odds, exp = self.step, self.odds, math.exp
        for value in values:
            if value > 0.0:
                if count == 0:
                    first = value
                steps += odds if value > first * exp(step * steps) else -1
                count += 1
        self.first, self.steps, self.count = first, steps, count

    @property
    def value(self) -> float | None:
        """The quantile, ``None`` while warming up."""
        if self.count < self.warmup or self.count == 0:
            return None
        return self.first * math.exp(self.step * self.steps)
