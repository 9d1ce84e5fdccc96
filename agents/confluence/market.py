"""What the mids that the join sees tell of the market: its efficiency and its volatility."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from operator import sub

from schemas.confluence_settings import RegimeSettings
from schemas.frame import NS_PER_S

_LN2 = math.log(2.0)


@dataclass
class Volatility:
    """Realised volatility: squared log returns over the time they took, older ones fading.

    ``sqrt(sum(k r^2) / sum(k dt))`` with ``k`` halved every half-life. Unit: 1/sqrt(s).
    """

    squares: float = 0.0
    seconds: float = 0.0

    def update(self, square: float, elapsed_s: float, *, half_life_s: float) -> None:
        """Take a squared return and the time that it took."""
        keep = math.exp(-_LN2 * elapsed_s / half_life_s)
        self.squares = self.squares * keep + square
        self.seconds = self.seconds * keep + elapsed_s

    @property
    def value(self) -> float:
        """The volatility; 0 before the first return."""
        return math.sqrt(self.squares / self.seconds) if self.seconds > 0.0 else 0.0


@dataclass
class MarketState:
    """Samples of the mid, oldest first, and the volatilities."""

    sampled_ns: int | None = None
    mids: list[float] = field(default_factory=list)
    short: Volatility = field(default_factory=Volatility)
    long: Volatility = field(default_factory=Volatility)

    def sample(self, price: float | None, now_ns: int, settings: RegimeSettings) -> bool:
        """Take the mid of a tick if a sample is due; whether it was.

        A silence longer than the whole window starts the window anew. Cost: O(1).
        """
        if price is None or price <= 0.0:
            return False
        if self.sampled_ns is not None:
            elapsed_ns = now_ns - self.sampled_ns
            if elapsed_ns < settings.sample_ns:
                return False
            if elapsed_ns > settings.sample_ns * settings.samples:
                self.mids.clear()
            else:
                move, elapsed_s = math.log(price / self.mids[-1]), elapsed_ns / NS_PER_S
                square = move * move
                self.short.update(square, elapsed_s, half_life_s=settings.short_half_life_s)
                self.long.update(square, elapsed_s, half_life_s=settings.long_half_life_s)
        self.sampled_ns = now_ns
        self.mids.append(price)
        if len(self.mids) > settings.samples + 1:
            del self.mids[0]
        return True

    def is_ready(self, settings: RegimeSettings) -> bool:
        """Whether the window is full."""
        return len(self.mids) > settings.samples

    @property
    def volatility_ratio(self) -> float:
        """Short over long volatility; 1 in a market that never moved."""
        usual = self.long.value
        return self.short.value / usual if usual > 0.0 else 1.0

    def efficiency(self) -> float:
        """Kaufman's efficiency ratio with its sign, shrunk where the mid hardly moved; -1 to 1.

        ``net move / path · sqrt(m / n)`` over ``n`` steps of which ``m`` moved. A random walk has
        about ``1/sqrt(m)`` of the plain ratio, a single move in a quiet market all of it; with the
        factor both come to ``1/sqrt(n)``. 0 where nothing moves. Cost: O(samples).
        Source: P. Kaufman, "Smarter Trading" (1995); the factor is ours.

        >>> MarketState(mids=[100.0, 102.0, 101.0, 103.0]).efficiency()
        0.6
        >>> MarketState(mids=[100.0, 100.0, 100.0, 100.0, 101.0]).efficiency()
        0.5
        """
        steps = list(map(abs, map(sub, self.mids[1:], self.mids)))
        path = math.fsum(steps)
        if path <= 0.0:
            return 0.0
        moved = len(steps) - steps.count(0.0)
        return (self.mids[-1] - self.mids[0]) / path * math.sqrt(moved / len(steps))
