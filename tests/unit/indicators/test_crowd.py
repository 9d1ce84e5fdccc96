"""What the sentiment indicators say: worked examples, plain computations, properties."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.crowd import FOLLOW, crowd_lean, extremity
from agents.indicators.funding import CALM, EXTREME, FundingRate
from agents.indicators.heard import FIRST_NS, LONGEST_NS, SHORTEST_NS, Heard
from agents.indicators.long_short import LongShortRatio

S = 1_000_000_000
HOUR = 3_600 * S
DAY = 24 * HOUR
finite = st.floats(-1e6, 1e6)


# --- a crowd's lean, in its pieces


@given(x=finite, calm=st.floats(0.1, 10.0), wider=st.floats(0.1, 10.0))
def test_a_crowds_lean_is_bounded_and_odd(x: float, calm: float, wider: float) -> None:
    lean = crowd_lean(x, calm=calm, extreme=calm + wider)
    assert -1.0 <= lean <= 1.0
    assert crowd_lean(-x, calm=calm, extreme=calm + wider) == -lean


@pytest.mark.parametrize("edge", [0.0, 1.0, 3.0, -1.0, -3.0])
def test_a_crowds_lean_is_continuous_at_the_edges_of_its_pieces(edge: float) -> None:
    for step in (1e-6, 1e-9):
        around = [crowd_lean(edge + d, calm=1.0, extreme=3.0) for d in (-step, 0.0, step)]
        assert max(around) - min(around) <= 2.0 * step


@given(a=st.floats(0.0, 6.0), b=st.floats(0.0, 6.0))
def test_a_crowds_lean_rises_while_it_is_calm_and_falls_after(a: float, b: float) -> None:
    low, high = sorted((a, b))
    one, other = (crowd_lean(x, calm=1.0, extreme=3.0) for x in (low, high))
    if high <= 1.0:
        assert other >= one
    elif low >= 1.0:
        assert other <= one
    assert extremity(low, calm=1.0, extreme=3.0) <= extremity(high, calm=1.0, extreme=3.0)


def test_a_calm_crowd_confirms_and_an_extreme_one_is_contrarian() -> None:
    leans = [crowd_lean(x, calm=1.0, extreme=3.0) for x in (0.0, 1.0, 1.0 + 4 / 7, 3.0, 8.0)]
    assert leans == pytest.approx([0.0, FOLLOW, 0.0, -1.0, -1.0], abs=1e-12)


# --- values at their own pace


def test_a_value_is_believed_for_three_usual_distances() -> None:
    heard = Heard()
    heard.update(1.0, 0)
    assert heard.fresh(FIRST_NS) == 1.0
    assert heard.fresh(FIRST_NS + 1) is None
    for i in range(1, 10):
        heard.update(float(i), i * HOUR)
    assert heard.fresh(12 * HOUR) == 9.0
    assert heard.fresh(12 * HOUR + 1) is None


@given(gaps=st.lists(st.integers(1, 30 * DAY), min_size=1, max_size=30))
def test_belief_has_its_bounds_whatever_the_pace(gaps: list[int]) -> None:
    heard, at_ns = Heard(), 0
    heard.update(0.0, 0)
    for i, gap in enumerate(gaps):
        at_ns += gap
        assert heard.update(float(i), at_ns)
        assert SHORTEST_NS <= heard.until_ns - at_ns <= LONGEST_NS
    assert not heard.update(-1.0, at_ns)
    assert heard.value == len(gaps) - 1


# --- long/short ratio


def plain_standing(values: list[float], *, kept: float, floor: float) -> list[float]:
    """Distance of each value from the mean of those before, over their mean absolute distance.

    Of values at even distances, from whole sums; the first one tells of no time: it has no weight.
    """
    away: list[float] = []
    found = []
    for i, value in enumerate(values):
        past = np.array(values[1:i])
        weight = kept ** np.arange(len(past))[::-1]
        mean = float((weight * past).sum() / weight.sum()) if len(past) else 0.0
        if len(past) > 1:
            # The second value has no mean to be away from, but its weight counts.
            scale = float((weight[1:] * np.array(away)).sum() / weight.sum()) + floor
            found.append((value - mean) / scale)
        else:
            found.append(math.nan)
        if len(past):
            away.append(abs(value - mean))
    return found


def test_crowding_is_the_distance_from_the_last_week_in_its_own_size() -> None:
    rng = random.Random(4)
    ratios = [math.exp(0.8 + rng.gauss(0.0, 0.2)) for _ in range(60)]
    kept = 2.0 ** (-1.0 / (7 * 24))
    expected = plain_standing([math.log(r) for r in ratios], kept=kept, floor=0.05)
    ratio = LongShortRatio()
    for i, value in enumerate(ratios):
        ratio.update(value, i * HOUR)
        found = ratio.crowding(i * HOUR)
        if i < 4:
            assert found is None
        else:
            assert found == pytest.approx(expected[i], rel=1e-9)


def walked(values: list[float], step_ns: int = HOUR) -> LongShortRatio:
    ratio = LongShortRatio()
    for i, value in enumerate(values):
        ratio.update(value, i * step_ns)
    return ratio


def test_an_ordinary_level_of_mostly_longs_is_no_crowding() -> None:
    steady = walked([2.3] * 100)
    assert steady.lean(99 * HOUR) == pytest.approx(0.0, abs=1e-9)


def test_accounts_that_turn_long_confirm_first_and_warn_in_the_end() -> None:
    base = [2.0 * math.exp(0.1 * (-1) ** i) for i in range(200)]
    little, much = walked([*base, 2.15]), walked([*base, 8.0])
    assert (little.lean(200 * HOUR) or 0.0) > 0.0
    assert (much.lean(200 * HOUR) or 0.0) < 0.0


def test_a_crowd_that_lasts_counts_more_than_one_that_just_came() -> None:
    base = [2.0 * math.exp(0.1 * (-1) ** i) for i in range(200)]
    came, lasted = walked([*base, 8.0]), walked([*base, *[8.0] * 12])
    assert came.persistence < 0.2 < lasted.persistence
    assert lasted.persistence <= 1.0


@given(values=st.lists(st.floats(0.01, 100.0), min_size=8, max_size=40))
def test_the_inverse_ratio_leans_the_other_way(values: list[float]) -> None:
    one, other = walked(values), walked([1.0 / v for v in values])
    a, b = one.lean(len(values) * HOUR), other.lean(len(values) * HOUR)
    assert a is not None
    assert b == pytest.approx(-a, abs=1e-9)
    assert -1.0 <= a <= 1.0


def test_a_ratio_of_zero_is_none() -> None:
    ratio = walked([2.0] * 10)
    ratio.update(0.0, 10 * HOUR)
    assert ratio.heard.value == 2.0


# --- funding


def test_funding_is_told_per_hour_and_year_by_the_period_of_the_venue() -> None:
    eight, one = FundingRate(), FundingRate()
    for hours, funding in ((8, eight), (1, one)):
        for i in range(3):
            funding.expect(i * hours * HOUR, now_ns=(i - 1) * hours * HOUR)
        funding.update(0.0001, 0)
    assert eight.annual == pytest.approx(0.0001 * 3 * 365)
    assert one.annual == pytest.approx(0.0001 * 24 * 365)


def test_settled_rates_tell_the_period_by_their_distance_but_for_holes() -> None:
    funding = FundingRate()
    for at_h in (0, 4, 8, 12, 20, 36):  # half a day of 4 h, then holes
        funding.settle(0.0001, at_h * HOUR + 1_000_000)
    assert funding.period_h == 4.0


def test_funding_times_that_an_outage_hid_do_not_lengthen_the_period() -> None:
    funding = FundingRate()
    for hour in range(30):
        funding.expect((hour + 1) * HOUR, now_ns=hour * HOUR + 1)
        funding.update(0.0000125, hour * HOUR + 1)
    funding.expect(33 * HOUR, now_ns=32 * HOUR + 1)  # 31 and 32 passed unheard
    funding.update(0.0000125, 32 * HOUR + 1)
    assert funding.period_h == 1.0
    assert funding.annual == pytest.approx(0.1095)
    funding.expect(41 * HOUR, now_ns=33 * HOUR + 1)  # told at once: the venue changed it
    assert funding.period_h == 8.0


def test_what_was_annualised_by_an_assumed_period_is_no_momentum_of_what_follows() -> None:
    funding = FundingRate()
    for minute in range(240):
        at_ns = minute * HOUR // 60
        funding.expect((minute // 60 // 4 + 1) * 4 * HOUR, now_ns=at_ns)
        funding.update(0.0001, at_ns)
    assert funding.annual == pytest.approx(0.1095)  # by 8 h, until more is known
    funding.expect(8 * HOUR, now_ns=4 * HOUR)
    assert funding.annual == pytest.approx(0.219)
    for minute in range(240, 300):
        funding.update(0.0001, minute * HOUR // 60)
    assert funding.annual == pytest.approx(0.219)
    assert funding.momentum == pytest.approx(0.0, abs=1e-12)


def test_momentum_and_stability_equal_plain_means() -> None:
    rng = np.random.default_rng(5)
    rates = 1e-4 + np.cumsum(rng.normal(0.0, 2e-5, 80))
    annual = pd.Series(rates / 8.0 * 8_760.0)

    def mean(values: pd.Series, days: float) -> pd.Series:
        return values.ewm(alpha=1.0 - 2.0 ** (-1.0 / (3.0 * days)), adjust=True).mean()

    momentum = annual - mean(annual[1:], 1.0).shift(1)
    acceleration = momentum - mean(momentum[3:], 1.0).shift(1)
    week = mean(annual[1:], 7.0)
    away = (annual - week.shift(1)).abs()[2:]
    kept = 2.0 ** (-1.0 / 21.0)
    count = len(away)
    weight = kept ** np.arange(count)[::-1]
    scale = float((weight * away).sum() / (kept ** np.arange(count + 1)).sum()) + 0.01
    level = abs(float(week.iloc[-1]))

    funding = FundingRate()
    for i, rate in enumerate(rates.tolist()):
        funding.settle(rate, i * 8 * HOUR)
    assert funding.momentum == pytest.approx(float(momentum.iloc[-1]), rel=1e-9)
    assert funding.acceleration == pytest.approx(float(acceleration.iloc[-1]), rel=1e-9)
    assert funding.scale == pytest.approx(scale, rel=1e-9)
    assert funding.stability == pytest.approx(level / (level + scale), rel=1e-9)


def settled(rates: list[float]) -> FundingRate:
    funding = FundingRate()
    for i, rate in enumerate(rates):
        funding.settle(rate, i * 8 * HOUR)
    return funding


@pytest.mark.parametrize("edge", [CALM, EXTREME, -CALM, -EXTREME])
def test_funding_is_continuous_at_the_edges_of_its_pieces(edge: float) -> None:
    def lean(annual: float) -> float:
        funding = FundingRate()
        funding.update(annual / 1_095.0, 0)
        found = funding.lean(0, premium=0.3)
        assert found is not None
        return found

    around = [lean(edge + d) for d in (-1e-9, 0.0, 1e-9)]
    assert max(around) - min(around) < 1e-7


def test_usual_funding_confirms_and_extreme_funding_is_contrarian() -> None:
    leans = [settled([rate] * 30).lean(240 * HOUR, premium=None) for rate in (1e-4, 1e-3, -1e-3)]
    assert leans[0] is not None
    assert 0.0 < leans[0] < FOLLOW
    assert leans[1:] == [-1.0, 1.0]


def test_a_calm_rate_leans_by_its_level_its_momentum_and_the_premium() -> None:
    funding = settled([*[1e-4 + 1e-5 * (-1) ** i for i in range(20)], 1.6e-4])
    momentum, scale = funding.momentum, funding.scale
    assert momentum is not None
    assert scale is not None
    level, moving = 1.6e-4 * 1_095.0 / CALM, math.tanh(0.6 * momentum / scale)
    assert moving > 0.3
    with_premium = FOLLOW * (0.6 * level + 0.25 * moving - 0.15 * 0.5)
    without = FOLLOW * (0.6 * level + 0.25 * moving) / 0.85
    assert funding.lean(160 * HOUR, premium=-0.5) == pytest.approx(with_premium)
    assert funding.lean(160 * HOUR, premium=None) == pytest.approx(without)


@given(rates=st.lists(st.floats(-0.005, 0.005), min_size=8, max_size=30), premium=st.floats(-1, 1))
def test_funding_leans_are_bounded_and_turn_round_with_its_sign(
    rates: list[float], premium: float
) -> None:
    now_ns = len(rates) * 8 * HOUR
    one, other = settled(rates), settled([-rate for rate in rates])
    pairs = (
        (one.lean(now_ns, premium=premium), other.lean(now_ns, premium=-premium)),
        (one.instability(now_ns), other.instability(now_ns)),
    )
    for a, b in pairs:
        assert a is not None
        assert -1.0 <= a <= 1.0
        assert b == pytest.approx(-a, abs=1e-9)


def test_a_steady_rate_has_no_instability_and_a_jump_is_leaned_against() -> None:
    assert settled([1e-4] * 40).instability(320 * HOUR) == pytest.approx(0.0, abs=1e-9)
    jumped = settled([*[1e-4 + 1e-5 * (-1) ** i for i in range(40)], 8e-4])
    assert (jumped.instability(328 * HOUR) or 0.0) < -0.1
