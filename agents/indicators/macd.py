"""Moving average convergence and divergence."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.ema import BarEma
from agents.indicators.ema_gap import EmaGap
from agents.indicators.usual_size import UsualSize


@dataclass
class Macd:
    """Histogram of MACD 12/26/9: ``EMA12 - EMA26`` of the close, less its own EMA9.

    Each mean is seeded by the simple mean of its first values; TA-Lib starts the fast one later,
    which is forgotten to 1e-9 within 130 bars. ``standing`` is the histogram in its own usual size
    over 100 bars (Appel's histogram has the unit of price). Warm-up: 34 bars; standing 10 more.
    Cost: O(1).

    >>> macd = Macd()
    >>> for i in range(40):
    ...     macd.update(Bar.flat(0, 100.0 + i))
    >>> abs(macd.peek(Bar.flat(0, 140.0))) < 1e-12
    True
    """

    fast: EmaGap = field(default_factory=lambda: EmaGap(period=12))
    slow: EmaGap = field(default_factory=lambda: EmaGap(period=26))
    signal: BarEma = field(default_factory=lambda: BarEma(period=9))
    usual: UsualSize = field(default_factory=UsualSize)

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        histogram = self.peek(bar)
        if histogram is not None:
            self.usual.update(histogram)
        line = self._line(bar)
        self.fast.update(bar.close)
        self.slow.update(bar.close)
        if line is not None:
            self.signal.update(line)

    def peek(self, bar: Bar) -> float | None:
        """The histogram if this bar closed now, ``None`` while warming up."""
        line = self._line(bar)
        signal = None if line is None else self.signal.peek(line)
        return None if line is None or signal is None else line - signal

    def standing(self, histogram: float | None, *, price: float) -> float | None:
        """The histogram in its own usual size."""
        return None if histogram is None else self.usual.standing(histogram, price=price)

    def _line(self, bar: Bar) -> float | None:
        slow = self.slow.peek(bar.close)
        fast = self.fast.peek(bar.close)
        return None if slow is None or fast is None else slow - fast
