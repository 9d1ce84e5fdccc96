"""What the sentiment indicators say: worked examples, plain computations, properties."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.bar import Bar
from agents.indicators.crowd import FOLLOW, crowd_lean, extremity
from agents.indicators.forced_lean import forced_lean
from agents.indicators.forced_periods import ForcedPeriods
from agents.indicators.funding import CALM, EXTREME, FundingRate
from agents.indicators.heard import FIRST_NS, LONGEST_NS, SHORTEST_NS, Heard
from agents.indicators.leverage import OpenPositions, maintenance_reach, margin_used
from agents.indicators.liquidation_run import LEAST, LiquidationRun
from agents.indicators.long_short import LongShortRatio
from agents.indicators.mood import Mood
from agents.indicators.outside_mood import OutsideMood
from agents.indicators.taker_counts import TakerCounts
from agents.indicators.taker_volume import TakerVolume
from schemas.frame import Frame, Liquidations, PositionSide, Trades
from tests.support.bars import bars_of, chance_table

S = 1_000_000_000
HOUR = 3_600 * S
DAY = 24 * HOUR
LONG, SHORT = int(PositionSide.LONG), int(PositionSide.SHORT)
finite = st.floats(-1e6, 1e6)
parts = st.floats(0.0, 1.0)


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
            funding.expect(i * hours * HOUR)
        funding.update(0.0001, 0)
    assert eight.annual == pytest.approx(0.0001 * 3 * 365)
    assert one.annual == pytest.approx(0.0001 * 24 * 365)


def test_settled_rates_tell_the_period_by_their_distance_but_for_holes() -> None:
    funding = FundingRate()
    for at_h in (0, 4, 8, 12, 36):  # two days of 4 h, then a hole
        funding.settle(0.0001, at_h * HOUR + 1_000_000)
    assert funding.period_h == 4.0


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


# --- liquidations


def frame(at_ns: int, *events: tuple[int, int]) -> Frame:
    """A tick with liquidations (side, quantity)."""
    side, qty = zip(*events, strict=True) if events else ((), ())
    forced = Liquidations(side=side, price=(9,) * len(side), qty=qty)
    return Frame("v", "s", 1, 1, at_ns, at_ns, True, 0, 0, liquidations=forced)


@given(
    now=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    before=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)),
    fresh=st.floats(0.0, 100.0),
)
def test_the_lean_of_forced_volume_is_bounded_and_swaps_with_the_sides(
    now: tuple[float, float], before: tuple[float, float], fresh: float
) -> None:
    lean = forced_lean(now, before, fresh=fresh)
    assert -1.0 <= lean <= 1.0
    assert forced_lean(now[::-1], before[::-1], fresh=fresh) == pytest.approx(-lean, abs=1e-12)


@given(shorts=st.floats(0.0, 100.0), more=st.floats(0.0, 100.0), longs=st.floats(0.0, 100.0))
def test_more_forced_shorts_push_further_up_while_the_run_goes_on(
    shorts: float, more: float, longs: float
) -> None:
    less = forced_lean((longs, shorts), (0.0, 0.0), fresh=1.0)
    assert forced_lean((longs, shorts + more), (0.0, 0.0), fresh=1.0) >= less


def calm_day() -> list[Frame]:
    """A day of minutes, on each half-hour a liquidation, the sides in turn."""
    return [
        frame(i * 60 * S, *([((-1) ** (i // 30), 10)] if i % 30 == 0 else [])) for i in range(1_440)
    ]


def test_a_run_of_forced_longs_pushes_down_then_turns_then_is_forgotten() -> None:
    run = LiquidationRun()
    for given_frame in calm_day():
        run.update(given_frame)
    assert abs(run.lean(run.normal) or 0.0) < 0.15
    burst = [frame(DAY + i * 10 * S, (LONG, 60)) for i in range(20)]
    for given_frame in burst:
        run.update(given_frame)
    assert run.now.on
    assert run.exhaustion == 0.0
    peak = run.lean(run.normal) or 0.0
    assert peak < -0.5
    leans = []
    for i in range(1, 24 * 60):
        run.update(frame(DAY + 200 * S + i * 60 * S))
        leans.append(run.lean(run.normal) or 0.0)
    assert peak < leans[5] < 0.0  # still with the run, and weaker
    assert max(leans) > 0.4  # reversal potential once nobody is left
    assert leans.index(max(leans)) in range(20, 120)
    assert abs(leans[-1]) < 0.02
    assert max(abs(b - a) for a, b in itertools.pairwise(leans)) < 0.2  # no jump


def test_the_lean_of_a_run_equals_plain_sums_over_its_events() -> None:
    rng = random.Random(8)
    minutes = [
        [(rng.choice((LONG, SHORT)), rng.randrange(1, 50)) for _ in range(rng.randrange(0, 3) // 2)]
        for _ in range(600)
    ]
    run = LiquidationRun()
    for i, events in enumerate(minutes):
        run.update(frame(i * 60 * S, *events))

    def held(side: int, half_life_s: float) -> float:
        ages = [(60.0 * (599 - i), e) for i, events in enumerate(minutes) for e in events]
        return math.fsum(q * 2.0 ** (-age / half_life_s) for age, (s, q) in ages if s == side)

    sizes = [math.fsum(q for _, q in events) / len(events) for events in minutes if events]
    weight = [(1.0 - 1.0 / 100.0) ** i for i in range(len(sizes))][::-1]
    usual = math.fsum(w * x for w, x in zip(weight, sizes, strict=True)) / math.fsum(weight)
    # The first minute's amount took nobody knows how long: it is no rate.
    fades = [2.0 ** (-60.0 * (599 - i) / 86_400.0) for i in range(600)]
    amounts = [math.fsum(q for _, q in events) for events in minutes]
    total = math.fsum(f * a for f, a in zip(fades[1:], amounts[1:], strict=True))
    memory = 86_400.0 / math.log(2.0)
    rate = total / (memory * (1.0 - 2.0 ** (-60.0 * 599 / 86_400.0)))
    sums, normal = [], []
    for half_life_s in (300.0, 3_600.0):
        normal.append(rate * half_life_s / math.log(2.0) + LEAST * usual)
        sums.append((held(LONG, half_life_s), held(SHORT, half_life_s)))
    pushed = [(b - a) / (b + a + 2.0 * n) for (a, b), n in zip(sums, normal, strict=True)]
    spent = 1.0 - min(sum(sums[0]) / 300.0 / (sum(sums[1]) / 3_600.0), 1.0)
    expected = (1.0 - spent) * pushed[0] - spent * pushed[1]
    assert run.lean(run.normal) == pytest.approx(expected, rel=1e-9)


def test_a_venue_that_tells_of_no_liquidation_is_never_ready() -> None:
    run = LiquidationRun()
    for i in range(3_000):
        run.update(frame(i * 60 * S))
    assert run.lean(run.normal) is None


def told(*days: tuple[float, float]) -> ForcedPeriods:
    periods = ForcedPeriods()
    for i, (longs, shorts) in enumerate(days):
        periods.longs.update(longs, i * DAY)
        periods.shorts.update(shorts, i * DAY)
    return periods


def test_a_day_of_forced_longs_leans_down_and_the_calm_day_after_it_up() -> None:
    quiet = [(1.0, 1.0)] * 20
    during, after = told(*quiet, (30.0, 2.0)), told(*quiet, (30.0, 2.0), (1.0, 1.0))
    assert (during.lean(20 * DAY) or 0.0) < -0.5
    assert (after.lean(21 * DAY) or 0.0) > 0.25
    later = after.lean(22 * DAY)
    assert later == pytest.approx(0.5 * (after.lean(21 * DAY) or 0.0))


def test_periods_without_any_liquidation_are_neutral_and_one_side_alone_is_not_ready() -> None:
    assert told(*[(0.0, 0.0)] * 10).lean(9 * DAY) == 0.0
    half = ForcedPeriods()
    for i in range(10):
        half.longs.update(1.0, i * DAY)
    assert half.lean(9 * DAY) is None


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
    net = np.array([2 * b.bought - b.volume for b in bars])
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
        takers.update_unsided(Bar(i, 5.0, 9.0, 5.0, 7.0, volume=4.0))
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
