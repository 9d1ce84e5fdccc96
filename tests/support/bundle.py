"""The day bundle of 2025-05-22: what the recordings hold of BTC on that day, as messages."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from schemas.frame import NS_PER_S, Backfill, Derivatives, Frame, Known, Quality
from schemas.series import Series, SeriesName
from tests.support.bars import COLUMNS, MINUTE_NS, backfill, kline_table
from tests.support.series import series

KEY = ("binanceusdm", "BTC/USDT:USDT")
DAY_NS = 86_400 * NS_PER_S
START_NS = 1_747_872_000 * NS_PER_S
"""2025-05-22 00:00 UTC."""

STEP_NS = 5 * MINUTE_NS
FUNDING_NS = 8 * 3_600 * NS_PER_S
LIVE_AHEAD = timedelta(hours=7)
"""The rows that were recorded live carry local time, UTC+7; those of history, on the hour, UTC."""

Values = list[tuple[int, float]]


def bundle(
    market_data: Path, *, without: frozenset[str] = frozenset()
) -> Iterator[Frame | Backfill | Series]:
    """The day in steps of five minutes, what was known before it first.

    ``without`` leaves out inputs: ``klines``, ``funding``, ``mark``, ``open_interest``,
    ``fear_greed``. Frames carry the mark and the time of the next funding, and no tape.
    """
    told: dict[str, tuple[SeriesName, Values]] = {
        "funding": (SeriesName.FUNDING_RATE, funding(market_data)),
        "open_interest": (SeriesName.OPEN_INTEREST, open_interest(market_data)),
        "fear_greed": (SeriesName.FEAR_GREED, fear_greed(market_data)),
    }
    values = {name: given for key, (name, given) in told.items() if key not in without}
    marks = [] if "mark" in without else _rows(market_data, "8h-mark")
    klines = kline_table(market_data, "BTC_USDT_USDT-1m")
    if "klines" in without:
        klines = klines[:0]
    before = klines[klines["open_ns"] < START_NS]
    for minutes in (240, 15, 5, 1):
        if len(before):
            yield _history(before, minutes=minutes)
    for close_ns in range(START_NS + STEP_NS, START_NS + DAY_NS + 1, STEP_NS):
        open_ns = START_NS - 30 * DAY_NS if close_ns == START_NS + STEP_NS else close_ns - STEP_NS
        for name, given in values.items():
            due = [(at, value) for at, value in given if open_ns < at <= close_ns]
            if due:
                yield series(name, due, key=KEY)
        new = klines[klines["open_ns"].between(close_ns - STEP_NS, close_ns - 1)]
        if len(new):
            yield _message(new, tuple(new["open_ns"]), MINUTE_NS)
        yield _frame(close_ns, [row for row in marks if row[0] < close_ns])


def funding(market_data: Path) -> Values:
    """Rates as they were paid."""
    return _rows(market_data, "8h-funding_rate")


def open_interest(market_data: Path) -> Values:
    """Rows of history and live ones in one time, the first of each, zeros left out."""
    path = market_data / "derivatives" / "binance_oi_202504_202505.sqlite"
    found: dict[int, float] = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "select timestamp, open_interest from open_interest where symbol = ? order by id",
            ("BTCUSDT",),
        ).fetchall()
    for stamp, value in rows:
        at = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
        if at.minute or at.second or at.microsecond:
            at -= LIVE_AHEAD
        if value > 0.0:
            found.setdefault(_ns(at), value)
    return sorted(found.items())


def fear_greed(market_data: Path) -> Values:
    """The daily index; the hourly one is another index and does not agree with it."""
    with (market_data / "sentiment" / "fear_greed_daily.csv").open() as lines:
        return [
            (_ns(datetime.fromisoformat(row["Date"]).replace(tzinfo=UTC)), float(row["fng_value"]))
            for row in csv.DictReader(lines)
            if row["Date"].startswith("2025-05")
        ]


def _rows(market_data: Path, name: str) -> Values:
    path = market_data / "klines-2025-05" / f"BTC_USDT_USDT-{name}.feather"
    table = pd.read_feather(path)
    rows = zip(table["date"], table["open"], strict=True)
    return [(_ns(date.to_pydatetime()), float(value)) for date, value in rows]


def _ns(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000


def _history(table: pd.DataFrame, *, minutes: int) -> Backfill:
    """Whole bars of the 1m klines before the day, 60 at most."""
    period_ns = minutes * MINUTE_NS
    groups = table.groupby(table["open_ns"] // period_ns * period_ns)
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    bars = groups[COLUMNS].agg(how)[groups.size() == minutes].tail(60)
    return _message(bars, tuple(int(at) for at in bars.index), period_ns)


def _message(bars: pd.DataFrame, opened: tuple[int, ...], period_ns: int) -> Backfill:
    given = backfill(bars, opened, period_ns=period_ns, known_ns=opened[-1] + period_ns)
    return Backfill(*KEY, *[getattr(given, name) for name in Backfill.__struct_fields__[2:]])


def _frame(close_ns: int, marks: Values) -> Frame:
    mark = Known(round(marks[-1][1] * 1e8), 8, marks[-1][0]) if marks else None
    return Frame(
        *KEY,
        1,
        close_ns // STEP_NS,
        close_ns - STEP_NS,
        close_ns,
        True,
        1,
        3,
        derivatives=Derivatives(
            mark_price=mark, next_funding_ns=close_ns - close_ns % FUNDING_NS + FUNDING_NS
        ),
        quality=Quality(),
    )
