"""Who takes: the aggressors' buys against their sells, bar by bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.usual_size import UsualSize
from agents.indicators.window_mean import WindowMean

NOTHING = 1e-3
"""An imbalance of less than this part of the volume is none."""


class VolumeDeltaView(msgspec.Struct):
    """The imbalance, and in its usual size."""

    ratio: float
    standing: float | None


@dataclass
class VolumeDelta:
    """Buys less sells over the volume of the last 20 bars: ``sum(delta) / sum(volume)``.

    ``standing`` is the ratio over its usual size plus 0.001. The usual size is of the windows that
    ended 20 bars ago or earlier (100 of them, fading), so what happens within the window does not
    move its own yardstick: more buying never lowers the standing. A bar of which nobody knows who
    took starts all of it anew. Range: ratio [-1, 1]; standing real. Unit: none. Warm-up: 20 bars,
    standing 30 more. Cost: O(1) a peek, O(20) a close.

    >>> delta = VolumeDelta(flow=WindowMean(period=2))
    >>> delta.update(Bar(0, 1.0, 1.0, 1.0, 1.0, volume=3.0, bought=3.0))
    >>> delta.peek(Bar(1, 1.0, 1.0, 1.0, 1.0, volume=1.0, bought=0.0)).ratio
    0.5
    >>> delta.peek(Bar(1, 1.0, 1.0, 1.0, 1.0, volume=1.0, bought=None)) is None
    True
    """

    flow: WindowMean = field(default_factory=lambda: WindowMean(period=20))
    recent: list[float] = field(default_factory=list)
    """Ratios of the last 20 closed bars, oldest first: too young for the yardstick."""
    usual: UsualSize = field(default_factory=UsualSize)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        share = _share(bar)
        if share is None:
            self.flow = WindowMean(period=self.flow.period)
            self.recent = []
            self.usual = UsualSize()
            return
        ratio = self.flow.peek(share, volume=bar.volume)
        self.flow.update(share, volume=bar.volume)
        if ratio is None:
            return
        self.recent.append(ratio)
        if len(self.recent) > self.flow.period:
            self.usual.update(self.recent.pop(0))

    def peek(self, bar: Bar) -> VolumeDeltaView | None:
        """What it says if this bar closed now; ``None`` in warm-up or if nobody knows who took."""
        share = _share(bar)
        ratio = None if share is None else self.flow.peek(share, volume=bar.volume)
        if ratio is None:
            return None
        usual = self.usual.value
        return VolumeDeltaView(ratio, None if usual is None else ratio / (usual + NOTHING))


def delta_lean(standing: float | None, adx: float | None) -> float | None:
    """``tanh(0.6 standing (0.5 + ADX / 50))``: a trend carries flow on, a range absorbs it.

    The flow counts half without a trend, in full at an ADX of 25.

    >>> round(delta_lean(1.0, 25.0), 3), delta_lean(1.0, None)
    (0.537, None)
    """
    if standing is None or adx is None:
        return None
    return math.tanh(0.6 * standing * (0.5 + adx / 50.0))


def _share(bar: Bar) -> float | None:
    """Buys less sells of a bar over its volume."""
    delta = bar.delta
    if delta is None:
        return None
    return delta / bar.volume if bar.volume > 0.0 else 0.0
