"""Who takes, by volume, and where the volume moves the price."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.recent_ratio import RecentRatio


@dataclass
class TakerVolume:
    """Balance of the takers' volume, and price impact, over the last bars and the forming one.

    ``balance = sum(2 bought - volume) / sum(volume)``; ``impact = sum(v (close - open)) /
    sum(v (high - low))``: how much of the way that prices went under volume was kept, with its
    sign. Both weigh the last ten bars exponentially. History may not say who took: such a bar has
    an impact but no balance. Range: [-1, 1] each. Unit: none. Warm-up: 10 bars. Cost: O(1).

    >>> takers = TakerVolume()
    >>> for i in range(10):
    ...     takers.update(Bar(i, 5.0, 9.0, 5.0, 7.0, volume=4.0, bought=3.0))
    >>> takers.peek(None)
    (0.5, 0.5)
    """

    balance: RecentRatio = field(default_factory=RecentRatio)
    impact: RecentRatio = field(default_factory=RecentRatio)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        delta = bar.delta
        if delta is not None:
            self.balance.update(delta, whole=bar.volume)
        self.impact.update(_kept(bar), whole=bar.volume * (bar.high - bar.low))

    def peek(self, bar: Bar | None) -> tuple[float | None, float | None]:
        """Balance and impact if this bar closed now; of the closed ones alone without a bar."""
        if bar is None:
            return self.balance.peek(), self.impact.peek()
        moved = bar.volume * (bar.high - bar.low)
        impact = self.impact.peek(_kept(bar), whole=moved)
        delta = bar.delta
        if delta is None:
            return self.balance.peek(), impact
        return self.balance.peek(delta, whole=bar.volume), impact


def _kept(bar: Bar) -> float:
    return bar.volume * (bar.close - bar.open)
