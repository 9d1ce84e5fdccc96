"""Streaming equals batch: what the technical dimension scores, on a month of klines, in pandas."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.technicals import Technicals, TechnicalView
from tests.support.bars import MINUTE_NS, backfill, column, kline_table
from tests.support.batch import adx, assert_same, ema, lean, resampled, usual, wilder, window_sum

pytestmark = pytest.mark.needs_market_data


@cache
def klines(market_data: Path) -> pd.DataFrame:
    return kline_table(market_data, "BTC_USDT_USDT-1m")


@cache
def streamed(market_data: Path) -> list[list[TechnicalView]]:
    """Views of each timeframe's closed bars, from minutes given as history in batches."""
    bars = MarketBars()
    technicals = [Technicals() for _ in TIMEFRAMES]
    views: list[list[TechnicalView]] = [[] for _ in TIMEFRAMES]
    table = klines(market_data)
    for start in range(0, len(table), 500):
        part = table.iloc[start : start + 500]
        opened = tuple(int(x) for x in part["open_ns"])
        known_ns = opened[-1] + MINUTE_NS
        given = backfill(part, opened, period_ns=MINUTE_NS, known_ns=known_ns)
        for closed in bars.backfill(given):
            technicals[closed.timeframe].update(closed.bar)
            views[closed.timeframe].append(technicals[closed.timeframe].closed)
    return views


@cache
def batch(market_data: Path, rank: int) -> pd.DataFrame:
    """Bars of a timeframe resampled by pandas."""
    return resampled(klines(market_data), TIMEFRAMES[rank][1])


def true_range(bars: pd.DataFrame) -> pd.Series[float]:
    before = bars["close"].shift(1)
    high = pd.concat([bars["high"], before], axis=1).max(axis=1, skipna=False)
    low = pd.concat([bars["low"], before], axis=1).min(axis=1, skipna=False)
    return high - low


every_timeframe = pytest.mark.parametrize("rank", range(4), ids=[name for name, _ in TIMEFRAMES])


@every_timeframe
def test_rsi(market_data: Path, rank: int) -> None:
    change = batch(market_data, rank)["close"].diff()
    gain, loss = wilder(change.clip(lower=0)), wilder((-change).clip(lower=0))
    found = column(v.rsi for v in streamed(market_data)[rank])
    assert_same(found, 100 * gain / (gain + loss))


@every_timeframe
def test_williams_r(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    high, low = bars["high"].rolling(14).max(), bars["low"].rolling(14).min()
    found = column(v.williams_r for v in streamed(market_data)[rank])
    assert_same(found, -100 * (high - bars["close"]) / (high - low), scale=100.0)


@every_timeframe
def test_cci(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3
    windows = np.lib.stride_tricks.sliding_window_view(typical.to_numpy(), 20)
    means = windows.mean(axis=1)
    spread = np.abs(windows - means[:, None]).mean(axis=1)
    cci = pd.Series((windows[:, -1] - means) / (0.015 * spread), index=typical.index[19:])
    found = column(v.cci for v in streamed(market_data)[rank])
    assert_same(found, cci.reindex(typical.index), scale=100.0)


@every_timeframe
def test_macd_and_its_lean(market_data: Path, rank: int) -> None:
    close = batch(market_data, rank)["close"]
    line = ema(close, 12) - ema(close, 26)
    histogram = line - ema(line, 9)
    views = streamed(market_data)[rank]
    assert_same(column((v.macd for v in views), unit=PRICE_SCALE), histogram, scale=10.0)
    expected = lean(histogram, usual(histogram, close), 0.6)
    assert_same(column(v.macd_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_atr_and_its_direction(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    atr = wilder(true_range(bars))
    views = streamed(market_data)[rank]
    assert_same(column((v.atr for v in views), unit=PRICE_SCALE), atr)
    sizes = usual(atr, 0 * bars["close"])
    move = bars["close"].diff(14) / (atr * np.sqrt(14))
    expected = np.tanh(move) / (1 + (sizes / atr) ** 2)
    assert_same(column(v.atr_lean for v in views), expected, scale=1.0)


@every_timeframe
def test_the_awesome_oscillator_and_its_lean(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    median = (bars["high"] + bars["low"]) / 2
    weighted = median * bars["volume"]

    def mean(period: int) -> pd.Series[float]:
        return window_sum(weighted, period) / window_sum(bars["volume"], period)

    value = mean(5) - mean(34)
    change = value.diff()
    size = usual(value, bars["close"])
    parts = (
        (0.5, value / size),
        (0.3, change / usual(change, bars["close"])),
        (0.2, ema(value, 21) / size),
    )
    terms = [weight * lean(part, part * 0 + 1.0, 0.6) for weight, part in parts]
    expected = terms[0] + terms[1] + terms[2]
    views = streamed(market_data)[rank]
    found = column(None if v.ao is None else v.ao.lean for v in views)
    assert_same(found, expected, scale=1.0)
    plain = column((None if v.ao is None else v.ao.value for v in views), unit=PRICE_SCALE)
    assert_same(plain, value.where(expected.notna()), scale=10.0)


@every_timeframe
def test_adx_and_the_position_in_the_bands(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    views = streamed(market_data)[rank]
    assert_same(column(v.adx for v in views), adx(bars))
    windows = np.lib.stride_tricks.sliding_window_view(bars["close"].to_numpy(), 20)
    away = windows[:, -1] - windows.mean(axis=1)
    position = pd.Series(away / (2 * windows.std(axis=1)), index=bars.index[19:])
    found = column(v.band for v in views)
    assert_same(found, position.reindex(bars.index), scale=1.0)
