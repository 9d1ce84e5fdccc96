"""Bars for tests: made by chance, from klines, and given to indicators one by one."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.indicators.bar import PRICE_SCALE, Bar
from schemas.frame import NS_PER_S, Backfill, Frame, Quality, TradeFlag, Trades

MINUTE_NS = 60 * NS_PER_S
END_NS = 240 * 240 * MINUTE_NS
"""Where histories of every timeframe end."""
Floats = NDArray[np.float64]
COLUMNS = ["open", "high", "low", "close", "volume"]


def chance_table(count: int, seed: int, *, price: float = 1_000.0) -> pd.DataFrame:
    """Bars of a random walk, prices in whole ticks of 0.1, contiguous from time 0."""
    rng = np.random.default_rng(seed)
    close = np.round(price + np.cumsum(rng.normal(0.0, 2.0, count)), 1)
    opened = np.concatenate([[price], close[:-1]])
    high = np.maximum(opened, close) + np.round(rng.exponential(1.0, count), 1)
    low = np.minimum(opened, close) - np.round(rng.exponential(1.0, count), 1)
    volume = rng.exponential(5.0, count)
    return pd.DataFrame(
        {
            "open": opened,
            "high": high.round(1),
            "low": low.round(1),
            "close": close,
            "volume": volume,
        }
    )


def with_takers(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The table with takers' buys by chance, more of them in bars that rise."""
    rng = np.random.default_rng(seed)
    share = rng.beta(8.0, 8.0, len(table)) + 0.1 * np.sign(table["close"] - table["open"])
    return table.assign(bought=table["volume"] * np.clip(share, 0.0, 1.0))


def kline_table(market_data: Path, name: str) -> pd.DataFrame:
    """Klines of the recordings, with ``open_ns``."""
    table = pd.read_feather(market_data / "klines-2025-05" / f"{name}-futures.feather")
    since = table["date"] - pd.Timestamp(0, tz="UTC")
    return table.assign(open_ns=since // pd.Timedelta(1, unit="ns"))


def bars_of(table: pd.DataFrame) -> list[Bar]:
    """One bar per row, in the price units of bars; who took is in the column ``bought``, if any."""
    rows = table[COLUMNS].to_numpy(float).tolist()
    bought = table["bought"].tolist() if "bought" in table else [None] * len(table)
    bars = []
    for i, (*prices, volume) in enumerate(rows):
        o, h, l, c = (float(round(price * PRICE_SCALE)) for price in prices)  # noqa: E741
        bars.append(Bar(i * MINUTE_NS, o, h, l, c, volume, bought[i]))
    return bars


def peeked(indicator: Any, bars: Iterable[Bar]) -> list[Any]:
    """What the indicator peeks of each bar just before it takes it in."""
    found = []
    for bar in bars:
        found.append(indicator.peek(bar))
        indicator.update(bar)
    return found


def column(values: Iterable[float | None], *, unit: float = 1.0) -> Floats:
    """Values as an array, what is not ready as NaN."""
    return np.array([np.nan if v is None else v / unit for v in values])


def history(table: pd.DataFrame, *, minutes: int, start_ns: int = 0) -> Backfill:
    """The table as bars of ``minutes`` from ``start_ns`` on, known when the last one closed."""
    period_ns = minutes * MINUTE_NS
    opened = tuple(start_ns + i * period_ns for i in range(len(table)))
    known_ns = start_ns + len(table) * period_ns
    return backfill(table, opened, period_ns=period_ns, known_ns=known_ns)


def full_history(table: pd.DataFrame) -> list[Backfill]:
    """The table as bars of each timeframe, coarsest first, all ending at ``END_NS``."""
    return [
        history(table, minutes=m, start_ns=END_NS - len(table) * m * MINUTE_NS)
        for m in (240, 15, 5, 1)
    ]


def trending(step: float, count: int = 120) -> pd.DataFrame:
    """A straight way up or down, widening towards its end."""
    close = pd.Series([1_000.0 + step * i * (1 + i / count) for i in range(count)]).round(1)
    opened = close.shift(1, fill_value=1_000.0)
    ends = pd.concat([opened, close], axis=1)
    return pd.DataFrame(
        {
            "open": opened,
            "high": ends.max(axis=1),
            "low": ends.min(axis=1),
            "close": close,
            "volume": 1.0,
        }
    )


def backfill(
    table: pd.DataFrame, opened: tuple[int, ...], *, period_ns: int, known_ns: int
) -> Backfill:
    """The rows of a table as a message; takers' buys are in the column ``bought``, if any."""
    o, h, l, c, v = (tuple(float(x) for x in table[name]) for name in COLUMNS)  # noqa: E741
    key = ("generated", "TEST/USDT", "test")
    bought = tuple(float(x) for x in table["bought"]) if "bought" in table else ()
    return Backfill(*key, known_ns, period_ns, opened, o, h, l, c, v, taker_buy_volume=bought)


def trade_frame(
    at_ns: int, *prices: int, seq: int = 1, flag: TradeFlag | int = 0, is_tick: bool = True
) -> Frame:
    """A frame that closes 1 ms after its trades of 2 each, bought and sold in turn; tick 0.1."""
    count = len(prices)
    sides = tuple(1 if i % 2 == 0 else -1 for i in range(count))
    stamps = (at_ns,) * count
    tape = Trades(stamps, stamps, prices, (2,) * count, sides, tuple(range(count)), (flag,) * count)
    close_ns = at_ns + 1_000_000
    quality = Quality(book_synced=True)
    return Frame(
        "generated", "TEST/USDT", 1, seq, at_ns, close_ns, is_tick, 1, 0, tape, quality=quality
    )


def walk(count: int, seed: int, *, step_ns: int = MINUTE_NS, price: int = 10_000) -> list[Frame]:
    """A trade per step of a random walk, each step a tick."""
    rng = random.Random(seed)
    frames = []
    for i in range(count):
        price += rng.randrange(-9, 10)
        frames.append(trade_frame(i * step_ns, price, price + rng.randrange(3), seq=i + 1))
    return frames
