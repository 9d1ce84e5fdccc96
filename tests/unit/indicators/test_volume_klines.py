"""Streaming equals batch: what the volume dimension scores, on a month of klines, in pandas.

The klines of these minutes do not tell who took, so the takers' buys are made by chance, by a fixed
seed; test_volume_takers holds those that a venue told.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.volumes import Volumes, VolumeView
from tests.support.bars import MINUTE_NS, backfill, column, kline_table, with_takers
from tests.support.batch import (
    adx,
    assert_same,
    ema,
    lean,
    resampled,
    usual,
    window_deviation,
    window_sum,
)

pytestmark = pytest.mark.needs_market_data

every_timeframe = pytest.mark.parametrize("rank", range(4), ids=[name for name, _ in TIMEFRAMES])


@cache
def klines(market_data: Path) -> pd.DataFrame:
    return with_takers(kline_table(market_data, "BTC_USDT_USDT-1m"), 5)


@cache
def streamed(market_data: Path) -> list[list[VolumeView]]:
    """Views of each timeframe's closed bars, from the whole month's minutes in batches."""
    bars = MarketBars()
    volumes = [Volumes() for _ in TIMEFRAMES]
    views: list[list[VolumeView]] = [[] for _ in TIMEFRAMES]
    table = klines(market_data)
    for start in range(0, len(table), 500):
        part = table.iloc[start : start + 500]
        opened = tuple(int(x) for x in part["open_ns"])
        known_ns = opened[-1] + MINUTE_NS
        given = backfill(part, opened, period_ns=MINUTE_NS, known_ns=known_ns)
        for closed in bars.backfill(given):
            volumes[closed.timeframe].update(closed.bar)
            views[closed.timeframe].append(volumes[closed.timeframe].closed)
    return views


@cache
def batch(market_data: Path, rank: int) -> pd.DataFrame:
    """Bars of a timeframe by pandas, prices in whole ticks of 0.1, and what each bar adds up."""
    bars = resampled(klines(market_data), TIMEFRAMES[rank][1])
    o, h, l, c = ((bars[name] * 10).round() for name in ("open", "high", "low", "close"))  # noqa: E741
    width = h - l
    flow = bars["volume"] * ((2 * c - h - l) / width).where(width > 0, 0.0)
    return bars.assign(
        money=flow,
        signed=bars["volume"] * np.sign(c.diff()).fillna(0.0),
        delta=2 * bars["bought"] - bars["volume"],
        body=bars["volume"] * ((c - o) / width).where(width > 0, 0.0),
        traded=bars["volume"] * (h + l + c) / 30,
        change=c.diff(),
    )


def share(bars: pd.DataFrame, name: str, count: int) -> pd.Series[float]:
    return window_sum(bars[name], count) / window_sum(bars["volume"], count)


def drift(changes: pd.Series[float]) -> pd.Series[float]:
    return window_sum(changes, 20) / np.sqrt(window_sum(changes**2, 20))


@every_timeframe
def test_delta_and_its_lean(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    ratio = share(bars, "delta", 20)
    found = column(None if v.delta is None else v.delta.ratio for v in views)
    assert_same(found, ratio, scale=1.0)
    # The yardstick is of windows that share no bar with the present one.
    standing = ratio / (usual(ratio, 0 * ratio).shift(20) + 1e-3)
    expected = lean(standing * (0.5 + adx(bars) / 50), 0 * ratio + 1, 0.6)
    assert_same(column(v.delta_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_adl_its_oscillator_and_its_lean(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    line = bars["money"].cumsum()
    oscillator = ema(line, 3) - ema(line, 10)
    size = float(line.abs().max())
    found = column(None if v.adl is None else v.adl.line for v in views)
    assert_same(found, line, scale=size)
    found = column(None if v.adl is None else v.adl.oscillator for v in views)
    assert_same(found, oscillator, scale=float(oscillator.abs().mean()))
    expected = lean(oscillator, usual(oscillator, bars["volume"]), 0.6)
    assert_same(column(v.adl_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_cmf_smoothed_and_its_lean(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    cmf = share(bars, "money", 20)
    smooth = cmf.ewm(alpha=0.5, adjust=False).mean()
    found = column(None if v.cmf is None else v.cmf.value for v in views)
    assert_same(found, cmf, scale=1.0)
    found = column(None if v.cmf is None else v.cmf.smooth for v in views)
    assert_same(found, smooth, scale=1.0)
    expected = lean(smooth, usual(smooth, 0 * smooth) + 1e-3, 0.6)
    assert_same(column(v.cmf_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_relative_volume_its_lean_trend_and_volatility(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    volume = bars["volume"]
    mean5, mean20 = (window_sum(volume, n) / n for n in (5, 20))
    mean50 = window_sum(volume, 50).shift(5) / 50
    ratio, volatility = mean5 / mean50, window_deviation(volume, 50).shift(5) / mean50
    found = column(None if v.relative is None else v.relative.ratio for v in views)
    assert_same(found, ratio)
    found = column(None if v.relative is None else v.relative.volatility for v in views)
    assert_same(found, volatility)
    assert_same(column(v.trend for v in views), mean5 / mean20 - 1, scale=1.0)
    weight = 1 / (1 + np.exp(-(ratio - 1) / volatility.clip(lower=0.25)))
    direction = share(bars, "body", 5)
    expected = lean(direction, 0 * direction + 1, 2.0) * weight
    found = column(None if v.relative is None else v.relative.lean for v in views)
    assert_same(found, expected, scale=1.0)


@every_timeframe
def test_obv_its_z_score_and_its_lean(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    line = bars["signed"].cumsum()
    found = column(None if v.obv is None else v.obv.line for v in views)
    assert_same(found, line, scale=float(line.abs().max()))
    z = (line - window_sum(line, 50) / 50) / window_deviation(line, 50)
    found = column(None if v.obv is None else v.obv.z for v in views)
    assert_same(found, z, scale=1.0)
    logistic = 1 / (1 + np.exp(-z))
    assert_same(column(v.obv_lean for v in views), 2 * logistic - 1, scale=1.0)


@every_timeframe
def test_divergence_of_each_line_and_the_lean(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    price = drift(bars["change"])
    known = bars["change"].notna()
    lines = {
        "cvd": drift(bars["delta"]).where(price.notna()),
        "obv": drift(bars["signed"].where(known)),
        "adl": drift(bars["money"].where(known)),
    }
    for name, line in lines.items():
        found = column(None if v.divergence is None else getattr(v.divergence, name) for v in views)
        assert_same(found, line - price, scale=1.0)
    apart = 0.5 * (lines["cvd"] + lines["obv"]) - price
    expected = lean(apart, 0 * apart + 1, 0.5)
    assert_same(column(v.divergence_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_vwap(market_data: Path, rank: int) -> None:
    bars, views = batch(market_data, rank), streamed(market_data)[rank]
    found = column((v.vwap for v in views), unit=PRICE_SCALE)
    assert_same(found, share(bars, "traded", 20))
