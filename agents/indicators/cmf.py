"""Chaikin money flow."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.close_location import close_location
from agents.indicators.usual_size import UsualSize
from agents.indicators.window_mean import WindowMean

NOTHING = 1e-3
"""A flow of less than this part of the volume is none."""


class CmfView(msgspec.Struct):
    """The flow, the same smoothed, and its standing."""

    value: float
    smooth: float
    standing: float | None


@dataclass
class Cmf:
    """CMF 20: ``sum(CLV * volume) / sum(volume)`` of the last 20 bars, 0 without volume.

    ``smooth = 0.5 CMF + 0.5 smooth_before`` (of closed bars, from the first value on); ``standing``
    is that in its usual size of 100 bars plus 0.001, so that a symbol is held to its own habits.
    Range: [-1, 1]; standing real. Unit: none. Warm-up: 20 bars, standing 10 more. Cost: O(1) a
    peek, O(20) a close.

    >>> cmf = Cmf(flow=WindowMean(period=2))
    >>> cmf.update(Bar(0, 1.0, 5.0, 1.0, 4.0, volume=3.0))
    >>> cmf.peek(Bar(1, 4.0, 5.0, 3.0, 3.0, volume=1.0)).value
    0.125
    """

    smoothing: float = 0.5
    flow: WindowMean = field(default_factory=lambda: WindowMean(period=20))
    smooth: float | None = None
    usual: UsualSize = field(default_factory=UsualSize)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        now = self.peek(bar)
        if now is not None:
            self.smooth = now.smooth
            self.usual.update(now.smooth)
        self.flow.update(close_location(bar), volume=bar.volume)

    def peek(self, bar: Bar) -> CmfView | None:
        """What it says if this bar closed now, ``None`` while warming up."""
        value = self.flow.peek(close_location(bar), volume=bar.volume)
        if value is None:
            return None
        before = value if self.smooth is None else self.smooth
        smooth = before + self.smoothing * (value - before)
        usual = self.usual.value
        return CmfView(value, smooth, None if usual is None else smooth / (usual + NOTHING))
