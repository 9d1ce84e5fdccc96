"""Relative strength index."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.ema import BarEma

OVERBOUGHT, CALM = 20.0, 5.0
"""Distances from 50 of the bands 30/70 and 45/55."""


@dataclass
class Rsi:
    """Wilder's RSI: ``100 G / (G + L)`` of his means of gains and losses of the close.

    50 where the close did not move at all. Range: [0, 100]. Warm-up: ``period + 1`` bars; the means
    are seeded by the simple mean of the first ``period`` changes (Wilder 1978, TA-Lib), and forget
    another seed to 1e-9 within about 280 bars. Cost: O(1).

    >>> rsi = Rsi(gains=BarEma(period=2, wilder=True), losses=BarEma(period=2, wilder=True))
    >>> for close in (1.0, 2.0, 1.0):
    ...     rsi.update(Bar.flat(0, close))
    >>> rsi.peek(Bar.flat(0, 2.0))
    75.0
    """

    gains: BarEma = field(default_factory=lambda: BarEma(period=14, wilder=True))
    losses: BarEma = field(default_factory=lambda: BarEma(period=14, wilder=True))
    last: float | None = None

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        if self.last is not None:
            change = bar.close - self.last
            self.gains.update(max(change, 0.0))
            self.losses.update(max(-change, 0.0))
        self.last = bar.close

    def peek(self, bar: Bar) -> float | None:
        """The RSI if this bar closed now, ``None`` while warming up."""
        if self.last is None:
            return None
        change = bar.close - self.last
        up, down = (change, 0.0) if change > 0.0 else (0.0, -change)
        gain, loss = self.gains.peek(up), self.losses.peek(down)
        if gain is None or loss is None:
            return None
        whole = gain + loss
        if whole <= 0.0:
            return 50.0
        rsi = 100.0 * gain / whole
        # Rounding alone would lead beyond 100 where the close only rose.
        return min(100.0, rsi)


def rsi_band(rsi: float, stretch: float = 1.0) -> int:
    """-2 below 30, -1 below 45, 0 to 55, 1 to 70, 2 above; the bands ``stretch`` times as far out.

    >>> [rsi_band(x) for x in (29.0, 44.0, 50.0, 55.1, 71.0)], rsi_band(71.0, 1.1)
    ([-2, -1, 0, 1, 2], 1)
    """
    away = rsi - 50.0
    size = abs(away)
    if size <= CALM * stretch:
        return 0
    level = 1 if size <= OVERBOUGHT * stretch else 2
    return level if away > 0.0 else -level
