"""Streaming equals batch: the price structure on a month of klines, in pandas and NumPy."""

from __future__ import annotations

import itertools
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from agents.indicators.bar import PRICE_SCALE
from agents.indicators.bars import TIMEFRAMES, MarketBars
from agents.indicators.levels import DOUBT
from agents.indicators.order_blocks import OrderBlock
from agents.indicators.structure import Structure, StructureView
from agents.indicators.swings import Swing
from tests.support.bars import MINUTE_NS, backfill, column
from tests.unit.indicators.test_klines import batch, klines
from tests.unit.indicators.test_volume_profile import plain_area, spread_over

pytestmark = pytest.mark.needs_market_data

EVERY = (7, 2, 1, 1)
"""By timeframe: fitted and viewed at every so many of the month's bars. All of them go by."""

every_timeframe = pytest.mark.parametrize("rank", range(4), ids=[name for name, _ in TIMEFRAMES])


class Streamed(NamedTuple):
    """What one timeframe said as its bars closed one by one."""

    end: Structure
    views: list[tuple[int, StructureView]]
    """With the closing bar as the forming one, beside its number."""
    tops: list[Swing]
    bottoms: list[Swing]
    blocks: list[OrderBlock]
    """Whatever was seen once."""


@cache
def streamed(market_data: Path) -> list[Streamed]:
    bars = MarketBars()
    found = [Streamed(Structure(), [], [], [], []) for _ in TIMEFRAMES]
    counts = [0 for _ in TIMEFRAMES]
    table = klines(market_data)
    for start in range(0, len(table), 500):
        part = table.iloc[start : start + 500]
        opened = tuple(int(x) for x in part["open_ns"])
        known_ns = opened[-1] + MINUTE_NS
        given = backfill(part, opened, period_ns=MINUTE_NS, known_ns=known_ns)
        for closed in bars.backfill(given):
            mine, bar = found[closed.timeframe], closed.bar
            number = counts[closed.timeframe]
            if number % EVERY[closed.timeframe] == 0:
                mine.end.refit()
                mine.views.append((number, mine.end.view(bar.close, bar)))
            mine.end.update(bar)
            counts[closed.timeframe] += 1
            for new, known in (
                (mine.end.swings.tops[-1:], mine.tops),
                (mine.end.swings.bottoms[-1:], mine.bottoms),
                (mine.end.blocks.blocks[-1:], mine.blocks),
            ):
                if new and not any(new[0] is old for old in known[-100:]):
                    known.append(new[0])  # type: ignore[arg-type]
    for timeframe in found:
        timeframe.end.refit()
    return found


def ewm(values: pd.Series[float]) -> pd.Series[float]:
    return values.ewm(alpha=1 / 50, adjust=True).mean()


@every_timeframe
def test_vwap_and_its_deviation(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    typical = ((bars["high"] + bars["low"] + bars["close"]) / 3).to_numpy()
    volume = bars["volume"].to_numpy()
    for number, view in streamed(market_data)[rank].views:
        if number < 20:
            assert view.vwap is None
            continue
        last = slice(max(number - 47, 0), number + 1)
        prices, volumes = typical[last], volume[last]
        mean = (prices * volumes).sum() / volumes.sum()
        deviation = np.sqrt((volumes * (prices - mean) ** 2).sum() / volumes.sum())
        assert view.vwap is not None
        assert math.isclose(view.vwap.value / PRICE_SCALE, mean, rel_tol=1e-9)
        assert math.isclose(view.vwap.deviation / PRICE_SCALE, deviation, rel_tol=1e-9)


@every_timeframe
def test_the_profile(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    lows, highs = bars["low"].to_numpy(), bars["high"].to_numpy()
    volumes = bars["volume"].to_numpy()
    seen = tied = 0
    for number, view in streamed(market_data)[rank].views:
        if number < 20:
            assert view.area is None
            continue
        window = slice(max(number - 72, 0), number + 1)
        low_, high_ = lows[window], highs[window]
        if (high_ == low_).any():
            continue  # a bar without a range is dealt with elsewhere
        bottom, top = low_[:-1].min(), high_[:-1].max()
        usual = (high_[:-1] - low_[:-1]).mean()
        count = min(max(int((2 * (top - bottom) / usual).round(9)), 8), 32)
        edges = np.concatenate([[low_.min()], np.linspace(bottom, top, count + 1), [high_.max()]])
        rows = spread_over(edges, low_, high_, volumes[window])
        if np.count_nonzero(rows >= rows.max() * (1 - 1e-9)) > 1:
            tied += 1  # by the textbook there is one point of control
            continue
        low, poc, high = plain_area(rows)
        assert view.area is not None
        area = (view.area.low, view.area.poc, view.area.high)
        expected = (edges[low], (edges[poc] + edges[poc + 1]) / 2, edges[high + 1])
        for found, wanted in zip(area, expected, strict=True):
            assert math.isclose(found / PRICE_SCALE, wanted, rel_tol=1e-9), number
        seen += 1
    assert seen > 3
    assert tied <= 0.01 * seen


def swing_rows(prices: pd.Series[float]) -> NDArray[np.intp]:
    """Numbers of the bars that stand out upwards among three on each side."""
    before = prices.rolling(3).max().shift(1)
    after = prices[::-1].rolling(3).max().shift(1)[::-1]
    return np.flatnonzero((prices > before) & (prices >= after))


@every_timeframe
def test_every_swing_and_its_weight(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    usual = ewm(bars["volume"]).shift(1, fill_value=0.0)
    weight = bars["volume"] / (bars["volume"] + usual)
    found = streamed(market_data)[rank]
    for swings, prices, sign in ((found.tops, bars["high"], 1), (found.bottoms, bars["low"], -1)):
        rows = swing_rows(sign * prices)
        assert len(rows) > 3
        mine = column((swing.price for swing in swings), unit=PRICE_SCALE)
        np.testing.assert_allclose(mine, prices.to_numpy()[rows], rtol=1e-9)
        weights = [swing.weight for swing in swings]
        np.testing.assert_allclose(weights, weight.to_numpy()[rows], rtol=1e-9)


def block_table(bars: pd.DataFrame) -> pd.DataFrame:
    """Every order block, with the number of the bar at which it was found."""
    opened, close, volume = bars["open"], bars["close"], bars["volume"]
    mean = volume.rolling(20, min_periods=1).mean().shift(1, fill_value=0.0)
    usual = ewm(bars["high"] - bars["low"]).shift(-3)
    parts = []
    for side in (1, -1):
        near = bars["high"] if side > 0 else bars["low"]
        after = [side * (close.shift(-k) - near) for k in (1, 2, 3)]
        swing = pd.concat(after, axis=1).max(axis=1)
        here = (side * (close - opened) < 0) & (side * (close - opened).shift(-1) > 0)
        here &= (swing > 0) & (swing >= usual * (1 - 1e-9)) & (after[2] >= 0)
        strength = 0.6 * volume / (volume + mean) + 0.4 * swing / (swing + usual)
        part = pd.DataFrame({"side": side, "strength": strength, "at": bars.index + 3})
        parts.append(part.assign(low=bars["low"], high=bars["high"])[here])
    table = pd.concat(parts).sort_values("at")
    return table[(table["at"] >= 19) & (table["at"] < len(bars))].reset_index(drop=True)


@every_timeframe
def test_every_order_block_and_what_became_of_it(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    expected = block_table(bars)
    found = streamed(market_data)[rank]
    assert len(expected) > 1
    for name, unit in (("side", 1), ("low", PRICE_SCALE), ("high", PRICE_SCALE), ("strength", 1)):
        mine = column((getattr(block, name) for block in found.blocks), unit=unit)
        np.testing.assert_allclose(mine, expected[name], rtol=1e-9)
    left = []
    for at, side, low, high in expected[["at", "side", "low", "high"]].to_numpy().tolist():
        later = bars.iloc[int(at) + 1 :]
        if side > 0:
            broken, visited = later["close"] < low, later["low"] <= high
        else:
            broken, visited = later["close"] > high, later["high"] >= low
        if not broken.any():
            left.append((side, low, high, bool(visited.any())))
    mine_left = [
        (b.side, b.low / PRICE_SCALE, b.high / PRICE_SCALE, b.mitigated)
        for b in found.end.blocks.blocks
    ]
    assert mine_left == left[len(left) - len(mine_left) :]
    assert mine_left or not left


@every_timeframe
def test_the_levels_and_their_lean(market_data: Path, rank: int) -> None:
    bars = batch(market_data, rank)
    volume = bars["volume"]
    weight = volume / (volume + ewm(volume).shift(1, fill_value=0.0))
    parts = []
    for prices, sign in ((bars["high"], 1), (bars["low"], -1)):
        rows = swing_rows(sign * prices)[-10:]
        parts.append(pd.DataFrame({"price": prices.iloc[rows], "weight": weight.iloc[rows]}))
    swings = pd.concat(parts).sort_values("price")
    usual = ewm(bars["high"] - bars["low"]).iloc[-1]
    group = (swings["price"].diff() > 0.25 * usual).cumsum()
    levels = swings.groupby(group).agg(
        price=("price", "mean"), touches=("price", "size"), weight=("weight", "mean")
    )
    strength = 0.6 * levels["touches"] / (levels["touches"] + 2) + 0.4 * levels["weight"]
    mine = streamed(market_data)[rank].end
    assert [level.touches for level in mine.levels] == levels["touches"].tolist()
    found = column((level.price for level in mine.levels), unit=PRICE_SCALE)
    np.testing.assert_allclose(found, levels["price"], rtol=1e-9)
    found = column(level.strength for level in mine.levels)
    np.testing.assert_allclose(found, strength, rtol=1e-9)

    price = bars["close"].iloc[-1]
    away = (price - levels["price"]) / usual
    each = strength / (1 + away.abs() / 4) * (away.abs() / 0.25).clip(upper=1)
    support, resistance = each[away > 0].sum(), each[away <= 0].sum()
    expected = (support - resistance) / (support + resistance + DOUBT)
    lean = mine.view(float(round(price * PRICE_SCALE)), None).levels_lean
    assert lean == pytest.approx(expected, rel=1e-9, abs=1e-9)


@every_timeframe
def test_the_clusters_stand_in_ascending_order_within_the_range(
    market_data: Path, rank: int
) -> None:
    mine = streamed(market_data)[rank].end
    assert mine.clusters is not None
    assert all(a < b for a, b in itertools.pairwise(mine.clusters.centres))
    assert all(-1.0 < centre < 1.0 for centre in mine.clusters.centres)
