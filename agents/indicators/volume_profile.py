"""Volume by price."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec

from agents.indicators.bar import Bar
from agents.indicators.clamp import clamp
from agents.indicators.value_area import value_area

FEWEST_ROWS, MOST_ROWS = 8, 32


class ProfileView(msgspec.Struct):
    """Point of control and value area in units of price, and the part of the volume below."""

    poc: float
    low: float
    high: float
    below: float
    """Part of all volume that was traded below the present price, [0, 1]."""

    def position(self, price: float) -> float:
        """Where the price stands: 0 at the POC, 1 at the area's high, -1 at its low, linear between
        and beyond. Where the area has no width, what is off the POC is infinitely far.
        """
        away = price - self.poc
        if away == 0.0:
            return 0.0
        reach = self.high - self.poc if away > 0.0 else self.poc - self.low
        return away / reach if reach > 0.0 else math.copysign(math.inf, away)


@dataclass
class VolumeProfile:
    """Volume of the last ``window`` bars by price: POC, value area (70%), and what lies below.

    The volume of a bar is spread evenly over its range. **Rows adapt**: each is about half a mean
    bar range high, between 8 and 32 of them over the range of the window, laid anew when a bar
    closes (:meth:`refit`); nothing in that depends on the unit of price or volume. The forming bar
    is added on top, outside of the range in one further row on either side, as far as it goes.
    Prices in units of 1e-8. Warm-up: ``ready`` bars. Cost: O(window) a refit, O(rows) a peek.

    >>> profile = VolumeProfile(ready=2)
    >>> for low in (10.0, 12.0, 14.0):
    ...     profile.update(Bar(0, low, low + 4.0, low, low, volume=1.0))
    >>> profile.refit()
    >>> profile.peek(None, price=14.0)
    ProfileView(poc=14.0, low=11.0, high=17.0, below=0.5)
    """

    window: int = 72
    ready: int = 20
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    low: float = 0.0
    span: float = 0.0
    """Lowest price of the window, and how far above it the highest is."""
    rows: list[float] = field(default_factory=list)
    """Volume by row, lowest price first; the first and last are for what lies outside."""
    edges: list[float] = field(default_factory=list)
    """Prices at the lower ends of the rows, and at the upper end of the last."""

    def update(self, bar: Bar) -> None:
        """Take in a closed bar; it counts from the next :meth:`refit` on."""
        self.lows.append(bar.low)
        self.highs.append(bar.high)
        self.volumes.append(bar.volume)
        if len(self.lows) > self.window:
            del self.lows[0], self.highs[0], self.volumes[0]

    def refit(self) -> None:
        """Lay the rows anew over the closed bars."""
        if len(self.lows) < self.ready:
            self.rows, self.edges = [], []
            return
        self.low = min(self.lows)
        self.span = max(self.highs) - self.low
        count = self._count()
        inner = [self.low + self.span * i / count for i in range(count + 1)]
        self.edges = [self.low, *inner, self.low + self.span]
        self.rows = [0.0] * (count + 2)
        for low, high, volume in zip(self.lows, self.highs, self.volumes, strict=True):
            if volume > 0.0:
                spread(self.rows, self.span, low - self.low, high - self.low, volume)

    def peek(self, bar: Bar | None, *, price: float) -> ProfileView | None:
        """The profile with the forming bar on top, ``None`` while warming up or without volume."""
        if not self.rows:
            return None
        rows, edges = self.rows, self.edges
        if bar is not None and bar.volume > 0.0:
            rows = rows.copy()
            bottom, top = bar.low, bar.high
            spread(rows, self.span, bottom - self.low, top - self.low, bar.volume)
            if bottom < edges[0] or top > edges[-1]:
                edges = [min(edges[0], bottom), *edges[1:-1], max(edges[-1], top)]
        whole = math.fsum(rows)
        area = value_area(rows, whole=whole)
        if area is None:
            return None
        first, poc_low, poc_high, last = area
        below = self._volume_below(rows, price, edges) / whole
        poc = (edges[poc_low] + edges[poc_high + 1]) / 2
        return ProfileView(poc, edges[first], edges[last + 1], below)

    def _count(self) -> int:
        """How many rows, from whole numbers: the same in every unit of price."""
        ranges = [high - low for low, high in zip(self.lows, self.highs, strict=True)]
        usual = math.fsum(ranges)
        if self.span <= 0.0:
            return 1
        if usual <= 0.0:
            return MOST_ROWS
        return min(max(int(2 * len(ranges) * self.span / usual), FEWEST_ROWS), MOST_ROWS)

    def _volume_below(self, rows: list[float], price: float, edges: list[float]) -> float:
        count = len(rows) - 2
        away = price - self.low
        if away < 0.0:
            at = 0
        elif away > self.span:
            at = count + 1
        else:
            at = 1 + _row(away, self.span, count) if self.span > 0.0 else 1
        bottom, top = edges[at], edges[at + 1]
        inside = clamp((price - bottom) / (top - bottom), 0.0, 1.0) if top > bottom else 0.5
        return math.fsum(rows[:at]) + rows[at] * inside


def spread(rows: list[float], span: float, low: float, high: float, volume: float) -> None:
    """Add a bar's volume to the rows it covers; its prices are distances from the lowest."""
    count = len(rows) - 2
    if high <= low:
        _drop(rows, span, low, volume)
        return
    density = volume / (high - low)
    if low < 0.0:
        rows[0] += density * (min(high, 0.0) - low)
        low = 0.0
    if high > span:
        rows[-1] += density * (high - max(low, span))
        high = span
    if high <= low:
        return
    first, last = _row(low, span, count), _row(high, span, count)
    bottom = low
    for i in range(first, last):
        top = span * (i + 1) / count
        rows[i + 1] += density * (top - bottom)
        bottom = top
    rows[last + 1] += density * (high - bottom)


def _row(away: float, span: float, count: int) -> int:
    """Which of ``count`` rows over ``span`` holds a distance from the lowest price."""
    row = int(away * count / span)
    return row if row < count else count - 1


def _drop(rows: list[float], span: float, price: float, volume: float) -> None:
    """Add volume at one price; on the edge of two rows each gets half."""
    count = len(rows) - 2
    if price < 0.0:
        rows[0] += volume
    elif price > span:
        rows[-1] += volume
    elif span <= 0.0:
        rows[1] += volume
    else:
        at = price * count / span
        row = int(at)
        if at == row and 0 < row < count:
            rows[row] += volume / 2
            rows[row + 1] += volume / 2
        else:
            rows[min(row, count - 1) + 1] += volume
