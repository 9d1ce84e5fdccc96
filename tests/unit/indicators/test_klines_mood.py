"""Streaming equals batch: the bar-based parts of sentiment, on a month of klines, in pandas.

The klines do not tell who took, so the takers' buys are made by chance, by a fixed seed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.mood import Mood, MoodView
from agents.indicators.taker_volume import TakerVolume
from tests.support.bars import MINUTE_NS, backfill, column, kline_table, with_takers
from tests.support.batch import assert_same, ema, resampled, usual, wilder
from tests.unit.indicators.test_klines import true_range

pytestmark = pytest.mark.needs_market_data

every_timeframe = pytest.mark.parametrize("rank", range(4), ids=[name for name, _ in TIMEFRAMES])

Takers = tuple[float | None, float | None]


@cache
def klines(market_data: Path) -> pd.DataFrame:
    return with_takers(kline_table(market_data, "BTC_USDT_USDT-1m"), 5)


@cache
def batch(market_data: Path, rank: int) -> pd.DataFrame:
    return resampled(klines(market_data), TIMEFRAMES[rank][1])


@cache
def streamed(market_data: Path) -> list[list[tuple[MoodView, Takers]]]:
    """What mood and takers say of each timeframe's closed bars, from the whole month's minutes."""
    bars = MarketBars()
    moods = [Mood() for _ in TIMEFRAMES]
    takers = [TakerVolume() for _ in TIMEFRAMES]
    views: list[list[tuple[MoodView, Takers]]] = [[] for _ in TIMEFRAMES]
    table = klines(market_data)
    for start in range(0, len(table), 500):
        part = table.iloc[start : start + 500]
        opened = tuple(int(x) for x in part["open_ns"])
        known_ns = opened[-1] + MINUTE_NS
        given = backfill(part, opened, period_ns=MINUTE_NS, known_ns=known_ns)
        for closed in bars.backfill(given):
            rank = closed.timeframe
            taken = takers[rank].peek(closed.bar)
            moods[rank].update(closed.bar)
            takers[rank].update(closed.bar)
            views[rank].append((moods[rank].closed, taken))
    return views


def parts(market_data: Path, rank: int, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return column(getattr(mood, name) for mood, _ in streamed(market_data)[rank])


def momentum_of(bars: pd.DataFrame) -> pd.Series[float]:
    change = bars["close"].diff()
    gain, loss = wilder(change.clip(lower=0)), wilder((-change).clip(lower=0))
    return 2.0 * gain / (gain + loss) - 1.0


@every_timeframe
def test_momentum_and_volume(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    momentum = momentum_of(bars)
    assert_same(parts(market_data, rank, "momentum"), momentum, scale=1.0)
    short, long = (
        bars["volume"].ewm(alpha=1 / n, adjust=True, min_periods=n).mean().shift(1) for n in (5, 20)
    )
    expected = momentum * short / (short + long)
    assert_same(parts(market_data, rank, "volume"), expected, scale=1.0)


@every_timeframe
def test_volatility_and_trend(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    atr = wilder(true_range(bars))
    found = column((mood.atr for mood, _ in streamed(market_data)[rank]), unit=PRICE_SCALE)
    assert_same(found, atr)
    move = bars["close"].diff(14) / (atr * np.sqrt(14))
    expected = np.tanh(move) / (1 + (usual(atr, 0 * bars["close"]) / atr) ** 2)
    assert_same(parts(market_data, rank, "volatility"), expected, scale=1.0)
    gap = bars["close"] - ema(bars["close"], 26)
    expected = pd.Series(np.tanh(gap / (2 * atr)), index=bars.index)
    assert_same(parts(market_data, rank, "trend"), expected, scale=1.0)


@every_timeframe
def test_balance_of_the_takers_and_their_impact(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    volume = bars["volume"]
    pairs = (
        (2 * bars["bought"] - volume, volume),
        (volume * (bars["close"] - bars["open"]), volume * (bars["high"] - bars["low"])),
    )
    for at, (part, whole) in enumerate(pairs):
        # A weighted mean over another: the weights of both are alike and cancel.
        expected = (
            part.ewm(alpha=0.1, adjust=True).mean() / whole.ewm(alpha=0.1, adjust=True).mean()
        )
        found = column(takers[at] for _, takers in streamed(market_data)[rank])
        assert_same(found, expected.where(bars.index >= 10), scale=1.0)
