"""On-balance volume."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.window_deviation import WindowDeviation


def signed_volume(volume: float, change: float) -> float:
    """The volume with the sign of the price's change, 0 without one.

    >>> signed_volume(3.0, -0.5), signed_volume(3.0, 0.0)
    (-3.0, 0.0)
    """
    if change == 0.0:
        return 0.0
    return volume if change > 0.0 else -volume


class ObvView(msgspec.Struct):
    """The line in units of volume, and its distance from its mean in deviations."""

    line: float
    z: float | None


@dataclass
class Obv:
    """Granville's line: the volume of bars that close higher, less that of those that close lower.

    A bar that closes where the one before did adds nothing, nor does the first. ``z`` is the line's
    distance from the mean of its last 50 values in their standard deviations, 0 where it does not
    move. Unit: quantity; ``z`` none, within ±7. Warm-up: none for the line, 50 bars for ``z``.
    Cost: O(1) a peek, O(50) a close.

    >>> obv = Obv()
    >>> obv.update(Bar.flat(0, 5.0))
    >>> obv.peek(Bar(1, 5.0, 6.0, 5.0, 6.0, volume=3.0)).line
    3.0
    """

    line: float = 0.0
    close: float | None = None
    window: WindowDeviation = field(default_factory=lambda: WindowDeviation(period=50))

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self.line += self.flow(bar)
        self.close = bar.close
        self.window.update(self.line)

    def peek(self, bar: Bar) -> ObvView:
        """What it says if this bar closed now."""
        line = self.line + self.flow(bar)
        usual = self.window.peek(line)
        if usual is None:
            return ObvView(line, None)
        mean, deviation = usual
        return ObvView(line, (line - mean) / deviation if deviation > 0.0 else 0.0)

    def flow(self, bar: Bar) -> float:
        """What the bar adds to the line."""
        return 0.0 if self.close is None else signed_volume(bar.volume, bar.close - self.close)
