"""Swing points, and the structure they make."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.usual_size import UsualSize


@dataclass
class Swing:
    """A turn of the market: a high (``side`` 1) or a low (-1), price in units of 1e-8.

    ``weight`` is how busy its bar was, ``v / (v + usual)``: 1/2 is as usual, range [0, 1).
    """

    side: int
    price: float
    weight: float


@dataclass
class SwingPoints:
    """The last swing highs and lows: bars whose high (low) stands out among ``wing`` on each side.

    A high is higher than those before it and not lower than those after (of equal ones the first
    counts); lows are its mirror image. It is known ``wing`` bars later and never changes.
    Warm-up: ``2 wing + 1`` bars. Cost: O(wing) per bar. Source: Williams' fractals, one bar wider.

    >>> points = SwingPoints(wing=1)
    >>> for price in (5.0, 7.0, 6.0, 8.0, 7.5):
    ...     points.update(Bar.flat(0, price))
    >>> [swing.price for swing in points.tops], [swing.price for swing in points.bottoms]
    ([7.0, 8.0], [6.0])
    """

    wing: int = 3
    keep: int = 10
    """Of each kind, so that neither crowds out the other."""
    tops: list[Swing] = field(default_factory=list)
    bottoms: list[Swing] = field(default_factory=list)
    """Oldest first."""
    usual_volume: UsualSize = field(default_factory=lambda: UsualSize(span=50, ready=1))
    highs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    """Of the last ``2 wing`` bars."""

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        busy = bar.volume + (self.usual_volume.value or 0.0)
        self.usual_volume.update(bar.volume)
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        self.weights.append(bar.volume / busy if busy > 0.0 else 0.0)
        if len(self.highs) <= 2 * self.wing:
            return
        weight = self.weights[self.wing]
        if _stands_out(self.highs, self.wing, sign=1.0):
            self._add(self.tops, Swing(1, self.highs[self.wing], weight))
        if _stands_out(self.lows, self.wing, sign=-1.0):
            self._add(self.bottoms, Swing(-1, self.lows[self.wing], weight))
        del self.highs[0], self.lows[0], self.weights[0]

    @property
    def structure(self) -> int | None:
        """1 for a higher high and a higher low, -1 for lower ones, 0 for neither.

        ``None`` before two swings of each kind.
        """
        if len(self.tops) < 2 or len(self.bottoms) < 2:
            return None
        highs = self.tops[-1].price - self.tops[-2].price
        lows = self.bottoms[-1].price - self.bottoms[-2].price
        return int(highs > 0.0 and lows > 0.0) - int(highs < 0.0 and lows < 0.0)

    def _add(self, swings: list[Swing], swing: Swing) -> None:
        swings.append(swing)
        if len(swings) > self.keep:
            del swings[0]


def _stands_out(prices: list[float], wing: int, *, sign: float) -> bool:
    top = sign * prices[wing]
    before = all(sign * price < top for price in prices[:wing])
    return before and all(sign * price <= top for price in prices[wing + 1 :])
