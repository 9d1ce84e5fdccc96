"""The portfolio's statistics against NumPy over whole series, and their properties."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.execution.account import Account
from agents.execution.portfolio.attribution import UNATTRIBUTED, shared
from agents.execution.portfolio.moments import CoMoments, Moments
from agents.execution.portfolio.risk_parity import covariance, parity_weights
from schemas.frame import NS_PER_S
from schemas.portfolio import Portfolio
from schemas.score import Contribution
from schemas.settings import settings_from
from schemas.signal import SignalKind
from tests.support.messages import frame_at
from tests.unit.execution.test_protection import Desk, of

returns = st.lists(st.floats(-0.2, 0.2, allow_subnormal=False), min_size=3, max_size=60)
PER_YEAR = 365 * 24 * 60


def close(found: float | None, wanted: float) -> bool:
    return found is not None and found == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_sharpe_sortino_and_t_equal_numpys(seed: int) -> None:
    values = np.random.default_rng(seed).normal(1e-4, 1e-3, 500)
    moments = Moments()
    for value in values:
        moments.push(float(value))
    deviation = values.std(ddof=1)
    assert close(moments.sharpe(PER_YEAR), values.mean() / deviation * np.sqrt(PER_YEAR))
    downside = np.sqrt(np.mean(np.minimum(values, 0.0) ** 2))
    assert close(moments.sortino(PER_YEAR), values.mean() / downside * np.sqrt(PER_YEAR))
    assert close(moments.t_statistic(), values.mean() / (deviation / np.sqrt(len(values))))


@pytest.mark.parametrize("seed", range(5))
def test_beta_and_correlation_equal_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    market = rng.normal(0, 1e-3, 300)
    own = 0.7 * market + rng.normal(0, 5e-4, 300)
    pairs = CoMoments()
    for x, y in zip(market, own, strict=True):
        pairs.push(float(x), float(y))
    cov = np.cov(market, own, ddof=1)
    assert close(pairs.slope(), cov[0, 1] / cov[0, 0])
    assert close(pairs.correlation(), np.corrcoef(market, own)[0, 1])


@given(values=returns)
def test_moments_hold_for_any_series(values: list[float]) -> None:
    moments = Moments()
    for value in values:
        moments.push(value)
    assert moments.mean == pytest.approx(np.mean(values), abs=1e-12)
    assert moments.variance == pytest.approx(np.var(values, ddof=1), abs=1e-12)


def test_what_stands_still_has_no_ratio() -> None:
    flat, pairs = Moments(), CoMoments()
    for _ in range(5):
        flat.push(0.0)
        pairs.push(0.0, 1.0)
    assert (flat.sharpe(1), flat.sortino(1), flat.t_statistic()) == (None, None, None)
    assert (pairs.slope(), pairs.correlation()) == (None, None)


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_at_parity_every_position_adds_the_same_risk(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 1, (80, 1)) * rng.normal(0, 1, count)
    series = (common + rng.normal(0, 1, (80, count)) * rng.uniform(0.5, 5, count)) * 1e-3
    found = covariance([[float(v) for v in column] for column in series.T], at_least=60)
    assert found is not None
    np.testing.assert_allclose(found, np.cov(series.T, ddof=1), rtol=1e-9, atol=1e-18)
    weights = np.array(parity_weights(found))
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1.0)
    shares = weights * (np.array(found) @ weights)
    np.testing.assert_allclose(shares, shares.mean(), rtol=1e-5)


def test_of_unrelated_positions_weights_go_by_the_inverse_of_volatility() -> None:
    found = parity_weights([[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 16.0]])
    np.testing.assert_allclose(found, np.array([1 / 2, 1, 1 / 4]) / 1.75, rtol=1e-9)


def test_covariance_needs_enough_intervals_in_which_all_are_known() -> None:
    own = [0.01, None, 0.02, 0.03, -0.01]
    other = [0.5, 0.02, 0.01, 0.02, -0.02]
    assert covariance([own, other], at_least=5) is None
    found = covariance([own, other], at_least=4)
    assert found is not None
    np.testing.assert_allclose(
        found, np.cov([0.01, 0.02, 0.03, -0.01], [0.5, 0.01, 0.02, -0.02], ddof=1), rtol=1e-12
    )
    assert covariance([[0.0] * 9, [0.1, 0.2, 0.3] * 3], at_least=5) is None


contributions = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.floats(-30, 30, allow_subnormal=False)),
    max_size=6, unique_by=lambda pair: pair[0],
)  # fmt: skip


@given(profit=st.decimals("-1e9", "1e9", places=8), parts=contributions)
def test_shares_of_a_profit_sum_to_it_exactly(
    profit: Decimal, parts: list[tuple[str, float]]
) -> None:
    made = [Contribution(name, 60.0, 0.5, value) for name, value in parts]
    found = shared(profit, made)
    total = sum((Fraction(part) for part in found.values()), Fraction(0))
    assert total == Fraction(profit)


def test_who_leaned_against_a_losing_signal_gains_by_it() -> None:
    made = [Contribution("a", 90.0, 0.5, 20.0), Contribution("b", 30.0, 0.5, -10.0)]
    assert shared(Decimal(-5), made) == {"a": Decimal(-10), "b": Decimal(5)}
    short = [Contribution("a", 10.0, 0.5, -20.0), Contribution("b", 70.0, 0.5, 10.0)]
    assert shared(Decimal(5), short) == {"a": Decimal(10), "b": Decimal(-5)}
    assert shared(Decimal(5), []) == {UNATTRIBUTED: Decimal(5)}


def test_a_position_is_told_with_the_mark_that_would_liquidate_it() -> None:
    desk = Desk()
    desk.open(SignalKind.SHORT)
    (told,) = of(Portfolio, desk.step(10_000, after_s=60))
    (position,) = told.positions
    price = position.liquidation_price
    assert price is not None
    loss = (price - 100) * -position.qty
    assert told.equity - loss == pytest.approx(Decimal("0.01") * -position.qty * price)


def test_the_currency_is_that_of_the_account_that_trades() -> None:
    for live, currency in ((False, "USDC"), (True, "USDT")):
        sections = {"live": {"enabled": live}, "paper": {"currency": "USDC"}}
        account = Account(settings_from(sections))
        state = account.initial()
        told = account._portfolio.report(state, frame_at(NS_PER_S), state.equity())
        assert told.currency == currency
