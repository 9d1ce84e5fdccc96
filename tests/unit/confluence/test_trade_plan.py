"""Stop and targets: by ATR, else by realised volatility, else none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.trade_plan import trade_plan
from schemas.confluence_settings import SignalsSettings
from schemas.signal import SignalKind, TradePlan

LIMITS = SignalsSettings()


def plan_of(
    kind: SignalKind, *, atr: float | None = None, volatility: float = 0.0, price: float = 100.0
) -> TradePlan | None:
    return trade_plan(kind, price=price, atr=atr, volatility=volatility, settings=LIMITS)


def test_worked_example_with_an_atr() -> None:
    assert plan_of(SignalKind.LONG, atr=2.0, volatility=1.0) == TradePlan(
        97.0, (103.0, 106.0, 109.0), 2.0, "atr_5m"
    )


def test_worked_example_without_an_atr() -> None:
    plan = plan_of(SignalKind.SHORT, volatility=1e-4)
    assert plan is not None
    # 100 * 1e-4 * sqrt(300) * 1.5958 = 0.2764
    assert plan.range_price == pytest.approx(0.27640, abs=1e-5)
    assert plan.stop == pytest.approx(100 + 1.5 * 0.27640, abs=1e-4)
    assert plan.basis == "realised_volatility"


def test_the_range_of_a_random_walk_is_what_the_formula_says() -> None:
    rng, spans = random.Random(3), []
    for _ in range(400):
        at = low = high = 0.0
        for _ in range(1_000):
            at += rng.gauss(0, 1e-4 * math.sqrt(0.3))
            low, high = min(low, at), max(high, at)
        spans.append(high - low)
    plan = plan_of(SignalKind.LONG, volatility=1e-4, price=1.0)
    assert plan is not None
    assert plan.range_price == pytest.approx(sum(spans) / 400, rel=0.06)


def test_an_exit_a_market_that_stands_still_and_a_range_beyond_the_price_have_no_plan() -> None:
    assert plan_of(SignalKind.EXIT, atr=2.0) is None
    assert plan_of(SignalKind.LONG) is None
    assert plan_of(SignalKind.LONG, atr=80.0) is None


@given(
    st.sampled_from([SignalKind.LONG, SignalKind.SHORT]),
    st.none() | st.floats(0, 1e6),
    st.floats(0, 1),
    st.floats(1e-6, 1e6),
)
def test_stop_and_targets_lie_on_their_sides_and_above_zero(
    kind: SignalKind, atr: float | None, volatility: float, price: float
) -> None:
    plan = plan_of(kind, atr=atr, volatility=volatility, price=price)
    if plan is None:
        return
    side = 1 if kind is SignalKind.LONG else -1
    assert side * (price - plan.stop) >= 0
    assert all(side * (target - price) >= 0 and target > 0 for target in plan.targets)
    assert list(plan.targets) == sorted(plan.targets, key=lambda t: side * t)
