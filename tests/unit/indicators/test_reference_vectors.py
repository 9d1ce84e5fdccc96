"""Indicators of bars against worked examples of others: Tulip's vectors and ta's spreadsheets.

Seeding: ours is Wilder's (the simple mean of the first values), as Tulip's RSI, Williams %R, CCI,
Bollinger bands and AO have it. Tulip's ATR counts the first bar's range too, its MACD and ta's RSI
start their means at the first row; those are not ours and are not compared, or only where both
have forgotten their seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.indicators.awesome import AwesomeOscillator
from agents.indicators.bar import Bar
from agents.indicators.bollinger import Bollinger
from agents.indicators.cci import Cci
from agents.indicators.ema import BarEma
from agents.indicators.rsi import Rsi
from agents.indicators.williams_r import WilliamsR
from agents.indicators.window_mean import WindowMean
from tests.support.bars import Floats, column, peeked
from tests.support.vectors import assert_ends_like, vectors

pytestmark = pytest.mark.needs_market_data


def bars_from(high: Floats, low: Floats, close: Floats) -> list[Bar]:
    rows = zip(high.tolist(), low.tolist(), close.tolist(), strict=True)
    return [Bar(i, c, h, low_, c, 1.0) for i, (h, low_, c) in enumerate(rows)]


@pytest.mark.parametrize(
    ("head", "indicator"),
    [
        ("cci 5", Cci(period=5)),
        ("willr 5", WilliamsR(period=5)),
    ],
)
def test_tulips_vectors_of_high_low_and_close(market_data: Path, head: str, indicator: Any) -> None:
    high, low, close, expected = vectors(market_data, head)
    assert_ends_like(column(peeked(indicator, bars_from(high, low, close))), expected)


def test_tulips_rsi(market_data: Path) -> None:
    close, expected = vectors(market_data, "rsi 5")
    means = [BarEma(period=5, wilder=True) for _ in range(2)]
    rsi = Rsi(gains=means[0], losses=means[1])
    assert_ends_like(column(peeked(rsi, bars_from(close, close, close))), expected)


def test_tulips_bollinger_bands(market_data: Path) -> None:
    close, lower, middle, _upper = vectors(market_data, "bbands 5 2")
    found = peeked(Bollinger(period=5), bars_from(close, close, close))
    assert_ends_like(column([None if f is None else f[0] for f in found]), middle)
    assert_ends_like(column([None if f is None else f[0] - 2 * f[1] for f in found]), lower)


def test_tulips_awesome_oscillator(market_data: Path) -> None:
    high, low, expected = vectors(market_data, "ao")
    oscillator = AwesomeOscillator()
    found = []
    for bar in bars_from(high, low, low):
        found.append(oscillator.value_at(bar))
        oscillator.update(bar)
    assert_ends_like(column(found), expected)


@pytest.mark.parametrize(("head", "wilder"), [("wilders 5", True), ("sma 5", None)])
def test_tulips_moving_averages(market_data: Path, head: str, wilder: bool | None) -> None:
    given, expected = vectors(market_data, head)
    mean: Any = WindowMean(period=5) if wilder is None else BarEma(period=5, wilder=wilder)
    found = []
    for value in given.tolist():
        found.append(mean.peek(value))
        mean.update(value)
    assert_ends_like(column(found), expected)


def test_the_spreadsheet_of_cci(market_data: Path) -> None:
    sheet = pd.read_csv(market_data / "reference" / "ta" / "cs-cci.csv")
    prices = [sheet[name].to_numpy(float) for name in ("High", "Low", "Close")]
    found = column(peeked(Cci(), bars_from(*prices)))
    expected = sheet["CCI"].to_numpy(float)
    np.testing.assert_allclose(found[19:], expected[19:], rtol=5e-3, atol=0.05)


def test_the_spreadsheet_of_bollinger_bands(market_data: Path) -> None:
    sheet = pd.read_csv(market_data / "reference" / "ta" / "cs-bbands.csv")
    close = sheet["Close"].to_numpy(float)
    found = peeked(Bollinger(), bars_from(close, close, close))
    upper = column([None if f is None else f[0] + 2 * f[1] for f in found])
    np.testing.assert_allclose(upper[19:], sheet["HighBand"].to_numpy(float)[19:], rtol=1e-6)
