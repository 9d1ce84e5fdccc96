"""Where volume goes and price does not follow."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.close_location import close_location
from agents.indicators.obv import signed_volume
from agents.indicators.window_drift import WindowDrift


class VolumeDivergenceView(msgspec.Struct):
    """Drift of each line less that of the price; ``None`` is "not ready".

    ``bought`` is the line's own sum over the window, in units of volume.
    """

    cvd: float | None = None
    obv: float | None = None
    adl: float | None = None
    bought: float | None = None


@dataclass
class VolumeDivergence:
    """Drift over 20 bars of CVD, OBV and ADL less that of the close.

    Each drift is ``sum(changes) / sqrt(sum(changes^2))`` (:class:`WindowDrift`), so a difference
    has no unit. Above 0 the buyers lead: volume comes in while the price stands or falls, and what
    volume does the price may do later; below 0 an up-move lacks volume. A bar of which nobody knows
    who took starts the CVD anew. Range: within ±2 sqrt(20), mostly ±2. Warm-up: 21 bars, CVD 20.
    Cost: O(1) a peek, O(20) a close.

    >>> divergence = VolumeDivergence()
    >>> for i in range(25):
    ...     divergence.update(Bar.flat(i, 9.0 - i % 2 / 8))
    >>> bought = Bar(25, 9.0, 9.0, 9.0, 9.0, volume=1.0, bought=1.0)
    >>> divergence.peek(bought).cvd > 0.0
    True
    """

    close: float | None = None
    price: WindowDrift = field(default_factory=WindowDrift)
    cvd: WindowDrift = field(default_factory=WindowDrift)
    obv: WindowDrift = field(default_factory=WindowDrift)
    adl: WindowDrift = field(default_factory=WindowDrift)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        delta = bar.delta
        if delta is None:
            self.cvd = WindowDrift()
        else:
            self.cvd.update(delta)
        if self.close is not None:
            change = bar.close - self.close
            self.price.update(change)
            self.obv.update(signed_volume(bar.volume, change))
            self.adl.update(close_location(bar) * bar.volume)
        self.close = bar.close

    def peek(self, bar: Bar) -> VolumeDivergenceView:
        """What it says if this bar closed now."""
        if self.close is None:
            return VolumeDivergenceView()
        change = bar.close - self.close
        price = self.price.peek(change)
        if price is None:
            return VolumeDivergenceView()
        obv = self.obv.peek(signed_volume(bar.volume, change))
        adl = self.adl.peek(close_location(bar) * bar.volume)
        delta = bar.delta
        cvd = None if delta is None else self.cvd.peek(delta)
        return VolumeDivergenceView(
            None if cvd is None else cvd - price,
            None if obv is None else obv - price,
            None if adl is None else adl - price,
            None if cvd is None or delta is None else self.cvd.sum_with(delta),
        )
