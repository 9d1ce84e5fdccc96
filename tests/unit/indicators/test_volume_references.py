"""Indicators of volume against TA-Lib, Tulip's vectors and worked spreadsheets."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.indicators.adl import Adl
from agents.indicators.bar import Bar
from agents.indicators.close_location import close_location
from agents.indicators.cmf import Cmf
from agents.indicators.obv import Obv
from agents.indicators.relative_volume import RelativeVolume
from agents.indicators.window_deviation import WindowDeviation
from agents.indicators.window_mean import WindowMean
from tests.support.bars import Floats, bars_of, chance_table, column, peeked
from tests.support.needs import require_or_skip
from tests.support.vectors import assert_ends_like, vectors

require_or_skip(importlib.util.find_spec("talib"), "no TA-Lib; it is in requirements/dev.in")
talib = importlib.import_module("talib")

FORGOTTEN = 130
"""Bars after which the seed of a mean of 10 is worth less than 1e-9."""


@cache
def table() -> pd.DataFrame:
    return chance_table(1_500, 21)


def values(*names: str) -> list[Floats]:
    return [table()[name].to_numpy(float) for name in names]


def bars_from(high: Floats, low: Floats, close: Floats, volume: Floats) -> list[Bar]:
    rows = zip(high.tolist(), low.tolist(), close.tolist(), volume.tolist(), strict=True)
    return [Bar(i, c, h, low_, c, v) for i, (h, low_, c, v) in enumerate(rows)]


def sheet(market_data: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(market_data / "reference" / "ta" / f"{name}.csv")


def test_talibs_accumulation_line_its_oscillator_and_on_balance_volume() -> None:
    prices = values("high", "low", "close", "volume")
    views = peeked(Adl(), bars_of(table()))
    np.testing.assert_allclose([v.line for v in views], talib.AD(*prices), rtol=1e-9, atol=1e-9)
    found = column(v.oscillator for v in views)
    assert np.isnan(found[:9]).all()
    assert not np.isnan(found[9:]).any()
    theirs = talib.ADOSC(*prices, fastperiod=3, slowperiod=10)
    np.testing.assert_allclose(found[FORGOTTEN:], theirs[FORGOTTEN:], rtol=1e-9, atol=1e-8)
    # TA-Lib's line starts at the first bar's volume, ours at 0.
    lines = np.array([v.line for v in peeked(Obv(), bars_of(table()))])
    theirs = talib.OBV(*values("close", "volume"))
    np.testing.assert_allclose(lines, theirs - theirs[0], rtol=1e-9, atol=1e-9)


@pytest.mark.needs_market_data
def test_tulips_accumulation_line(market_data: Path) -> None:
    high, low, close, volume, expected = vectors(market_data, "ad")
    found = [v.line for v in peeked(Adl(), bars_from(high, low, close, volume))]
    assert_ends_like(np.array(found), expected, within=1e-3)


@pytest.mark.needs_market_data
def test_tulips_on_balance_volume(market_data: Path) -> None:
    close, volume, expected = vectors(market_data, "obv")
    found = [v.line for v in peeked(Obv(), bars_from(close, close, close, volume))]
    assert_ends_like(np.array(found), expected)


@pytest.mark.needs_market_data
def test_tulips_money_flow(market_data: Path) -> None:
    high, low, close, volume, expected = vectors(market_data, "cmf 21")
    views = peeked(Cmf(flow=WindowMean(period=21)), bars_from(high, low, close, volume))
    found = column(None if v is None else v.value for v in views)
    assert_ends_like(found, expected)


@pytest.mark.needs_market_data
def test_tulips_volume_oscillator_is_our_volume_trend(market_data: Path) -> None:
    volume, expected = vectors(market_data, "vosc 2 5")
    relative = RelativeVolume(short=WindowMean(period=2), middle=WindowMean(period=5))
    found = []
    for bar in bars_from(volume, volume, volume, volume):
        found.append(relative.trend(bar))
        relative.update(bar)
    assert_ends_like(100 * column(found), expected)


@pytest.mark.needs_market_data
def test_tulips_standard_deviation(market_data: Path) -> None:
    given, expected = vectors(market_data, "stddev 5")
    found = peeked(WindowDeviation(period=5), given.tolist())
    assert_ends_like(column(None if f is None else f[1] for f in found), expected)


@pytest.mark.needs_market_data
def test_the_spreadsheet_of_the_accumulation_line(market_data: Path) -> None:
    rows = sheet(market_data, "cs-accum")
    bars = bars_from(*(rows[name].to_numpy(float) for name in ("High", "Low", "Close", "Volume")))
    np.testing.assert_allclose([close_location(b) for b in bars], rows["MF Multiplier"], atol=6e-5)
    np.testing.assert_allclose([v.line for v in peeked(Adl(), bars)], rows["ADLine"], atol=0.01)


@pytest.mark.needs_market_data
def test_the_spreadsheet_of_on_balance_volume(market_data: Path) -> None:
    rows = sheet(market_data, "cs-obv")
    close, volume = rows["Close"].to_numpy(float), rows["Volume"].fillna(0.0).to_numpy(float)
    found = [v.line for v in peeked(Obv(), bars_from(close, close, close, volume))]
    np.testing.assert_allclose(found, rows["OBV"].fillna(0.0), atol=1e-9)


@pytest.mark.needs_market_data
def test_the_spreadsheet_of_vwap_over_14_bars(market_data: Path) -> None:
    rows = sheet(market_data, "cs-vwap")
    bars = bars_from(*(rows[name].to_numpy(float) for name in ("High", "Low", "Close", "Volume")))
    vwap, found = WindowMean(period=14), []
    for bar in bars:
        found.append(vwap.peek(bar.typical, volume=bar.volume))
        vwap.update(bar.typical, volume=bar.volume)
    # The spreadsheet starts with shorter windows.
    np.testing.assert_allclose(column(found)[13:], rows["vwap"].to_numpy(float)[13:], rtol=1e-6)
