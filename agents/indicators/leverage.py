"""How much is held on margin, and what a usual day could do to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.ewma import Ewma
from agents.indicators.heard import Heard


@dataclass
class OpenPositions:
    """Open interest against the day's volume and against its own past, as leverage.

    ``leverage = 0.5 o / (o + v) + 0.25 (1 + tanh(5 (o / mean - 1)))``: ``o`` open interest, ``v``
    the volume of a day, both in the venue's quantity, and ``mean`` its mean of the last week. The
    second stands in for market capitalisation, which no venue tells: over a week the number of
    coins hardly changes, so ``o / mean`` is the change of their ratio. Where one is not known the
    other is the whole. Range: [0, 1]. Unit: none. Warm-up: one value and a day's volume, or
    two values; a value that is not positive is none. Cost per value: one exponential.

    >>> positions = OpenPositions()
    >>> positions.update(30.0, 0)
    >>> positions.leverage(0, day_volume=70.0)
    0.3
    """

    heard: Heard = field(default_factory=Heard)
    mean: Ewma = field(default_factory=lambda: Ewma(half_life_s=7 * 86_400.0))

    def update(self, value: float, at_ns: int) -> None:
        """Take in open interest."""
        if value > 0.0 and self.heard.update(value, at_ns):
            self.mean.update(value, at_ns)

    def growth(self, now_ns: int) -> float | None:
        """Open interest over its mean, less 1."""
        interest, mean = self.heard.fresh(now_ns), self.mean.value
        return None if interest is None or mean is None else interest / mean - 1.0

    def leverage(self, now_ns: int, *, day_volume: float | None) -> float | None:
        """Leverage in [0, 1], ``None`` without a fresh value or anything to hold it against."""
        interest, growth = self.heard.fresh(now_ns), self.growth(now_ns)
        turned = None
        if interest is not None and day_volume is not None:
            turned = interest / (interest + day_volume)
        grown = None if growth is None else 0.5 + 0.5 * math.tanh(5.0 * growth)
        if turned is None or grown is None:
            return grown if turned is None else turned
        return 0.5 * turned + 0.5 * grown


def margin_used(gap: float, close: float, *, crowd: float, leverage: float) -> float:
    """Part of its margin that the crowd has lost since the mean price, [0, 1].

    ``gap`` is the close less the mean price, ``crowd`` its side in [-1, 1], ``leverage`` what is
    assumed of its positions; a move in the crowd's favour uses nothing.

    >>> round(margin_used(-6.0, 94.0, crowd=1.0, leverage=5.0), 3)
    0.3
    """
    against = -gap if crowd > 0.0 else gap
    price = close - gap
    if price <= 0.0:
        return 0.0
    return min(max(against, 0.0) * leverage / price, 1.0)


def maintenance_reach(day_range: float, close: float, *, leverage: float, rate: float) -> float:
    """How much of the way to its liquidation a usual day goes, ``d / (d + way)`` in [0, 1).

    ``d`` is a day's range over the close; a position opened with ``leverage`` is liquidated
    ``1 / leverage - rate`` away, ``rate`` being the maintenance margin.

    >>> round(maintenance_reach(2.0, 100.0, leverage=10.0, rate=0.02), 3)
    0.2
    """
    way = 1.0 / leverage - rate
    share = day_range / close if close > 0.0 else 1.0
    return share / (share + way)
