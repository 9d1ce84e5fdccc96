"""A row of klines, and whether it can be one."""

from __future__ import annotations

import math
from typing import NamedTuple

from schemas.errors import MalformedMessage, OutOfSequence, Repeated


class Kline(NamedTuple):
    """One bar as a file holds it; ``None`` where the file has no such column."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None = None
    taker_buy_volume: float | None = None

    def text(self) -> bytes:
        """The row for a dead letter."""
        return ",".join("" if value is None else str(value) for value in self).encode()


class KlineCheck:
    """Lets bars of one timeframe pass that are sound and newer than the one before.

    ``missing`` counts the bars that were left out between those that passed.
    """

    def __init__(self, timeframe_ns: int) -> None:
        self.missing = 0
        self._timeframe_ns = timeframe_ns
        self._last_ns: int | None = None

    def check(self, row: Kline) -> None:
        """Raise :class:`RejectedInput` for a row that cannot be used."""
        if row.open_ns % self._timeframe_ns:
            raise MalformedMessage("a bar that does not open at a multiple of its timeframe (UTC)")
        _check_numbers(row)
        if self._last_ns is not None:
            if row.open_ns == self._last_ns:
                raise Repeated("a second bar of the same time")
            if row.open_ns < self._last_ns:
                raise OutOfSequence("a bar older than the one before it")
            self.missing += (row.open_ns - self._last_ns) // self._timeframe_ns - 1
        self._last_ns = row.open_ns


def _check_numbers(row: Kline) -> None:
    prices = (row.open, row.high, row.low, row.close)
    taker = row.taker_buy_volume
    if not all(map(math.isfinite, (*prices, row.volume, taker or 0.0))):
        raise MalformedMessage("a price or volume that is no number")
    if row.low <= 0.0:
        raise MalformedMessage("a price that is not above 0")
    if row.low > min(prices) or row.high < max(prices):
        raise MalformedMessage("a low above, or a high below another price")
    if row.volume < 0.0 or (row.trades or 0) < 0:
        raise MalformedMessage("a volume or number of trades below 0")
    if taker is not None and not 0.0 <= taker <= row.volume:
        raise MalformedMessage("more bought by takers than was traded")


class Lengthen:
    """Bars of a timeframe to bars of a longer one that is a multiple of it.

    The first one is given if its interval was seen from the start; one that lacks parts is made of
    those that are there.

    >>> longer = Lengthen(20)
    >>> rows = [Kline(at, 5.0, 6.0, 4.0, 5.0, 1.0) for at in (10, 20, 30)]
    >>> [bar.open_ns for row in rows for bar in longer.add(row, timeframe_ns=10)]
    [20]
    """

    def __init__(self, timeframe_ns: int) -> None:
        self.timeframe_ns = timeframe_ns
        self._bar: Kline | None = None
        self._begun = False

    def add(self, row: Kline, *, timeframe_ns: int) -> list[Kline]:
        """Take the next bar; the longer bars that are over with it."""
        start = row.open_ns - row.open_ns % self.timeframe_ns
        done: list[Kline] = []
        if self._bar is not None and self._bar.open_ns < start:
            done.append(self._bar)
            self._bar = None
        self._begun = self._begun or row.open_ns == start
        if not self._begun:
            return done
        self._bar = row._replace(open_ns=start) if self._bar is None else _joined(self._bar, row)
        if row.open_ns + timeframe_ns == start + self.timeframe_ns:
            done.append(self._bar)
            self._bar = None
        return done


def _joined(bar: Kline, row: Kline) -> Kline:
    trades = None if bar.trades is None or row.trades is None else bar.trades + row.trades
    bought = None
    if bar.taker_buy_volume is not None and row.taker_buy_volume is not None:
        bought = bar.taker_buy_volume + row.taker_buy_volume
    high, low = max(bar.high, row.high), min(bar.low, row.low)
    volume = bar.volume + row.volume
    return Kline(bar.open_ns, bar.open, high, low, row.close, volume, trades, bought)
