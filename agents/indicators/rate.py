"""How much of something there is per second."""

from __future__ import annotations

import math
from dataclasses import dataclass

from agents.indicators.decay import fade
from schemas.frame import NS_PER_S

_LN2 = math.log(2.0)


@dataclass
class EventRate:
    """Exponentially weighted amount per second of event time.

    ``rate = sum(amount_i * faded) / (memory * (1 - faded since the first update))``; both sides
    fade alike, so a steady stream has its true rate from the start. A gap of more than a half-life
    starts it anew: it is no time without any. Unit: the amount's, per second. Warm-up: ``warmup_s``
    of event time since the first update. Cost per update: one exponential.

    >>> rate = EventRate(half_life_s=60.0, warmup_s=2.0)
    >>> values = [rate.update(3.0, t * 1_000_000_000) for t in range(200)]
    >>> values[1] is None, 2.9 < values[-1] < 3.1
    (True, True)
    """

    half_life_s: float = 600.0
    warmup_s: float = 30.0
    amount: float = 0.0
    weight: float = 0.0
    first_ns: int | None = None
    seen_ns: int = 0

    def update(self, value: float, close_ns: int) -> float | None:
        """The rate after the amount ``value`` of the time since the update before."""
        elapsed_ns = close_ns - self.seen_ns
        if self.first_ns is None or elapsed_ns > self.half_life_s * NS_PER_S:
            # Nothing is known of how long the first amount took, nor of what a gap would have held.
            self.first_ns = self.seen_ns = close_ns
            self.amount = self.weight = 0.0
            return None
        kept = fade(elapsed_ns, self.half_life_s)
        self.amount = self.amount * kept + value
        self.weight = self.weight * kept + (1.0 - kept)
        self.seen_ns = close_ns
        return self.value

    @property
    def value(self) -> float | None:
        """Amount per second, ``None`` while warming up."""
        first_ns = self.first_ns
        if first_ns is None or self.weight <= 0.0:
            return None
        if self.seen_ns - first_ns < self.warmup_s * NS_PER_S:
            return None
        return self.amount / (self.weight * (self.half_life_s / _LN2))
