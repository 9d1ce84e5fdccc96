"""The mood that bars show."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from agents.indicators.atr import Atr
from agents.indicators.bar import Bar
from agents.indicators.blend import blend
from agents.indicators.ema_gap import EmaGap
from agents.indicators.rsi import Rsi
from agents.indicators.usual_size import UsualSize


class MoodView(msgspec.Struct):
    """What a timeframe says; ``None`` is "not ready", the four parts are leans in [-1, 1]."""

    volatility: float | None = None
    momentum: float | None = None
    volume: float | None = None
    trend: float | None = None
    atr: float | None = None
    """Average true range, in units of 1e-8."""
    gap: float | None = None
    """Close less its mean of 26 bars, in units of 1e-8."""
    close: float = 0.0

    @property
    def parts(self) -> tuple[tuple[float, float | None], ...]:
        """Weight and lean: volatility 30, momentum 30, volume 20, trend 20."""
        return (
            (0.30, self.volatility),
            (0.30, self.momentum),
            (0.20, self.volume),
            (0.20, self.trend),
        )

    @property
    def lean(self) -> float | None:
        """The parts together, in [-1, 1]."""
        return blend(self.parts)


@dataclass
class Mood:
    """Volatility, momentum, volume and trend of one timeframe's bars, each with the move's sign.

    - volatility: expansion of the range in the direction of the move (:class:`Atr`).
    - momentum ``M``: ``(RSI - 50) / 50`` of 14 bars.
    - volume: ``M q / (1 + q)``, ``q`` the volume of the last 5 closed bars over that of 20: a move
      on volume counts more than one on none.
    - trend: ``tanh(g / (2 ATR))``, ``g`` the close less its exponential mean of 26 bars.

    How wild or busy a market is has no direction of its own, so both only scale a move's. Range:
    [-1, 1] each. Unit: none. Warm-up: 15 to 27 bars. Cost: O(1).

    >>> mood = Mood()
    >>> for i in range(40):
    ...     mood.update(Bar.flat(i, 100.0 + i))
    >>> 0.5 < mood.peek(Bar.flat(40, 140.0)).lean <= 1.0
    True
    """

    atr: Atr = field(default_factory=Atr)
    rsi: Rsi = field(default_factory=Rsi)
    gap: EmaGap = field(default_factory=EmaGap)
    short: UsualSize = field(default_factory=lambda: UsualSize(span=5, ready=5))
    long: UsualSize = field(default_factory=lambda: UsualSize(span=20, ready=20))
    closed: MoodView = field(default_factory=MoodView)
    """What the last closed bar said."""

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self.closed = self.peek(bar)
        self.atr.update(bar)
        self.rsi.update(bar)
        self.gap.update(bar.close)
        self.short.update(bar.volume)
        self.long.update(bar.volume)

    def peek(self, bar: Bar) -> MoodView:
        """What the bars say if this one closed now; its volume counts once it has closed."""
        atr, rsi, gap = self.atr.peek(bar), self.rsi.peek(bar), self.gap.peek(bar.close)
        momentum = None if rsi is None else (rsi - 50.0) / 50.0
        trend = None
        if atr is not None and gap is not None:
            trend = math.tanh(gap / (2.0 * atr)) if atr > 0.0 else 0.0
        return MoodView(
            volatility=self.atr.direction(bar, atr),
            momentum=momentum,
            volume=self._volume(momentum),
            trend=trend,
            atr=atr,
            gap=gap,
            close=bar.close,
        )

    def _volume(self, momentum: float | None) -> float | None:
        short, long = self.short.value, self.long.value
        if momentum is None or short is None or long is None:
            return None
        return momentum * short / (short + long) if short + long > 0.0 else 0.0
