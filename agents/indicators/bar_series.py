"""Bars of one timeframe, put together from parts."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bar import Bar
from schemas.frame import NS_PER_S

LONGEST_GAP = 240
"""Bars of silence that are filled; beyond it (4 h of 1m bars) the series starts anew."""

TAINT_BARS = 100
"""Closed bars after which a tainted one is forgotten: Wilder's mean of 14 keeps 6e-4 of it."""


@dataclass
class ClosedBar:
    """A bar that closed. ``fresh``: no bar stands before it, so what was computed starts anew."""

    timeframe: int
    """Which of the timeframes, by rank."""
    bar: Bar
    fresh: bool


@dataclass
class BarSeries:
    """Bars of ``period_ns``, aligned to the epoch (UTC): some closed ones, and the forming one.

    **Empty intervals are flat bars** at the close before, with no volume, as the venues' own klines
    have them; so live bars go on where history ends. A silence of more than ``LONGEST_GAP`` bars is
    none: the series starts anew. A first bar that began within its interval is dropped.
    Cost per part: O(1), plus the bars that close by it.

    >>> series = BarSeries(period_ns=10)
    >>> closed = [b for t in (0, 10, 40) for b in series.absorb(Bar(t, 5.0, 5.0, 5.0, 5.0, 1.0))]
    >>> [(c.bar.open_ns, c.bar.volume, c.fresh) for c in closed]
    [(0, 1.0, True), (10, 1.0, False), (20, 0.0, False), (30, 0.0, False)]
    """

    period_ns: int = 60 * NS_PER_S
    rank: int = 0
    keep: int = 16
    closed: list[Bar] = field(default_factory=list)
    """The last ``keep`` closed bars, oldest first."""
    forming: Bar | None = None
    whole: bool = True
    """Whether the forming bar has been seen from its start."""
    taint_left: int = 0

    def window(self, at_ns: int) -> int:
        """Start of the interval that holds ``at_ns``."""
        return at_ns - at_ns % self.period_ns

    def is_past(self, at_ns: int) -> bool:
        """Whether the interval of ``at_ns`` is closed already."""
        if self.forming is not None:
            return at_ns < self.forming.open_ns
        return bool(self.closed) and at_ns < self.closed[-1].open_ns + self.period_ns

    def absorb(self, part: Bar) -> list[ClosedBar]:
        """Take in a part of a bar; the bars that closed because it came later than they end."""
        if self.is_past(part.open_ns):
            return []
        start = self.window(part.open_ns)
        watched = self.forming is not None
        found = self.roll(start)
        if self.forming is not None:
            self.forming.merge(part)
        else:
            self.whole = watched or part.open_ns == start
            self.forming = part.starting(start)
        return found

    def roll(self, at_ns: int) -> list[ClosedBar]:
        """Let time come to ``at_ns``: close what ends by then, fill silence with flat bars."""
        start = self.window(at_ns)
        forming = self.forming
        if forming is not None and forming.open_ns >= start:
            return []
        found: list[ClosedBar] = []
        if forming is not None:
            self.forming = None
            forming.tainted = forming.tainted or not self.whole
            if self.whole or self.closed:
                found.append(self._close(forming))
        return found + self._fill(start)

    def pass_silence(self, at_ns: int) -> list[ClosedBar]:
        """Let time come to ``at_ns`` without a trade: an interval that began is flat so far."""
        price = None if self.forming is None else self.forming.close
        found = self.roll(at_ns)
        if self.forming is None and price is not None:
            self.forming, self.whole = Bar.flat(self.window(at_ns), price), True
        return found

    def take(self, bar: Bar) -> list[ClosedBar]:
        """Take a whole bar of history; one that is not newer than the last closed is none."""
        if self.closed and bar.open_ns <= self.closed[-1].open_ns:
            return []
        forming = self.forming
        if forming is None or forming.open_ns < bar.open_ns:
            found = self.roll(bar.open_ns)
        else:
            found = self._fill(bar.open_ns)
            if forming.open_ns == bar.open_ns:
                self.forming = None
        found.append(self._close(bar))
        return found

    @property
    def tainted(self) -> bool:
        """Whether something tainted is still remembered."""
        return self.taint_left > 0 or (self.forming is not None and self.forming.tainted)

    def _fill(self, start: int) -> list[ClosedBar]:
        """Flat bars from the last closed one up to the interval ``start``."""
        if not self.closed:
            return []
        last = self.closed[-1]
        if start - last.open_ns > LONGEST_GAP * self.period_ns:
            self.closed.clear()
            return []
        times = range(last.open_ns + self.period_ns, start, self.period_ns)
        return [self._close(Bar.flat(open_ns, last.close)) for open_ns in times]

    def _close(self, bar: Bar) -> ClosedBar:
        fresh = not self.closed
        self.closed.append(bar)
        if len(self.closed) > self.keep:
            del self.closed[0]
        self.taint_left = TAINT_BARS if bar.tainted else max(self.taint_left - 1, 0)
        return ClosedBar(self.rank, bar, fresh)
