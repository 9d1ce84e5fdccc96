"""A value in units of its own past."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from agents.indicators.decay import fade
from schemas.frame import NS_PER_S

LARGEST = sys.float_info.max
"""Where a standing ends whose past had all but faded to nothing."""


@dataclass
class Standing:
    """Distance of a value from its past, in mean absolute deviations of that past.

    ``value = (x - m) / (a + floor)``, where ``m`` is the exponentially weighted mean of the samples
    *before* ``x`` and ``a`` the weighted mean of their ``|x_i - m_i|``; so it grows with ``x``.
    With ``centred`` false, ``m = 0``: the right scale for a quantity whose zero means something.
    Absolute deviations, unlike squares, are not ruled for an hour by one burst; one standard
    deviation of a normal variable is a standing of 1.25. A gap of more than a half-life starts it
    anew: the sample after it would count for all of the gap, and be the past by itself. Range:
    real. Unit: none. Warm-up: ``warmup_s`` of event time since the first sample; ``None`` too while
    the past has not moved at all. Cost per update: one exponential.

    >>> standing = Standing(half_life_s=10.0, warmup_s=1.0, centred=False)
    >>> [standing.update(x, t * 1_000_000_000) for t, x in enumerate((2.0, -2.0, 2.0, 4.0))][2:]
    [1.0, 2.0]
    """

    half_life_s: float = 600.0
    warmup_s: float = 30.0
    centred: bool = True
    floor: float = 0.0
    total: float = 0.0
    deviations: float = 0.0
    weight: float = 0.0
    first_ns: int | None = None
    seen_ns: int = 0
    value: float | None = None

    def update(self, value: float | None, close_ns: int) -> float | None:
        """Standing of ``value`` in its past, which it then joins; no value has no standing."""
        if value is None:
            self.value = None
            return None
        elapsed_ns = close_ns - self.seen_ns
        if self.first_ns is None or elapsed_ns > self.half_life_s * NS_PER_S:
            self.first_ns = self.seen_ns = close_ns
            self.total = self.deviations = self.weight = 0.0
            self.value = None
            return None
        weight = self.weight
        mean = self.total / weight if self.centred and weight > 0.0 else 0.0
        away = value - mean
        standing = None
        if weight > 0.0 and close_ns - self.first_ns >= self.warmup_s * NS_PER_S:
            scale = self.deviations / weight + self.floor
            if scale > 0.0:
                standing = away / scale
                if not -LARGEST <= standing <= LARGEST:
                    standing = math.copysign(LARGEST, away)
        self.value = standing
        kept = fade(elapsed_ns, self.half_life_s)
        self.total = self.total * kept + value * (1.0 - kept)
        if weight > 0.0 or not self.centred:
            # A centred value has no deviation while there is no mean to deviate from.
            self.deviations = self.deviations * kept + abs(away) * (1.0 - kept)
        self.weight = weight * kept + (1.0 - kept)
        self.seen_ns = close_ns
        return standing
