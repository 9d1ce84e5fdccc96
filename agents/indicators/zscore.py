"""A value in units of its own past."""

from __future__ import annotations

import math

import msgspec

from agents.indicators.decay import fade


class ZScore(msgspec.Struct):
    """Distance of a value from its past, in standard deviations of that past.

    ``z = (x - m) / sqrt(v + floor ** 2)`` with the exponentially weighted mean ``m`` and variance
    ``v`` of the samples *before* ``x``, so ``z`` grows with ``x``. With ``centred`` false, ``m = 0``
    and ``v`` is the mean square: the right scale for a quantity whose zero means something.
    Range: real. Unit: none. Warm-up: ``warmup_s`` of event time since the first sample; ``None`` too
    while the past has no spread at all. Cost per update: one exponential, one root.

    >>> z = ZScore(half_life_s=10.0, warmup_s=1.0, centred=False)
    >>> [z.update(x, t * 1_000_000_000) for t, x in enumerate((2.0, -2.0, 2.0, 4.0))][2:]
    [1.0, 2.0]
    """

    half_life_s: float = 600.0
    warmup_s: float = 30.0
    centred: bool = True
    floor: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    weight: float = 0.0
    first_ns: int | None = None
    seen_ns: int = 0
    value: float | None = None

    def update(self, value: float, close_ns: int) -> float | None:
        """Standing of ``value`` in the past; then it becomes part of it."""
        self.value = self._standing(value, close_ns)
        if self.first_ns is None:
            self.first_ns = close_ns
        else:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.total = self.total * kept + value * (1.0 - kept)
            self.squares = self.squares * kept + value * value * (1.0 - kept)
            self.weight = self.weight * kept + (1.0 - kept)
        self.seen_ns = close_ns
        return self.value

    def _standing(self, value: float, close_ns: int) -> float | None:
        if self.first_ns is None or self.weight <= 0.0:
            return None
        if close_ns - self.first_ns < self.warmup_s * 1e9:
            return None
        mean = self.total / self.weight if self.centred else 0.0
        variance = max(self.squares / self.weight - mean * mean, 0.0) + self.floor * self.floor
        if variance <= 0.0:
            return None
        return (value - mean) / math.sqrt(variance)
