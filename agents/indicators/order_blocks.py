"""Order blocks: where a strong move began."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from agents.indicators.levels import DOUBT, HALF_AWAY
from agents.indicators.usual_size import NOTHING, UsualSize

AFTER = 3
"""Bars in which the move away has to happen."""

PAST = 20
"""Bars before it whose mean volume a bar is held to."""

WORN = 0.5
"""What a mitigated block is worth of a fresh one."""


@dataclass
class OrderBlock:
    """The range of the bar before a strong move up (``side`` 1, demand) or down (-1, supply).

    Prices in units of 1e-8, ``strength`` in [0, 1). ``mitigated``: the market has come back to it.
    """

    side: int
    low: float
    high: float
    strength: float
    mitigated: bool = False

    def broken_by(self, bar: Bar) -> bool:
        """Whether the bar closes beyond the block."""
        return bar.close < self.low if self.side > 0 else bar.close > self.high

    def reached_by(self, bar: Bar) -> bool:
        """Whether the bar touches the block."""
        return bar.low <= self.high if self.side > 0 else bar.high >= self.low


@dataclass
class OrderBlocks:
    """The last order blocks of a timeframe.

    A demand block is a bar that closed down, after which the next one closed up and one of the next
    three closed above its high by the mean bar range or more; supply is the mirror image.
    ``strength = 0.6 v / (v + V) + 0.4 s / (s + R)``: ``v`` the bar's volume against ``V``, the mean
    of the 20 before it; ``s`` the swing, how far the farthest close went, against ``R``, the mean
    bar range. A block is fresh until a later bar comes back into it (mitigated then: half the
    worth), and gone when one closes beyond its far end. The last ``keep`` are remembered.
    Warm-up: ``ready`` bars. Cost: O(keep) per bar and peek.

    >>> blocks = OrderBlocks(ready=1)
    >>> for low, high, up in ((8, 9, 1), (7, 8, 0), (8, 10, 1), (9, 11, 1), (10, 12, 1)):
    ...     ends = (low, high) if up else (high, low)
    ...     blocks.update(Bar(0, float(ends[0]), float(high), float(low), float(ends[1]), 1.0))
    >>> [(block.side, block.low, block.high, block.mitigated) for block in blocks.blocks]
    [(1, 7.0, 8.0, False)]
    """

    keep: int = 8
    ready: int = 20
    blocks: list[OrderBlock] = field(default_factory=list)
    """Oldest first."""
    recent: list[Bar] = field(default_factory=list)
    """The last ``AFTER + 1`` bars."""
    means: list[float] = field(default_factory=list)
    """Beside each of them the mean volume before it."""
    volumes: list[float] = field(default_factory=list)
    """Of the last ``PAST`` bars."""
    ranges: UsualSize = field(default_factory=lambda: UsualSize(span=50, ready=1))

    def update(self, bar: Bar) -> None:
        """Take in a closed bar."""
        self._visit(bar)
        self.means.append(math.fsum(self.volumes) / len(self.volumes) if self.volumes else 0.0)
        self.volumes.append(bar.volume)
        if len(self.volumes) > PAST:
            del self.volumes[0]
        self.ranges.update(bar.high - bar.low)
        self.recent.append(bar)
        if len(self.recent) > AFTER + 1:
            del self.recent[0], self.means[0]
        usual = self.usual
        if usual is not None and len(self.recent) > AFTER:
            self._find(usual)

    @property
    def usual(self) -> float | None:
        """Mean bar range, exponentially weighted over 50 bars; ``None`` while warming up."""
        return self.ranges.value if len(self.volumes) >= self.ready else None

    def lean(self, bar: Bar | None, price: float, *, usual: float | None) -> float | None:
        """Demand against supply around the price, in (-1, 1); ``None`` while warming up.

        ``(D - S) / (D + S + 0.25)`` over ``strength * worth * hold``; 0 where there is no block.
        A block holds 1 at its near end, half at 4 ``usual`` away from it, 0 at its far end;
        ``usual`` is what :attr:`usual` tells.
        """
        if usual is None:
            return None
        reach = HALF_AWAY * (usual + NOTHING * abs(price))
        low, high = (math.inf, -math.inf) if bar is None else (bar.low, bar.high)
        demand = supply = 0.0
        for block in self.blocks:
            bottom, top = block.low, block.high
            is_demand = block.side > 0
            away = price - top if is_demand else bottom - price
            part = block.strength
            if away < 0.0:
                if -away >= top - bottom:
                    continue  # at its far end, or beyond
                part *= 1.0 + away / (top - bottom)
            elif reach > 0.0:
                part *= 1.0 / (1.0 + away / reach)
            if block.mitigated or (low <= top if is_demand else high >= bottom):
                part *= WORN
            if is_demand:
                demand += part
            else:
                supply += part
        return (demand - supply) / (demand + supply + DOUBT)

    def _visit(self, bar: Bar) -> None:
        """Mitigate what the bar came back to, forget what it broke."""
        self.blocks = [block for block in self.blocks if not block.broken_by(bar)]
        for block in self.blocks:
            block.mitigated = block.mitigated or block.reached_by(bar)

    def _find(self, usual: float) -> None:
        """Whether the oldest of the recent bars has turned out to be a block."""
        first, *after = self.recent
        side = (1 if first.close < first.open else 0) - (1 if first.close > first.open else 0)
        if side == 0 or side * (after[0].close - after[0].open) <= 0.0:
            return
        near = first.high if side > 0 else first.low
        swing = max(side * (bar.close - near) for bar in after)
        if swing <= 0.0 or swing < usual * (1.0 - 1e-9):
            return
        if side * (after[-1].close - near) < 0.0:
            return  # back in it already
        busy = first.volume + self.means[0]
        strength = 0.6 * (first.volume / busy if busy > 0.0 else 0.0)
        strength += 0.4 * swing / (swing + usual)
        self.blocks.append(OrderBlock(side, first.low, first.high, strength))
        if len(self.blocks) > self.keep:
            del self.blocks[0]
