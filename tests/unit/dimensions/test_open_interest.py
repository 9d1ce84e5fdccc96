"""Open interest by timeframe, as orderflow tells it."""

from __future__ import annotations

import numpy as np
import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from agents.indicators.open_interest import OpenInterestTrend
from schemas.frame import NS_PER_S, Book, Derivatives, Frame, Known

STEP_S = 5


def told(interest: list[int], mids: list[int]) -> dict[str, float]:
    """Raw values of the trade flow after frames of 5 s with these values of open interest."""
    machine = DimensionMachine(registry.create("orderflow", {}))
    state, raw = machine.initial(), {}
    for i, (known, mid) in enumerate(zip(interest, mids, strict=True)):
        at_ns = (i + 1) * STEP_S * NS_PER_S
        book = Book(i, None, (mid - 1,), (5,), (mid + 1,), (5,))
        derivatives = Derivatives(open_interest=Known(known, 0, at_ns))
        frame = Frame(
            "v", "s", 0, i, at_ns - 1, at_ns, True, 0, 0, book=book, derivatives=derivatives
        )
        score = machine.step(state, frame)
        assert score is not None
        raw = dict(score.components[0].raw)
    return raw


def test_each_timeframe_tells_its_change_and_correlation_once_half_of_it_is_there() -> None:
    rng = np.random.default_rng(3)
    steps = rng.integers(-20, 21, 300)
    interest = (100_000 + np.cumsum(steps)).tolist()
    mids = (5_000 + np.cumsum(steps // 5 + rng.integers(-2, 3, 300))).tolist()
    raw = told(interest, mids)
    for name, window, every in (("1m", 12, 1), ("15m", 180, 12)):
        # Samples lie on a grid from the first, so the newest may be older than the newest value.
        newest = (len(interest) - 1) // every * every
        at = np.arange(newest - window, newest + 1, every)
        held, price = np.array(interest, float)[at], np.array(mids, float)[at]
        assert raw[f"oi_change_{name}"] == pytest.approx(held[-1] / held[0] - 1.0)
        dx, dy = np.diff(held), np.diff(price)
        expected = (dx * dy).sum() / np.sqrt((dx**2).sum() * (dy**2).sum())
        assert raw[f"oi_price_correlation_{name}"] == pytest.approx(expected)
    assert "oi_change_4h" not in raw  # 25 minutes are less than half of it


def test_a_position_that_grows_with_the_price_correlates_fully_on_4h_after_two_hours() -> None:
    count = 2 * 3_600 // STEP_S + 1
    raw = told([100_000 + i for i in range(count)], [5_000 + i for i in range(count)])
    assert raw["oi_price_correlation_4h"] == pytest.approx(1.0)
    assert raw["oi_change_4h"] == pytest.approx((count - 1) / 100_000)


def test_a_value_from_the_future_does_not_hide_those_that_follow() -> None:
    trend = OpenInterestTrend(ready=4)
    book = Book(1, None, (99,), (5,), (101,), (5,))
    for step in range(20):
        at_ns = step * 10 * NS_PER_S
        known_ns = at_ns + (86_400 * NS_PER_S if step == 3 else 0)
        given = Derivatives(open_interest=Known(100 + step, 0, known_ns))
        trend.update(Frame("v", "s", 0, step, 0, at_ns, True, 0, 0, book=book, derivatives=given))
    assert trend.known_ns[-1] == 190 * NS_PER_S
    assert trend.interest_change is not None


def test_without_open_interest_no_timeframe_tells_any() -> None:
    assert not [name for name in told([0] * 30, [5_000] * 30) if name.startswith("oi_")]
