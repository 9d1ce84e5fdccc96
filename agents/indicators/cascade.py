"""Liquidations that follow each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.decay import fade, memory_s
from agents.indicators.rate import EventRate
from schemas.frame import Frame, PositionSide, TradeFlag

_LONG = int(PositionSide.LONG)
_LIQUIDATION = int(TradeFlag.LIQUIDATION)


@dataclass
class LiquidationCascade:
    """Forced volume of the last moments, by the position closed, against the symbol's own rate.

    ``longs`` and ``shorts`` are decaying sums of quantity, ``count`` one of events; ``value`` is
    ``(shorts - longs) / (shorts + longs)`` (+ where shorts are forced to buy), 0 without any.
    A cascade is on while ``count >= least`` and the volume is at least ``multiple`` times what the
    long-run rate lets expect. Liquidations come from their own channel, or from flagged trades in
    frames where that channel says nothing. Range: [-1, 1]. Warm-up: none. Cost: O(events).

    >>> from schemas.frame import Liquidations
    >>> forced = Liquidations(side=(-1, -1, 1), price=(9, 9, 9), qty=(4, 4, 2))
    >>> cascade = LiquidationCascade()
    >>> cascade.update(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, liquidations=forced))
    0.6
    """

    half_life_s: float = 20.0
    least: float = 3.0
    multiple: float = 3.0
    longs: float = 0.0
    shorts: float = 0.0
    count: float = 0.0
    fresh: float = 0.0
    rate: EventRate = field(default_factory=lambda: EventRate(half_life_s=3600.0))
    seen_ns: int | None = None

    def update(self, frame: Frame) -> float:
        """Which side is being forced, after one frame."""
        if self.seen_ns is not None and self.count > 0.0:
            kept = fade(frame.close_ns - self.seen_ns, self.half_life_s)
            self.longs *= kept
            self.shorts *= kept
            self.count *= kept
        self.seen_ns = frame.close_ns
        if frame.liquidations.qty or any(frame.trades.flags):
            self.fresh += self._take(frame)
        if frame.is_tick:
            self.rate.update(self.fresh, frame.close_ns)
            self.fresh = 0.0
        return self.value

    @property
    def value(self) -> float:
        """Side that is being forced: 1 shorts (who must buy), -1 longs (who must sell)."""
        whole = self.longs + self.shorts
        return (self.shorts - self.longs) / whole if whole > 0.0 else 0.0

    @property
    def on(self) -> bool:
        """Whether a cascade is running."""
        rate = self.rate.value
        usual = 0.0 if rate is None else rate * memory_s(self.half_life_s)
        return self.count >= self.least and self.longs + self.shorts >= self.multiple * usual

    def _take(self, frame: Frame) -> float:
        longs, shorts, count = forced(frame)
        self.longs += longs
        self.shorts += shorts
        self.count += count
        return longs + shorts


def forced(frame: Frame) -> tuple[float, float, int]:
    """Quantity of longs and of shorts that were closed by force in a frame, and in how many orders.

    >>> from schemas.frame import Liquidations
    >>> events = Liquidations(side=(-1, -1, 1), price=(9, 9, 9), qty=(4, 4, 2))
    >>> forced(Frame("v", "s", 0, 0, 0, 1, True, 0, 0, liquidations=events))
    (2.0, 8.0, 3)
    """
    events = frame.liquidations
    longs = shorts = count = 0
    if events.qty:
        for qty, side in zip(events.qty, events.side, strict=True):
            count += 1
            if side == _LONG:
                longs += qty
            else:
                shorts += qty
    else:
        tape = frame.trades
        for qty, side, flag in zip(tape.qty, tape.side, tape.flags, strict=True):
            if flag & _LIQUIDATION:
                count += 1
                if side < 0:  # a forced sale closes a long
                    longs += qty
                else:
                    shorts += qty
    scale: int = 10**frame.qty_exponent
    return longs / scale, shorts / scale, count
