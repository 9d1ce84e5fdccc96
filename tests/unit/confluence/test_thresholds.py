"""Thresholds that follow the market: worked example, bounds, and every move recorded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.thresholds import Thresholds, poverty, thresholds_in_force
from schemas.confluence_settings import SignalsSettings, ThresholdsSettings

BASE, BOUNDS = SignalsSettings(), ThresholdsSettings()
ratios = st.none() | st.floats(0, 1e9)


def moved(
    volatility: float | None = None,
    volume: float | None = None,
    liquidity: float | None = None,
    base: SignalsSettings = BASE,
) -> Thresholds:
    return thresholds_in_force(
        base, BOUNDS, volatility=volatility, volume=volume, liquidity=liquidity
    )


def test_worked_example() -> None:
    told = moved(volatility=math.sqrt(2.0), volume=0.5, liquidity=4.0)
    # shares: 0.10 * 0.5, 0.05 * 1, 0.05 * 1 (held to 2); 18 and 15 points from 50
    assert (told.long, told.short) == pytest.approx((68 + 18 * 0.15, 35 - 15 * 0.15))
    assert [(m.name, m.ratio) for m in told.moves] == [
        ("volatility", math.sqrt(2.0)),
        ("volume", 0.5),
        ("liquidity", 4.0),
    ]
    assert [m.long_points for m in told.moves] == pytest.approx([0.9, 0.9, 0.9])
    assert [m.short_points for m in told.moves] == pytest.approx([-0.75, -0.75, -0.75])


def test_a_thin_book_is_as_poor_as_a_wide_one() -> None:
    assert poverty(spread=1.0, depth=0.25) == poverty(spread=4.0, depth=1.0) == 2.0
    assert poverty(spread=2.0, depth=2.0) == 1.0
    assert poverty(spread=3.0, depth=None) == 3.0
    assert poverty(spread=None, depth=0.5) is None
    thin = moved(liquidity=poverty(spread=1.0, depth=0.25))
    assert thin.long == pytest.approx(68 + 18 * 0.05)


def test_what_is_not_known_moves_nothing() -> None:
    assert moved() == Thresholds(68.0, 35.0)


@given(ratios, ratios, ratios, st.floats(50, 100), st.floats(0, 50))
def test_moves_are_bounded_add_up_and_keep_to_their_side(
    volatility: float | None,
    volume: float | None,
    liquidity: float | None,
    long: float,
    short: float,
) -> None:
    base = SignalsSettings(long_threshold=long, short_threshold=short)
    told = moved(volatility, volume, liquidity, base)
    assert 50.0 <= told.long <= 100.0
    assert 0.0 <= told.short <= 50.0
    assert abs(told.long - long) <= 0.20 * (long - 50) + 1e-9
    assert abs(told.short - short) <= 0.20 * (50 - short) + 1e-9
    sums = (
        long + math.fsum(m.long_points for m in told.moves),
        short + math.fsum(m.short_points for m in told.moves),
    )
    assert (told.long, told.short) == pytest.approx((min(sums[0], 100.0), max(sums[1], 0.0)))


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_noise_and_dear_spreads_move_thresholds_out_and_volume_moves_them_in(
    a: float, b: float
) -> None:
    low, high = sorted((a, b))
    assert moved(volatility=low).long <= moved(volatility=high).long
    assert moved(liquidity=low).short >= moved(liquidity=high).short
    assert moved(volume=low).long >= moved(volume=high).long
