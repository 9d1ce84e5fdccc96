"""Regime from the mids: worked examples, hysteresis, and what is not told yet."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.market import MarketState
from agents.confluence.regime import regime_of
from schemas.confluence_settings import RegimeSettings
from schemas.frame import NS_PER_S
from schemas.score import Regime

LIMITS = RegimeSettings()
START_NS = 1_700_000_000 * NS_PER_S


def tell(
    before: Regime | None = None,
    *,
    efficiency: float = 0.0,
    ratio: float = 1.0,
    adx: float | None = None,
) -> Regime:
    return regime_of(
        before, efficiency=efficiency, volatility_ratio=ratio, adx=adx, settings=LIMITS
    )


def sampled(mids: Sequence[float], *, every_s: float = 5.0) -> MarketState:
    state = MarketState()
    for i, mid in enumerate(mids):
        state.sample(mid, START_NS + round(i * every_s * NS_PER_S), LIMITS)
    return state


def test_worked_example() -> None:
    # strength = 0.28 / 0.35 = 0.8 alone; with an ADX of 35 it is sqrt(0.8 * 35 / 25) = 1.06
    assert tell(efficiency=0.28) is Regime.RANGING
    assert tell(efficiency=0.28, adx=35.0) is Regime.TRENDING_UP
    assert tell(efficiency=-0.28, adx=35.0) is Regime.TRENDING_DOWN
    assert tell(efficiency=0.9, ratio=2.0) is Regime.VOLATILE


def test_a_regime_is_kept_down_to_three_quarters_of_what_made_it() -> None:
    up, wild = Regime.TRENDING_UP, Regime.VOLATILE
    assert tell(up, efficiency=0.27) is up  # 0.27 / 0.35 = 0.77
    assert tell(up, efficiency=0.26) is Regime.RANGING
    assert tell(wild, ratio=1.5) is wild
    assert tell(wild, ratio=1.49) is Regime.RANGING


def test_a_high_adx_makes_no_trend_of_a_mid_that_goes_nowhere_nor_turns_one_round() -> None:
    assert tell(efficiency=0.005, adx=60.0) is Regime.RANGING
    assert tell(efficiency=-0.005, adx=60.0) is Regime.RANGING
    up = Regime.TRENDING_UP
    assert tell(up, efficiency=-0.005, adx=60.0) is Regime.RANGING


def test_a_trend_that_turns_round_has_to_make_a_trend_of_its_own() -> None:
    assert tell(Regime.TRENDING_UP, efficiency=-0.3) is Regime.RANGING
    assert tell(Regime.TRENDING_UP, efficiency=-0.35) is Regime.TRENDING_DOWN


def test_an_adx_without_a_direction_makes_no_trend() -> None:
    assert tell(efficiency=0.0, adx=90.0) is Regime.RANGING


@given(
    before=st.none() | st.sampled_from(Regime),
    efficiency=st.floats(-1, 1),
    ratio=st.floats(0, 10),
    adx=st.none() | st.floats(0, 100),
)
def test_a_regime_that_is_told_again_stays(
    before: Regime | None, efficiency: float, ratio: float, adx: float | None
) -> None:
    once = tell(before, efficiency=efficiency, ratio=ratio, adx=adx)
    assert tell(once, efficiency=efficiency, ratio=ratio, adx=adx) is once


@given(before=st.sampled_from(Regime), efficiency=st.floats(-1, 1), ratio=st.floats(0, 10))
def test_a_mirrored_market_has_the_mirrored_regime(
    before: Regime, efficiency: float, ratio: float
) -> None:
    mirror = {Regime.TRENDING_UP: Regime.TRENDING_DOWN, Regime.TRENDING_DOWN: Regime.TRENDING_UP}
    plain = tell(before, efficiency=efficiency, ratio=ratio)
    other = tell(mirror.get(before, before), efficiency=-efficiency, ratio=ratio)
    assert other is mirror.get(plain, plain)


def test_efficiency_and_volatility_agree_with_a_plain_computation() -> None:
    rng = random.Random(1)
    mids = np.exp(np.cumsum([rng.gauss(0, 1e-4) for _ in range(200)])) * 60_000
    state = sampled(list(mids))
    window = mids[-LIMITS.samples - 1 :]
    path = np.abs(np.diff(window)).sum()
    assert state.efficiency() == pytest.approx((window[-1] - window[0]) / path)
    squares, age = np.diff(np.log(mids)) ** 2, np.arange(198, -1, -1) * 5.0
    for told, half_life in ((state.short, 60.0), (state.long, 1800.0)):
        weights = 0.5 ** (age / half_life)
        plain = math.sqrt((weights * squares).sum() / (weights * 5.0).sum())
        assert told.value == pytest.approx(plain)


def test_ticks_between_samples_and_ticks_without_a_price_change_nothing() -> None:
    state = sampled([100.0, 101.0])
    before = msgspec.msgpack.encode(state)
    at_ns = START_NS + 5 * NS_PER_S
    assert not state.sample(102.0, at_ns + 4 * NS_PER_S, LIMITS)
    assert not state.sample(None, at_ns + 60 * NS_PER_S, LIMITS)
    assert msgspec.msgpack.encode(state) == before


def test_the_window_is_bounded_full_after_five_minutes_and_new_after_a_silence() -> None:
    state = sampled([100.0 + i for i in range(60)])
    assert not state.is_ready(LIMITS)
    for i in range(60, 500):
        state.sample(100.0 + i, START_NS + i * 5 * NS_PER_S, LIMITS)
    assert state.is_ready(LIMITS)
    assert len(state.mids) == 61
    state.sample(100.0, START_NS + 2_801 * NS_PER_S, LIMITS)
    assert state.mids == [100.0]


def test_a_single_move_in_a_quiet_market_is_no_trend() -> None:
    quiet = sampled([100.0] * 40 + [100.1] * 40)
    assert quiet.efficiency() == pytest.approx(1 / math.sqrt(60))
    assert tell(efficiency=quiet.efficiency()) is Regime.RANGING


def test_a_market_that_never_moved_is_usual_and_goes_nowhere() -> None:
    state = sampled([100.0] * 80)
    assert (state.volatility_ratio, state.efficiency()) == (1.0, 0.0)


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=70))
def test_any_prices_give_finite_numbers_within_their_range(mids: list[float]) -> None:
    state = sampled(mids)
    assert -1.0 - 1e-9 <= state.efficiency() <= 1.0 + 1e-9
    assert math.isfinite(state.volatility_ratio)
    assert state.volatility_ratio >= 0.0
