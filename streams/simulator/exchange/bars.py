"""Bars of every timeframe of one symbol, made of its trades; before the start, of a made-up past.

All are kept as minutes in day arrays and joined when they are asked for, so that bars of two
timeframes never disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.frame import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
DAY_NS = 1440 * MINUTE_NS
_MINUTES = 1440
_DAYS_KEPT = 8
"""Days of played minutes that are kept; about 100 KB each."""

Minutes: TypeAlias = NDArray[np.float64]
"""Rows of minutes; columns as the values of :class:`Bar` behind its time."""


class Bar(NamedTuple):
    """One bar; ``buy`` is what takers bought, ``quote`` is in units of the quote."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote: float
    trades: float
    buy: float
    buy_quote: float


_COLUMNS = len(Bar._fields) - 1


class Past(Protocol):
    """The minutes before the market started."""

    def day(self, day: int) -> Minutes | None:
        """All minutes of a day since 1970, ``None`` before the first; those not over are NaN."""
        ...


class Bars:
    """Minutes since the start, and the past behind them.

    ``last_price`` is the close of a minute without trades. Memory is bounded: of played minutes
    only the last days are kept.
    """

    def __init__(self, past: Past, *, start_ns: int, price: float) -> None:
        self._past = past
        self._days: dict[int, Minutes] = {}
        self._minute = start_ns // MINUTE_NS
        self._start_day = self._minute // _MINUTES
        self._row = [price] * 4 + [0.0] * (_COLUMNS - 4)
        self._traded = False

    @property
    def last_price(self) -> float:
        """The latest trade's, or where the past ends."""
        return self._row[3]

    def add(self, at_ns: int, *, price: float, qty: float, bought: bool) -> None:
        """Take a trade; times do not step back."""
        self.settle(at_ns)
        row = self._row
        if not self._traded:
            self._traded = True
            row[0] = row[1] = row[2] = price
        row[1] = max(row[1], price)
        row[2] = min(row[2], price)
        row[3] = price
        row[4] += qty
        row[5] += price * qty
        row[6] += 1
        if bought:
            row[7] += qty
            row[8] += price * qty

    def settle(self, now_ns: int) -> None:
        """Close the minutes that are over by now; those without trades repeat the last price."""
        minute = now_ns // MINUTE_NS
        while self._minute < minute:
            self._write()
            self._minute += 1
            self._row = [self._row[3]] * 4 + [0.0] * (_COLUMNS - 4)
            self._traded = False

    def bars(self, timeframe_ns: int, *, first_ns: int, last_ns: int) -> list[Bar]:
        """Bars that open from ``first_ns`` to ``last_ns``; the latest is the one that is not over.

        ``timeframe_ns`` is a number of minutes that divides a day.
        """
        found: list[Bar] = []
        for opened, rows in self._rows(timeframe_ns, first_ns, last_ns):
            for row in _join(rows, timeframe_ns // MINUTE_NS).tolist():
                if first_ns <= opened <= last_ns:
                    found.append(Bar(opened, *row))
                opened += timeframe_ns
        return found

    def sum(self, *, first_ns: int) -> Bar:
        """All minutes that opened since then, as one bar."""
        parts = [rows for _, rows in self._rows(MINUTE_NS, first_ns, self._minute * MINUTE_NS)]
        rows = np.concatenate(parts)
        return Bar(first_ns, *_merge(rows[np.newaxis])[0].tolist())

    def _rows(
        self, timeframe_ns: int, first_ns: int, last_ns: int
    ) -> Iterator[tuple[int, Minutes]]:
        """Minutes of bars that open in between, by day, with the time of the first of each."""
        self._write()
        last_ns = min(last_ns, self._minute * MINUTE_NS)
        for day in range(first_ns // DAY_NS, last_ns // DAY_NS + 1):
            rows = self._day(day)
            if rows is None:
                continue
            begin = max(0, first_ns - day * DAY_NS) // timeframe_ns * timeframe_ns
            end = (last_ns - day * DAY_NS) // timeframe_ns * timeframe_ns + timeframe_ns
            rows = rows[begin // MINUTE_NS : min(end, DAY_NS) // MINUTE_NS]
            yield day * DAY_NS + begin, rows[~np.isnan(rows[:, 0])]

    def _write(self) -> None:
        """The minute that is not over, into its day."""
        day, minute = divmod(self._minute, _MINUTES)
        rows = self._days.get(day)
        if rows is None:
            rows = self._past.day(day) if day == self._start_day else None
            if rows is None:
                rows = np.full((_MINUTES, _COLUMNS), np.nan)
            self._days[day] = rows
            self._days.pop(day - _DAYS_KEPT, None)
        rows[minute] = self._row

    def _day(self, day: int) -> Minutes | None:
        rows = self._days.get(day)
        if rows is None:
            rows = self._past.day(day) if day < self._start_day else None
        return rows


def _join(rows: Minutes, count: int) -> Minutes:
    """Rows of ``count`` minutes each; the last one of those that are left."""
    whole = len(rows) // count * count
    parts = [rows[:whole].reshape(-1, count, _COLUMNS)]
    if whole < len(rows):
        parts.append(rows[whole:].reshape(1, -1, _COLUMNS))
    return np.concatenate([_merge(part) for part in parts])


def _merge(groups: Minutes) -> Minutes:
    merged: Minutes = groups.sum(axis=1)
    if len(groups):
        merged[:, 0] = groups[:, 0, 0]
        merged[:, 1] = groups[:, :, 1].max(axis=1)
        merged[:, 2] = groups[:, :, 2].min(axis=1)
        merged[:, 3] = groups[:, -1, 3]
    return merged
