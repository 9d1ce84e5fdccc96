"""How long a deviation lasts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.ewma import Ewma
from schemas.frame import NS_PER_S


@dataclass
class ReversionTime:
    """Half-life, in seconds, with which a value returns to its mean.

    With deviations ``d`` from an exponential mean: ``phi = sum d_i d_(i-1) / sum d_(i-1) ** 2``
    (decaying sums), ``half_life = -ln 2 * step / ln phi`` with the mean step between samples.
    Range: positive seconds. ``None`` while warming up (``ready`` samples) or where the value does
    not revert (``phi`` outside (0, 1)). Unit: seconds. Cost per update: O(1).

    >>> reversion = ReversionTime(ready=20)
    >>> for i in range(200):
    ...     _ = reversion.update(0.5 ** (i % 20), i * 1_000_000_000)
    >>> 0.5 < reversion.value < 2.5
    True
    """

    half_life_s: float = 300.0
    ready: int = 30
    mean: Ewma = field(default_factory=lambda: Ewma(half_life_s=300.0))
    products: float = 0.0
    squares: float = 0.0
    steps_s: float = 0.0
    weight: float = 0.0
    deviation: float | None = None
    count: int = 0
    seen_ns: int = 0

    def update(self, value: float, close_ns: int) -> float | None:
        """The half-life after one sample."""
        mean = self.mean.update(value, close_ns)
        if mean is None:
            self.seen_ns = close_ns
            return None
        deviation = value - mean
        if self.deviation is not None:
            elapsed_ns = close_ns - self.seen_ns
            kept = fade(elapsed_ns, self.half_life_s)
            self.products = self.products * kept + deviation * self.deviation
            self.squares = self.squares * kept + self.deviation * self.deviation
            self.steps_s = self.steps_s * kept + elapsed_ns / NS_PER_S
            self.weight = self.weight * kept + 1.0
            self.count += 1
        self.deviation = deviation
        self.seen_ns = close_ns
        return self.value

    @property
    def value(self) -> float | None:
        """The half-life in seconds, ``None`` while unknown."""
        if self.count < self.ready or not 0.0 < self.products < self.squares:
            return None
        step_s = self.steps_s / self.weight
        return -math.log(2.0) * step_s / math.log(self.products / self.squares)
