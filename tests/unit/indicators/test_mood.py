"""Takers, the mood of bars and of the world outside, and what is held on margin."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.bar import Bar
from agents.indicators.leverage import OpenPositions, maintenance_reach, margin_used
from agents.indicators.mood import Mood
from agents.indicators.outside_mood import OutsideMood
from agents.indicators.taker_counts import TakerCounts
from agents.indicators.taker_volume import TakerVolume
from schemas.frame import Frame, Trades
from tests.support.bars import bars_of, chance_table

S = 1_000_000_000
HOUR = 3_600 * S
finite = st.floats(-1e6, 1e6)


# --- takers


def test_balance_and_impact_equal_plain_weighted_sums() -> None:
    table = chance_table(60, 3)
    bars = bars_of(table)
    rng = random.Random(3)
    takers = TakerVolume()
    for bar in bars:
        bar.bought = bar.volume * rng.random()
    for bar in bars[:-1]:
        takers.update(bar)
    balance, impact = takers.peek(bars[-1])
    weight = 0.9 ** np.arange(len(bars))[::-1]
    volume = np.array([b.volume for b in bars])
    net = np.array([2 * (b.bought or 0.0) - b.volume for b in bars])
    way = np.array([b.volume * (b.high - b.low) for b in bars])
    kept = np.array([b.volume * (b.close - b.open) for b in bars])
    assert balance == pytest.approx((weight * net).sum() / (weight * volume).sum(), rel=1e-9)
    assert impact == pytest.approx((weight * kept).sum() / (weight * way).sum(), rel=1e-9)
    assert balance is not None
    assert impact is not None
    assert -1.0 <= balance <= 1.0
    assert -1.0 <= impact <= 1.0


def test_history_without_sides_has_an_impact_and_no_balance() -> None:
    takers = TakerVolume()
    for i in range(12):
        takers.update(Bar(i, 5.0, 9.0, 5.0, 7.0, volume=4.0, bought=None))
    assert takers.peek(None) == (None, 0.5)


def test_trades_are_counted_one_by_one_whatever_their_size() -> None:
    counts = TakerCounts(ready=4)
    tape = Trades(price=(5,) * 4, qty=(1, 1, 1, 900), side=(1, 1, 1, -1), flags=(0,) * 4)
    counts.update(Frame("v", "s", 1, 1, 0, 0, True, 0, 0, trades=tape))
    assert counts.value == 0.5


# --- mood


def test_the_parts_of_the_mood_equal_plain_computations() -> None:
    table = chance_table(200, 6)
    bars = bars_of(table)
    mood = Mood()
    for bar in bars[:-1]:
        mood.update(bar)
    view = mood.peek(bars[-1])
    close, volume = table["close"], table["volume"][:-1]
    ema = float(close[:26].mean())
    for value in close[26:]:
        ema += 2.0 / 27.0 * (float(value) - ema)
    ranges = pd.concat([table["high"], close.shift(1)], axis=1).max(axis=1) - pd.concat(
        [table["low"], close.shift(1)], axis=1
    ).min(axis=1)
    atr = float(ranges[1:15].mean())
    for value in ranges[15:]:
        atr += (float(value) - atr) / 14.0
    means = [float(volume.ewm(alpha=1 / n, adjust=True).mean().iloc[-1]) for n in (5, 20)]
    assert view.trend == pytest.approx(math.tanh((close.iloc[-1] - ema) / (2 * atr)), rel=1e-9)
    assert view.momentum is not None
    expected = view.momentum * means[0] / (means[0] + means[1])
    assert view.volume == pytest.approx(expected, rel=1e-9)
    assert view.lean == pytest.approx(
        0.3 * (view.volatility or 0.0)
        + 0.3 * view.momentum
        + 0.2 * expected
        + 0.2 * (view.trend or 0.0)
    )


@pytest.mark.parametrize(
    ("index", "low", "high"),
    [(50, 0.0, 0.0), (70, 0.3, 0.4), (30, -0.4, -0.3), (98, -1.0, -1.0), (3, 1.0, 1.0)],
)
def test_fear_and_greed_confirm_when_mild_and_warn_when_extreme(
    index: int, low: float, high: float
) -> None:
    outside = OutsideMood()
    outside.fear_greed.update(float(index), 0)
    lean = outside.parts(0)[0][1]
    assert lean is not None
    assert low - 1e-9 <= lean <= high + 1e-9


def test_news_confirm_and_fade_and_what_is_out_of_range_is_held_to_it() -> None:
    outside = OutsideMood()
    outside.news.update(7.0, 0)
    outside.social.update(-9.0, 0)
    assert [lean for _, lean in outside.parts(0)] == [None, 1.0, 1.0]
    assert [lean for _, lean in outside.parts(6 * HOUR)] == [None, 0.5, 0.5]


# --- leverage


@given(interest=st.floats(1.0, 1e12), more=st.floats(1.0, 10.0), volume=st.floats(0.0, 1e12))
def test_leverage_is_bounded_and_grows_with_open_interest(
    interest: float, more: float, volume: float
) -> None:
    found = []
    for last in (interest, interest * more):
        positions = OpenPositions()
        for i in range(5):
            positions.update(interest, i * HOUR)
        positions.update(last, 5 * HOUR)
        found.append(positions.leverage(5 * HOUR, day_volume=volume))
    low, high = found
    assert low is not None
    assert high is not None
    assert 0.0 <= low <= high <= 1.0


@given(
    gap=finite, close=st.floats(1e-3, 1e6), crowd=st.floats(-1, 1), leverage=st.floats(1.1, 125.0)
)
def test_margin_is_used_by_moves_against_the_crowd_alone(
    gap: float, close: float, crowd: float, leverage: float
) -> None:
    used = margin_used(gap, close, crowd=crowd, leverage=leverage)
    assert 0.0 <= used <= 1.0
    if gap * crowd > 0.0:
        assert used == 0.0


@given(day_range=st.floats(0.0, 1e3), more=st.floats(0.0, 1e3), leverage=st.floats(1.1, 100.0))
def test_a_wider_day_and_a_higher_leverage_reach_further_to_the_liquidation(
    day_range: float, more: float, leverage: float
) -> None:
    reach = maintenance_reach(day_range, 1e3, leverage=leverage, rate=0.005)
    wider = maintenance_reach(day_range + more, 1e3, leverage=leverage, rate=0.005)
    bolder = maintenance_reach(day_range, 1e3, leverage=leverage * 1.1, rate=0.005)
    assert 0.0 <= reach <= wider <= 1.0
    assert bolder >= reach
