"""A mean that forgets."""

from __future__ import annotations

from dataclasses import dataclass

from agents.indicators.decay import fade


@dataclass
class Ewma:
    """Time-weighted exponential mean of a value sampled at irregular event times.

    Each sample counts for the time since the one before it, ``w = 1 - 2 ** (-dt / half_life)``;
    ``mean = sum(w_i * faded) / sum(w)``, so the mean is unbiased from its second sample on.
    Unit: the value's. Warm-up: two samples at different times. Cost per update: one exponential.
    Source: the next-point scheme for irregular series of Mueller (1991), with the usual correction
    for the missing past.

    >>> mean = Ewma(half_life_s=1.0)
    >>> mean.update(5.0, 0) is None
    True
    >>> mean.update(2.0, 1_000_000_000), mean.update(5.0, 2_000_000_000)
    (2.0, 4.0)
    """

    half_life_s: float = 10.0
    total: float = 0.0
    weight: float = 0.0
    seen_ns: int | None = None

    def update(self, value: float, close_ns: int) -> float | None:
        """The mean after one sample."""
        if self.seen_ns is not None:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.total = self.total * kept + value * (1.0 - kept)
            self.weight = self.weight * kept + (1.0 - kept)
        self.seen_ns = close_ns
        return self.total / self.weight if self.weight > 0.0 else None

    @property
    def value(self) -> float | None:
        """The mean, ``None`` before its second sample."""
        return self.total / self.weight if self.weight > 0.0 else None
