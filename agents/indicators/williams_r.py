"""Williams %R."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar


@dataclass
class WilliamsR:
    """Where the close lies in the range of the last 14 bars: ``-100 (H - close) / (H - L)``.

    -50 where there is no range. Range: [-100, 0]. Warm-up: ``period`` bars. Cost: O(1) a peek, the
    extremes of 13 bars a close.

    >>> williams = WilliamsR(period=2)
    >>> williams.update(Bar(0, 5.0, 10.0, 0.0, 5.0))
    >>> williams.peek(Bar(0, 5.0, 8.0, 2.0, 8.0))
    -20.0
    """

    period: int = 14
    highs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    """Of the last ``period - 1`` closed bars."""
    highest: float = 0.0
    lowest: float = 0.0

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        if len(self.highs) >= self.period:
            del self.highs[0], self.lows[0]
        self.highest, self.lowest = max(self.highs), min(self.lows)

    def peek(self, bar: Bar) -> float | None:
        """The %R if this bar closed now, ``None`` while warming up."""
        if len(self.highs) < self.period - 1:
            return None
        high, low = self.highest, self.lowest
        if bar.high > high:
            high = bar.high
        if bar.low < low:
            low = bar.low
        if high <= low:
            return -50.0
        value = -100.0 * (high - bar.close) / (high - low)
        # Rounding alone would lead below -100 at the low of the range.
        return max(-100.0, value)
