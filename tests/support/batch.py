"""Plain pandas computations over whole columns, to hold the incremental indicators against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.support.bars import MINUTE_NS, Floats


def resampled(table: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """Bars of ``minutes`` from 1m bars with ``open_ns``; those that lack minutes are dropped."""
    sums = {name: (name, "sum") for name in ("volume", "bought") if name in table}
    whole = table.groupby(table["open_ns"] // (minutes * MINUTE_NS)).agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        count=("close", "size"),
        **sums,
    )
    kept: pd.DataFrame = whole[whole["count"] == minutes].reset_index(drop=True)
    return kept


def wilder(values: pd.Series[float], period: int = 14) -> pd.Series[float]:
    """Wilder's mean with its simple seed, as an exponential mean of the seeded series."""
    known = values.dropna()
    seeded = known.iloc[period - 1 :].copy()
    seeded.iloc[0] = known.iloc[:period].mean()
    return seeded.ewm(alpha=1 / period, adjust=False).mean().reindex(values.index)


def ema(values: pd.Series[float], period: int) -> pd.Series[float]:
    """Exponential mean with the simple one of its first values as seed."""
    known = values.dropna()
    seeded = known.iloc[period - 1 :].copy()
    seeded.iloc[0] = known.iloc[:period].mean()
    return seeded.ewm(span=period, adjust=False).mean().reindex(values.index)


def adx(bars: pd.DataFrame) -> pd.Series[float]:
    """ADX 14 of prices with ticks of 0.1, in whole ones: so equal moves up and down are equal."""
    up = (bars["high"] * 10).round().diff()
    down = -(bars["low"] * 10).round().diff()
    plus = wilder(up.where((up > down) & (up > 0), 0.0).where(up.notna()))
    minus = wilder(down.where((down > up) & (down > 0), 0.0).where(up.notna()))
    return wilder(100 * (plus - minus).abs() / (plus + minus))


def usual(values: pd.Series[float], price: pd.Series[float]) -> pd.Series[float]:
    """Weighted mean size of the values before each, ready after ten of them."""
    sizes = values.dropna().abs()
    past = sizes.ewm(alpha=1 / 100, adjust=True, min_periods=10).mean().shift(1)
    return past.reindex(values.index) + 1e-12 * price


def lean(values: pd.Series[float], scale: pd.Series[float], gain: float) -> pd.Series[float]:
    """``tanh(gain * values / scale)``."""
    return pd.Series(np.tanh(gain * values / scale), index=values.index)


def window_sum(values: pd.Series[float], count: int) -> pd.Series[float]:
    """Sum of the last ``count`` values, each window for itself; of what is known."""
    known = values.dropna()
    windows = np.lib.stride_tricks.sliding_window_view(known.to_numpy(float), count)
    sums = pd.Series(windows.sum(axis=1), index=known.index[count - 1 :])
    return sums.reindex(values.index)


def window_deviation(values: pd.Series[float], count: int) -> pd.Series[float]:
    """Population standard deviation of the last ``count`` values."""
    windows = np.lib.stride_tricks.sliding_window_view(values.to_numpy(float), count)
    return pd.Series(windows.std(axis=1), index=values.index[count - 1 :]).reindex(values.index)


def assert_same(found: Floats, expected: pd.Series[float], *, scale: float = 0.0) -> None:
    """Ready at the same bars, and equal within 1e-9 relative (of ``scale``, near zero)."""
    want = expected.to_numpy(float)
    assert np.array_equal(np.isnan(found), np.isnan(want))
    assert np.count_nonzero(~np.isnan(want)) > 0
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9 * scale)
