"""Accumulation/distribution line."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.close_location import close_location
from agents.indicators.ema_gap import EmaGap
from agents.indicators.usual_size import UsualSize


class AdlView(msgspec.Struct):
    """The line and its oscillator, in units of volume, and the oscillator's standing."""

    line: float
    oscillator: float | None
    standing: float | None


@dataclass
class Adl:
    """Chaikin's line ``sum(CLV * volume)`` since the first bar, and his oscillator of it.

    ``oscillator = EMA3 - EMA10`` of the line (positive: volume comes in on closes near the high),
    taken from the line's changes, so that the line's own size leaves no rounding; each mean is
    seeded by the simple one of its first values, TA-Lib's by the first alone, which is forgotten to
    1e-9 within 120 bars. ``standing`` is the oscillator in its usual size of 100 bars. Unit:
    quantity; standing none. Warm-up: none for the line, 10 bars, standing 10 more. Cost: O(1).

    >>> adl = Adl()
    >>> adl.update(Bar(0, 1.0, 5.0, 1.0, 4.0, volume=8.0))
    >>> adl.peek(Bar(1, 4.0, 5.0, 3.0, 3.0, volume=1.0)).line
    3.0
    """

    line: float = 0.0
    fast: EmaGap = field(default_factory=lambda: EmaGap(period=3))
    slow: EmaGap = field(default_factory=lambda: EmaGap(period=10))
    usual: UsualSize = field(default_factory=UsualSize)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        now = self.peek(bar)
        if now.oscillator is not None:
            self.usual.update(now.oscillator)
        self.fast.update(now.line)
        self.slow.update(now.line)
        self.line = now.line

    def peek(self, bar: Bar) -> AdlView:
        """What it says if this bar closed now."""
        line = self.line + close_location(bar) * bar.volume
        slow, fast = self.slow.peek(line), self.fast.peek(line)
        if slow is None or fast is None:
            return AdlView(line, None, None)
        oscillator = slow - fast
        return AdlView(line, oscillator, self.usual.standing(oscillator, price=bar.volume))
