"""Who crosses the spread, how eagerly, and how large."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress

from agents.indicators.decay import fade, memory_s
from agents.indicators.quantile import StepQuantile
from agents.indicators.quotes import NOT_NOW
from agents.indicators.rate import EventRate
from schemas.frame import Frame


@dataclass
class Pressure:
    """Buys and sells of the last moments, and what the symbol's own rate lets expect of them."""

    half_life_s: float = 15.0
    buy: float = 0.0
    sell: float = 0.0
    fresh: float = 0.0
    """Volume since the last tick."""
    rate: EventRate = field(default_factory=EventRate)
    expected: float | None = None
    seen_ns: int | None = None
    value: float | None = None

    def add(self, bought: float, sold: float, close_ns: int) -> None:
        """Take in volume."""
        if self.seen_ns is not None:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.buy *= kept
            self.sell *= kept
        self.seen_ns = close_ns
        self.buy += bought
        self.sell += sold
        self.fresh += bought + sold

    def tick(self, close_ns: int) -> None:
        """Measure against what the ticks before let expect; then expect anew."""
        self.add(0.0, 0.0, close_ns)
        self.value = None
        if self.expected is not None and self.buy + self.sell + self.expected > 0.0:
            self.value = (self.buy - self.sell) / (self.buy + self.sell + self.expected)
        rate = self.rate.update(self.fresh, close_ns)
        self.fresh = 0.0
        self.expected = None if rate is None else rate * memory_s(self.half_life_s)


@dataclass
class AggressorFlow:
    """Imbalance of aggressive volume with its intensity, for all trades and for the large ones.

    ``value = (B - S) / (B + S + E)``: ``B`` and ``S`` are decaying sums of buys and sells, ``E``
    what the symbol's own rate lets expect of their sum. With intensity ``r = (B + S) / E`` that is
    the plain imbalance times ``r / (1 + r)``: half its size in ordinary trading, little on a quiet
    tape. ``large.value`` is the same over trades above the symbol's size quantile. What is
    expected and what is large are those of the tick before, so both grow with every purchase.
    Range: (-1, 1). Unit: none. Warm-up: the rates', and the quantile's. Cost: O(trades).

    >>> from schemas.frame import Trades
    >>> tape = Trades(price=(1, 1), qty=(4, 1), side=(1, -1), flags=(0, 0))
    >>> AggressorFlow(all=Pressure(expected=5.0)).update(
    ...     Frame("v", "s", 0, 0, 0, 1, True, 0, 0, trades=tape), bought=4.0, sold=1.0)
    0.3
    """

    all: Pressure = field(default_factory=Pressure)
    large: Pressure = field(default_factory=lambda: Pressure(half_life_s=60.0))
    size: StepQuantile = field(default_factory=StepQuantile)
    threshold: float | None = None

    def update(
        self, frame: Frame, *, bought: float, sold: float, stretch: float = 1.0
    ) -> float | None:
        """Imbalance as of the last tick, after one frame whose aggressors traded so much.

        From the next tick on a trade is large above ``stretch`` times the quantile.
        """
        if frame.trades.qty:
            self.all.add(bought, sold, frame.close_ns)
            self._take_large(frame)
        if frame.is_tick:
            self.all.tick(frame.close_ns)
            if self.threshold is not None:
                self.large.tick(frame.close_ns)
            size = self.size.value
            self.threshold = None if size is None else size * stretch
        return self.value

    @property
    def value(self) -> float | None:
        """Imbalance of all trades as of the last tick."""
        return self.all.value

    @property
    def intensity(self) -> float | None:
        """Volume of the window over what is expected of it; 1 is ordinary trading."""
        expected = self.all.expected
        if expected is None or expected <= 0.0:
            return None
        return (self.all.buy + self.all.sell) / expected

    def _take_large(self, frame: Frame) -> None:
        """Learn the sizes of the frame's trades, and add those that were large by the last tick."""
        scale = 10**frame.qty_exponent
        trades = frame.trades
        sizes, sides = trades.qty, trades.side
        if trades.totals.flagged:
            market = [not flag & NOT_NOW for flag in trades.flags]
            sizes, sides = tuple(compress(sizes, market)), tuple(compress(sides, market))
        self.size.update([size / scale for size in sizes])
        if self.threshold is None or not sizes:
            return
        least = self.threshold * scale
        if max(sizes) > least:
            bought = sold = 0
            for size, side in zip(sizes, sides, strict=True):
                if size > least:
                    if side > 0:
                        bought += size
                    else:
                        sold += size
            self.large.add(bought / scale, sold / scale, frame.close_ns)
