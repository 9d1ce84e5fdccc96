"""Risk statistics against plain NumPy and SciPy, and return series against a plain resample."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.execution.risk_state import RiskState
from agents.execution.statistics import (
    correlation,
    deepest_drawdown,
    drawdown,
    portfolio_returns,
    tail,
)
from schemas.execution_settings import RiskSettings
from schemas.frame import NS_PER_S

numbers = st.floats(-0.2, 0.2).map(lambda x: round(x, 6))
series = st.lists(numbers, min_size=30, max_size=120)


@given(series)
def test_value_at_risk_is_the_empirical_quantile_and_shortfall_the_mean_beyond_it(
    profits: list[float],
) -> None:
    found = tail(profits, at_least=30)
    assert found is not None
    n = len(profits)
    ordered = np.sort(np.array(profits))
    for percent, var, es in ((95, found.var95, found.es95), (99, found.var99, found.es99)):
        worst = math.ceil(n * (100 - percent) / 100)
        assert var == -np.quantile(ordered, worst / n, method="inverted_cdf")
        assert es == pytest.approx(-ordered[:worst].mean(), abs=1e-12)
        assert es >= var - 1e-12


def test_too_few_outcomes_have_no_tail() -> None:
    assert tail([0.1] * 29, at_least=30) is None
    assert tail([], at_least=0) is None


@given(series, st.integers(0, 2**32 - 1), st.floats(-2, 2))
def test_correlation_is_pearsons(a: list[float], seed: int, weight: float) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, len(a))
    b = [float(weight * x + e) for x, e in zip(a, noise, strict=True)]
    found = correlation(a, b, at_least=30)
    if np.var(a) < 1e-12:
        return
    assert found == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-9)
    assert found == pytest.approx(correlation(b, a, at_least=30), abs=1e-12)


def test_correlation_lays_series_together_by_their_ends_and_leaves_out_what_is_unknown() -> None:
    a = [9.0, None, 1.0, 2.0, 4.0]
    b = [7.0, 2.0, 3.0, 9.0]
    expected = stats.pearsonr([1.0, 2.0, 4.0], [2.0, 3.0, 9.0]).statistic
    assert correlation(a, b, at_least=3) == pytest.approx(expected, abs=1e-12)
    assert correlation(a, b, at_least=4) is None
    assert correlation([1.0] * 9, list(map(float, range(9))), at_least=3) is None


@given(st.lists(st.lists(numbers, min_size=20, max_size=40), min_size=1, max_size=5))
def test_portfolio_returns_are_the_weighted_sum_of_what_ends_together(
    many: list[list[float]],
) -> None:
    weights = [0.5 - 0.3 * i for i in range(len(many))]
    length = min(map(len, many))
    expected = np.array([one[-length:] for one in many]).T.dot(np.array(weights))
    found = portfolio_returns(weights, many)
    assert found == pytest.approx(list(expected), abs=1e-12)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60))
def test_deepest_drawdown_is_that_of_the_running_maximum(values: list[int]) -> None:
    line = np.array(values, dtype=float)
    expected = (1 - line / np.maximum.accumulate(line)).max()
    found = deepest_drawdown([Decimal(v) for v in values])
    assert float(found) == pytest.approx(expected, abs=1e-12)


def test_drawdown_of_nothing_is_nothing() -> None:
    assert drawdown(Decimal(5), Decimal(0)) == 0
    assert drawdown(Decimal(-5), Decimal(100)) == Decimal("1.05")


LIMITS = RiskSettings(sample_s=10, samples=20, samples_at_least=5)

heard = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from("ab"), st.integers(90, 110)),
    min_size=1,
    max_size=80,
)


@given(heard)
def test_returns_are_those_of_the_last_mids_at_the_boundaries(
    told: list[tuple[int, str, int]],
) -> None:
    state = RiskState(peak=Decimal(1), day_equity=Decimal(1))
    now, log = 1_000, []
    for step, key, mid in told:
        now += step
        state.pass_time(now * NS_PER_S, LIMITS)
        state.heard(key, Decimal(mid), now * NS_PER_S)
        log.append((now, key, mid))
    first = -(-log[0][0] // 10) * 10
    boundaries = range(first, now, 10)
    for key in state.returns:
        mids = [last_mid(log, key, at) for at in boundaries]
        expected = [None if a is None or b is None else b / a - 1.0 for a, b in pairwise(mids)]
        found = state.returns[key]
        assert len(found) <= LIMITS.samples
        tail_ = expected[len(expected) - (len(found) - 1) :] if len(found) > 1 else []
        assert found[1:] == tail_


def last_mid(log: list[tuple[int, str, int]], key: str, at: int) -> int | None:
    """The last mid of the interval that ends at a boundary."""
    known = [mid for time, name, mid in log if name == key and at - 10 < time <= at]
    return known[-1] if known else None


def test_a_long_silence_costs_no_more_than_a_full_window() -> None:
    state = RiskState(peak=Decimal(1), day_equity=Decimal(1))
    state.pass_time(10 * NS_PER_S, LIMITS)
    state.heard("a", Decimal(1), 10 * NS_PER_S)
    state.pass_time(10**9 * NS_PER_S, LIMITS)
    assert state.returns["a"] == [None] * 20
    assert state.boundary_ns == 10**9 * NS_PER_S


def test_the_loss_of_a_day_counts_from_midnight_and_the_fall_from_the_peak() -> None:
    state = RiskState(peak=Decimal(100), day_equity=Decimal(100))
    day_ns = 86_400 * NS_PER_S
    assert state.observe(Decimal(120), 5, LIMITS) is None
    assert state.day_equity == 120
    assert state.observe(Decimal(110), day_ns - 1, LIMITS) is None
    assert (state.peak, state.day_equity) == (Decimal(120), Decimal(120))
    state.observe(Decimal(111), day_ns, LIMITS)
    assert (state.peak, state.day_equity) == (Decimal(120), Decimal(111))
    assert state.observe(Decimal(102), day_ns + 1, LIMITS) == "drawdown: limit 0.15, fallen 0.15"
    assert state.observe(Decimal(500), day_ns + 2, LIMITS) is None
    assert state.halted == "drawdown: limit 0.15, fallen 0.15"
    state.resume(Decimal(90))
    assert (state.halted, state.peak) == ("", Decimal(90))
