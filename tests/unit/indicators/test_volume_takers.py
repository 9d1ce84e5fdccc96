"""Streaming equals batch on bars that tell who took: Binance's own taker volumes, in pandas.

The database keeps some bars twice (a bar that was read while it formed, and another spelling of its
time), so of each hour the row of most volume counts; the last one may not be whole and is left out.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.indicators.taker_volume import TakerVolume
from agents.indicators.volumes import Volumes, VolumeView
from tests.support.bars import bars_of, column
from tests.support.batch import adx, assert_same, lean, usual, window_sum

pytestmark = pytest.mark.needs_market_data

each_series = pytest.mark.parametrize(
    ("symbol", "timeframe"), [("BTCUSDT", "1h"), ("ETHUSDT", "1h"), ("BTCUSDT", "4h")]
)


@cache
def told_bars(market_data: Path, symbol: str, timeframe: str) -> pd.DataFrame:
    path = market_data / "derivatives" / "binance_oi_202504_202505.sqlite"
    query = (
        "SELECT open_time, open, high, low, close, volume, taker_buy_base_volume AS bought "
        "FROM klines WHERE symbol = ? AND timeframe = ?"
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        rows = pd.read_sql_query(query, database, params=(symbol, timeframe))
    opened = pd.to_datetime(rows["open_time"], format="ISO8601")
    rows = rows.assign(opened=opened).sort_values(["opened", "volume"])
    table = rows.drop_duplicates("opened", keep="last").iloc[:-1].reset_index(drop=True)
    distance = table["opened"].diff().dropna().unique()
    assert list(distance) == [pd.Timedelta(timeframe)]  # no hole
    return table


@cache
def streamed(market_data: Path, symbol: str, timeframe: str) -> list[VolumeView]:
    volumes, views = Volumes(), []
    for bar in bars_of(told_bars(market_data, symbol, timeframe)):
        volumes.update(bar)
        views.append(volumes.closed)
    return views


def drift(changes: pd.Series[float]) -> pd.Series[float]:
    return window_sum(changes, 20) / np.sqrt(window_sum(changes**2, 20))


@each_series
def test_delta_and_its_lean_of_told_takers(market_data: Path, symbol: str, timeframe: str) -> None:
    bars, views = (
        told_bars(market_data, symbol, timeframe),
        streamed(market_data, symbol, timeframe),
    )
    delta = 2 * bars["bought"] - bars["volume"]
    assert (delta > 0).any()
    assert (delta < 0).any()
    ratio = window_sum(delta, 20) / window_sum(bars["volume"], 20)
    assert_same(column(None if v.delta is None else v.delta.ratio for v in views), ratio, scale=1.0)
    standing = ratio / (usual(ratio, 0 * ratio).shift(20) + 1e-3)
    whole = bars.assign(**{name: (bars[name] * 100).round() for name in ("high", "low", "close")})
    expected = lean(standing * (0.5 + adx(whole) / 50), 0 * ratio + 1, 0.6)
    assert expected.notna().sum() > 20
    assert_same(column(v.delta_lean for v in views), expected, scale=1.0)


@each_series
def test_cvd_and_its_divergence_of_told_takers(
    market_data: Path, symbol: str, timeframe: str
) -> None:
    bars, views = (
        told_bars(market_data, symbol, timeframe),
        streamed(market_data, symbol, timeframe),
    )
    delta, change = 2 * bars["bought"] - bars["volume"], bars["close"].diff()
    cvd, price = drift(delta), drift(change)
    lines = [v.divergence for v in views]
    known = price.notna()
    found = column(None if line is None else line.cvd for line in lines)
    assert_same(found, (cvd - price).where(known), scale=1.0)
    found = column(None if line is None else line.bought for line in lines)
    summed = window_sum(delta, 20).where(known)
    assert_same(found, summed, scale=float(summed.abs().mean()))


@each_series
def test_balance_of_told_takers(market_data: Path, symbol: str, timeframe: str) -> None:
    table = told_bars(market_data, symbol, timeframe)
    takers, found = TakerVolume(), []
    for bar in bars_of(table):
        takers.update(bar)
        found.append(takers.peek(None)[0])
    delta, volume = 2 * table["bought"] - table["volume"], table["volume"]
    parts = [x.ewm(alpha=0.1, adjust=True).mean() for x in (delta, volume)]
    expected = (parts[0] / parts[1]).where(np.arange(len(table)) >= 9)
    assert_same(column(found), expected, scale=1.0)
