"""One bar, and how two that follow each other become one."""

from __future__ import annotations

from dataclasses import dataclass

PRICE_SCALE = 10**8
"""Bars count prices in units of 1e-8, held in floats. Such prices are whole numbers and exact up to
9e7 in value, so their differences are exact too; of decimal fractions in floats neither holds."""

ROUNDING = 1e-10
"""Buys less sells below this part of the volume are none: sums of a long bar's trades in floats."""


@dataclass
class Bar:
    """Open, high, low, close (units of 1e-8), volume and the takers' buys of one interval.

    ``bought`` is ``None`` where history does not tell it, and in what holds a part of such a bar.
    ``tainted`` says that it is not what this process saw of the market: it came from history, began
    late, or a trade of it came too late to be counted.

    >>> bar = Bar.flat(0, 3.0)
    >>> bar.merge(Bar(10, 3.0, 5.0, 2.0, 4.0, volume=7.0, bought=1.0, trades=2))
    >>> bar.high, bar.low, bar.close, bar.volume
    (5.0, 2.0, 4.0, 7.0)
    """

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    bought: float | None = 0.0
    trades: int = 0
    tainted: bool = False

    @classmethod
    def flat(cls, open_ns: int, price: float) -> Bar:
        """A bar without a trade."""
        return cls(open_ns, price, price, price, price)

    @property
    def median(self) -> float:
        """Middle of the range."""
        return (self.high + self.low) / 2

    @property
    def typical(self) -> float:
        """Mean of high, low and close."""
        return (self.high + self.low + self.close) / 3

    @property
    def delta(self) -> float | None:
        """Takers' buys less their sells, ``None`` where it is not known who took."""
        if self.bought is None:
            return None
        delta = 2.0 * self.bought - self.volume
        return delta if abs(delta) > ROUNDING * self.volume else 0.0

    def starting(self, open_ns: int) -> Bar:
        """The same bar as the first part of a longer one."""
        return Bar(
            open_ns,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.bought,
            self.trades,
            self.tainted,
        )

    def with_part(self, part: Bar) -> Bar:
        """A new bar: this one with what came after in it, as :meth:`merge` would have it."""
        high, low, bought, more = self.high, self.low, self.bought, part.bought
        if part.high > high:
            high = part.high
        if part.low < low:
            low = part.low
        return Bar(
            self.open_ns,
            self.open,
            high,
            low,
            part.close,
            self.volume + part.volume,
            None if bought is None or more is None else bought + more,
            self.trades + part.trades,
            self.tainted or part.tainted,
        )

    def merge(self, part: Bar) -> None:
        """Take in what came after."""
        self.high = max(self.high, part.high)
        self.low = min(self.low, part.low)
        self.close = part.close
        self.volume += part.volume
        if self.bought is None or part.bought is None:
            self.bought = None
        else:
            self.bought += part.bought
        self.trades += part.trades
        self.tainted = self.tainted or part.tainted
