"""Who crosses the spread, how eagerly, and how large."""

from __future__ import annotations

import msgspec

from agents.indicators.decay import fade, memory_s
from agents.indicators.quantile import StepQuantile
from agents.indicators.rate import EventRate
from schemas.frame import Frame, TradeFlag

_NON_MARKET = int(TradeFlag.NON_MARKET)


class AggressorFlow(msgspec.Struct):
    """Imbalance of aggressive volume with its intensity, for all trades and for the large ones.

    ``imbalance = (B - S) / (B + S + E)``: ``B`` and ``S`` are decaying sums of buys and sells, ``E``
    what the symbol's own rate lets expect of their sum. With intensity ``r = (B + S) / E`` that is the
    plain imbalance times ``r / (1 + r)``: half its size in ordinary trading, little on a quiet tape.
    ``large_imbalance`` is the same over trades above the symbol's size quantile. What is
    expected and what is large are those of the tick before, so both grow with every purchase.
    Range: (-1, 1). Unit: none. Warm-up: the rates', and the quantile's. Cost per update: O(trades).

    >>> from schemas.frame import Trades
    >>> tape = Trades(price=(1, 1), qty=(4, 1), side=(1, -1), flags=(0, 0))
    >>> AggressorFlow(expected=5.0).update(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, trades=tape))
    0.3
    """

    half_life_s: float = 15.0
    large_half_life_s: float = 60.0
    buy: float = 0.0
    sell: float = 0.0
    large_buy: float = 0.0
    large_sell: float = 0.0
    rate: EventRate = msgspec.field(default_factory=EventRate)
    large_rate: EventRate = msgspec.field(default_factory=EventRate)
    size: StepQuantile = msgspec.field(default_factory=StepQuantile)
    expected: float | None = None
    expected_large: float | None = None
    threshold: float | None = None
    seen_ns: int | None = None
    value: float | None = None
    large_value: float | None = None

    def update(self, frame: Frame) -> float | None:
        """Imbalance as of the last tick, after one frame."""
        self._fade(frame.close_ns)
        trades = frame.trades
        volume = large = 0.0
        if trades.qty:
            volume, large = self._take(frame)
        self.rate.update(volume, frame.close_ns)
        self.large_rate.update(large, frame.close_ns)
        if frame.is_tick:
            self.value = _imbalance(self.buy, self.sell, self.expected)
            self.large_value = _imbalance(self.large_buy, self.large_sell, self.expected_large)
            self._expect()
        return self.value

    @property
    def intensity(self) -> float | None:
        """Volume of the window over what was expected of it; 1 is ordinary trading."""
        if self.expected is None or self.expected <= 0.0:
            return None
        return (self.buy + self.sell) / self.expected

    def _fade(self, close_ns: int) -> None:
        if self.seen_ns is not None:
            kept = fade(close_ns - self.seen_ns, self.half_life_s)
            self.buy *= kept
            self.sell *= kept
            kept = fade(close_ns - self.seen_ns, self.large_half_life_s)
            self.large_buy *= kept
            self.large_sell *= kept
        self.seen_ns = close_ns

    def _take(self, frame: Frame) -> tuple[float, float]:
        """Add the frame's trades; its volume, and that of its large trades."""
        scale = 10**frame.qty_exponent
        trades = frame.trades
        threshold = self.threshold
        learn = self.size.update
        buy = sell = large_buy = large_sell = 0
        for qty, side, flag in zip(trades.qty, trades.side, trades.flags, strict=True):
            if flag & _NON_MARKET:
                continue
            size = qty / scale
            is_large = threshold is not None and size > threshold
            learn(size)
            if side > 0:
                buy += qty
                if is_large:
                    large_buy += qty
            else:
                sell += qty
                if is_large:
                    large_sell += qty
        self.buy += buy / scale
        self.sell += sell / scale
        self.large_buy += large_buy / scale
        self.large_sell += large_sell / scale
        return (buy + sell) / scale, (large_buy + large_sell) / scale

    def _expect(self) -> None:
        """Fix what the next tick is measured against."""
        self.threshold = self.size.value
        rate = self.rate.value
        self.expected = None if rate is None else rate * memory_s(self.half_life_s)
        rate = self.large_rate.value
        if rate is not None and self.threshold is not None:
            self.expected_large = rate * memory_s(self.large_half_life_s)


def _imbalance(buy: float, sell: float, expected: float | None) -> float | None:
    if expected is None:
        return None
    whole = buy + sell + expected
    return (buy - sell) / whole if whole > 0.0 else None
