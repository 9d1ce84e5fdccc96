"""Indicators of bars against TA-Lib, once their seeds are forgotten."""

from __future__ import annotations

import importlib.util
from functools import cache

import numpy as np
import pandas as pd
import pytest

from agents.indicators.adx import Adx
from agents.indicators.atr import Atr
from agents.indicators.awesome import AwesomeOscillator
from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.bollinger import Bollinger
from agents.indicators.candles import HISTORY, patterns
from agents.indicators.cci import Cci
from agents.indicators.ema import BarEma
from agents.indicators.macd import Macd
from agents.indicators.rsi import Rsi
from agents.indicators.williams_r import WilliamsR
from agents.indicators.window_mean import WindowMean
from tests.support.bars import Floats, bars_of, chance_table, column, peeked
from tests.support.needs import require_or_skip

require_or_skip(importlib.util.find_spec("talib"), "no TA-Lib; it is in requirements/dev.in")
talib = importlib.import_module("talib")

FORGOTTEN = 400
"""Bars after which Wilder's seed is worth less than 1e-9, the twice smoothed ADX's too."""


@cache
def table() -> pd.DataFrame:
    return chance_table(1_500, 11)


def bars() -> list[Bar]:
    return bars_of(table())


def values(*names: str) -> list[Floats]:
    return [table()[name].to_numpy(float) for name in names]


def assert_agree(ours: Floats, theirs: Floats, *, since: int, first: int) -> None:
    """Equal to 1e-9 from the bar ``since`` on; ready from the bar ``first`` on and not before."""
    assert np.isnan(ours[:first]).all()
    assert not np.isnan(ours[first:]).any()
    np.testing.assert_allclose(ours[since:], theirs[since:], rtol=1e-9, atol=1e-9)


def test_rsi_has_wilders_seed_and_agrees_from_the_first_bar() -> None:
    ours = column(peeked(Rsi(), bars()))
    assert_agree(ours, talib.RSI(*values("close"), 14), since=14, first=14)


def test_atr_agrees_from_the_first_bar() -> None:
    ours = column(peeked(Atr(), bars()), unit=PRICE_SCALE)
    assert_agree(ours, talib.ATR(*values("high", "low", "close"), 14), since=14, first=14)


def test_adx_agrees_once_its_seed_is_forgotten() -> None:
    ours = column(peeked(Adx(), bars()))
    # Whole ticks: moves up and down of one size must not differ by the rounding of decimals.
    ticks = [np.round(prices * 10) for prices in values("high", "low", "close")]
    theirs = talib.ADX(*ticks, 14)
    assert_agree(ours, theirs, since=FORGOTTEN, first=27)


def test_macd_agrees_once_its_seed_is_forgotten() -> None:
    ours = column(peeked(Macd(), bars()), unit=PRICE_SCALE)
    assert_agree(ours, talib.MACD(*values("close"), 12, 26, 9)[2], since=FORGOTTEN, first=33)


def test_williams_r_agrees() -> None:
    ours = column(peeked(WilliamsR(), bars()))
    assert_agree(ours, talib.WILLR(*values("high", "low", "close"), 14), since=13, first=13)


def test_cci_agrees() -> None:
    ours = column(peeked(Cci(), bars()))
    assert_agree(ours, talib.CCI(*values("high", "low", "close"), 20), since=19, first=19)


def test_bollinger_bands_agree() -> None:
    found = peeked(Bollinger(), bars())
    upper, middle, _ = talib.BBANDS(*values("close"), 20, 2.0, 2.0, 0)
    ours = column([None if b is None else b[0] for b in found], unit=PRICE_SCALE)
    assert_agree(ours, middle, since=19, first=19)
    ours = column([None if b is None else b[0] + 2 * b[1] for b in found], unit=PRICE_SCALE)
    assert_agree(ours, upper, since=19, first=19)


def test_the_plain_awesome_oscillator_is_the_difference_of_two_averages() -> None:
    oscillator = AwesomeOscillator()
    found = []
    for bar in bars():
        bar.volume = 1.0
        found.append(oscillator.value_at(bar))
        oscillator.update(bar)
    median = talib.MEDPRICE(*values("high", "low"))
    theirs = talib.SMA(median, 5) - talib.SMA(median, 34)
    assert_agree(column(found, unit=PRICE_SCALE), theirs, since=33, first=33)


@pytest.mark.parametrize("period", [3, 20])
def test_moving_averages_agree(period: int) -> None:
    (close,) = values("close")
    exponential, simple = BarEma(period=period), WindowMean(period=period)
    found: list[tuple[float | None, float | None]] = []
    for value in close.tolist():
        found.append((exponential.peek(value), simple.peek(value)))
        exponential.update(value)
        simple.update(value)
    ready = period - 1
    assert_agree(column(a for a, _ in found), talib.EMA(close, period), since=ready, first=ready)
    assert_agree(column(b for _, b in found), talib.SMA(close, period), since=ready, first=ready)


CANDLES = {
    "doji": "CDLDOJI",
    "engulfing": "CDLENGULFING",
    "marubozu": "CDLMARUBOZU",
    "harami": "CDLHARAMI",
    "hammer": "CDLHAMMER",
    "hanging_man": "CDLHANGINGMAN",
    "three_white_soldiers": "CDL3WHITESOLDIERS",
    "three_black_crows": "CDL3BLACKCROWS",
}


def candle_table(seed: int) -> pd.DataFrame:
    """Many short bodies and shadows, in whole numbers so that equal sizes are equal."""
    rng = np.random.default_rng(seed)
    count = 20_000
    drift = np.repeat(rng.choice([-4, 0, 4], count // 20), 20)
    close = 100_000 + np.cumsum(rng.integers(-9, 10, count) + drift)
    opened = np.concatenate([[100_000], close[:-1]]) + rng.integers(-3, 4, count)
    above, below = (rng.integers(0, 9, count) * rng.integers(0, 2, count) for _ in range(2))
    high, low = np.maximum(opened, close) + above, np.minimum(opened, close) - below
    whole = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close})
    return whole.astype(float).assign(volume=1.0)


def test_candlestick_patterns_are_those_of_talib() -> None:
    given = candle_table(5)
    prices = [given[name].to_numpy(float) for name in ("open", "high", "low", "close")]
    rows = np.column_stack(prices).tolist()
    candles = [Bar(i, o, h, low, c) for i, (o, h, low, c) in enumerate(rows)]
    windows = [dict(patterns(candles[max(0, i - 15) : i + 1])) for i in range(len(candles))]
    for name, function in CANDLES.items():
        theirs = getattr(talib, function)(*prices)
        ours = [found.get(name, 0) for found in windows]
        differing = np.flatnonzero(np.array(ours[HISTORY:]) != theirs[HISTORY:])
        assert np.count_nonzero(theirs) >= 10, name
        assert differing.size == 0, (name, differing[:3] + HISTORY)
