"""Position heat: who is under water, worked by hand and against NumPy."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.position_heat import HeatView, PositionHeat
from schemas.frame import NS_PER_S, Derivatives, Frame, Known

MINUTE = 60 * NS_PER_S
rows_of_samples = st.lists(
    st.tuples(st.integers(900, 1_100), st.integers(100, 200)), min_size=6, max_size=120
)


def heat_of(rows: list[tuple[int, int]], *, bins: int = 24, unit: float = 1.0) -> PositionHeat:
    """One sample a minute, of (open interest, price)."""
    heat = PositionHeat(bins=bins)
    for i, (interest, price) in enumerate(rows):
        heat.sample(i * MINUTE, interest=interest * unit, price=float(price))
    return heat


def view_of(heat: PositionHeat, price: float) -> HeatView:
    assert heat.known_ns is not None
    view = heat.view(price, at_ns=heat.known_ns)
    assert view is not None
    return view


def plain(rows: list[tuple[int, int]], price: float) -> HeatView:
    """The same from whole columns: every opening with all that was left of it in the end."""
    interest, prices = np.array(rows, dtype=float).T
    last = len(rows) - 1
    kept = np.cumprod(np.minimum(interest[1:] / interest[:-1], 1.0)[::-1])[::-1]
    after = np.append(kept[1:], 1.0)  # what later falls left of an opening at each step
    ages = (last - np.arange(1, last + 1)) * 60.0
    weights = np.clip(np.diff(interest), 0.0, None) * after * 0.5 ** (ages / 21_600.0)
    away = price - prices[1:]
    whole = weights.sum()
    if whole <= 0.0:
        return HeatView(0.0, None, 0.0, 0.0, 0.0)
    mean = (away * weights).sum() / whole
    steps, fades = np.abs(np.diff(prices)), 0.99 ** np.arange(last - 1, -1, -1)
    usual = (steps * fades).sum() / fades.sum()
    scale = (np.abs(away - mean) * weights).sum() / whole + usual + 1e-12 * price
    lean = (np.tanh(away / scale) * weights).sum() / (whole + 0.01 * interest[-1])
    above, below = weights[away < 0].sum() / whole, weights[away > 0].sum() / whole
    near = np.abs(prices[1:, None] - prices[None, 1:]) <= usual * (1.0 + 1e-9)
    most = (near * weights).sum(axis=1)[weights > 0.0].max() / whole
    return HeatView(lean, price - mean, above, below, whole / interest[-1], most)


@given(rows=rows_of_samples, price=st.integers(80, 220))
def test_it_equals_a_plain_computation_over_the_whole_history(
    rows: list[tuple[int, int]], price: int
) -> None:
    found, expected = view_of(heat_of(rows, bins=200), price), plain(rows, price)
    for mine, theirs in zip(
        msgspec.structs.astuple(found), msgspec.structs.astuple(expected), strict=True
    ):
        if theirs is None:
            assert mine is None
        else:
            assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-9)


@given(rows=rows_of_samples, price=st.integers(80, 220))
def test_the_mirrored_prices_turn_it_round_whatever_was_merged(
    rows: list[tuple[int, int]], price: int
) -> None:
    one = view_of(heat_of(rows, bins=8), price)
    other = view_of(heat_of([(o, 300 - p) for o, p in rows], bins=8), 300 - price)
    assert other.lean == pytest.approx(-one.lean, abs=1e-9)
    assert other.recent == pytest.approx(one.recent, abs=1e-12)


@given(rows=rows_of_samples, price=st.integers(80, 220), unit=st.floats(1e-3, 1e6))
def test_the_unit_of_open_interest_does_not_matter(
    rows: list[tuple[int, int]], price: int, unit: float
) -> None:
    one, other = view_of(heat_of(rows), price), view_of(heat_of(rows, unit=unit), price)
    assert other.lean == pytest.approx(one.lean, abs=1e-9)


@given(rows=rows_of_samples)
def test_memory_is_bounded_and_entries_lie_among_the_prices(rows: list[tuple[int, int]]) -> None:
    heat = heat_of(rows, bins=8)
    assert len(heat.prices) == len(heat.weights) <= 8
    lowest, highest = min(p for _, p in rows), max(p for _, p in rows)
    assert all(lowest <= price <= highest for price in heat.prices)
    full = heat_of(rows, bins=500)
    assert math.fsum(heat.weights) == pytest.approx(math.fsum(full.weights), rel=1e-9)
    if full.weights and math.fsum(full.weights) > 0:
        one, other = view_of(heat, 150.0), view_of(full, 150.0)
        assert one.entry == pytest.approx(other.entry, rel=1e-9)  # merging keeps the mean


def test_longs_who_bought_above_are_under_water() -> None:
    opened_high = [
        (1_000, 150),
        (1_000, 151),
        (1_050, 150),
        (1_100, 150),
        (1_100, 145),
        (1_100, 140),
    ]
    view = view_of(heat_of(opened_high), 140.0)
    assert view.lean < -0.5
    assert (view.above, view.below) == (1.0, 0.0)
    assert view.entry == pytest.approx(150.0)
    assert view.recent == pytest.approx(100 / 1_100, rel=0.02)
    assert view_of(heat_of(opened_high), 160.0).lean > 0.5


def test_a_fall_of_open_interest_closes_the_same_part_of_everything() -> None:
    rows = [(1_000, 100), (1_100, 100), (1_200, 120), (600, 110)]
    heat = heat_of(rows)
    fade = 0.5 ** (60 / 21_600)
    assert heat.weights == pytest.approx([50 * fade**2, 50 * fade])


def test_without_openings_nobody_is_under_water() -> None:
    view = view_of(heat_of([(1_000 - i, 100 + i) for i in range(8)]), 120.0)
    assert view == HeatView(0.0, None, 0.0, 0.0, 0.0)


def test_it_is_not_ready_at_first_nor_when_values_are_old() -> None:
    rows = [(1_000 + i, 100) for i in range(5)]
    assert heat_of(rows[:4]).view(100.0, at_ns=5 * MINUTE) is None
    heat = heat_of(rows)
    assert heat.view(100.0, at_ns=5 * MINUTE) is not None
    assert heat.view(100.0, at_ns=5 * MINUTE + 7_200 * NS_PER_S) is None


def test_old_and_repeated_values_are_passed_over() -> None:
    heat = heat_of([(1_000 + i, 100) for i in range(5)])
    before = msgspec.msgpack.encode(heat)
    heat.sample(4 * MINUTE, interest=5_000.0, price=100.0)
    heat.sample(4 * MINUTE + NS_PER_S, interest=5_000.0, price=100.0)
    assert msgspec.msgpack.encode(heat) == before


def test_a_value_from_the_future_does_not_hide_those_that_follow() -> None:
    heat = PositionHeat()
    for minute in range(12):
        known_ns = minute * MINUTE + (24 * 60 * MINUTE if minute == 3 else 0)
        given = Derivatives(open_interest=Known(100 + minute, 0, known_ns))
        at_ns = minute * MINUTE
        frame = Frame("v", "s", 0, minute, at_ns - 1, at_ns, True, 0, 0, derivatives=given)
        heat.update(frame, price=10.0)
    assert (heat.known_ns, heat.interest) == (11 * MINUTE, 111.0)


def test_a_frame_without_open_interest_changes_nothing() -> None:
    heat = PositionHeat()
    heat.update(Frame("v", "s", 1, 1, 0, 1, True, 0, 0), price=5.0)
    assert heat == PositionHeat()
    known = Derivatives(open_interest=Known(0, 0, 0))
    heat.update(Frame("v", "s", 1, 1, 0, 1, True, 0, 0, derivatives=known), price=5.0)
    assert heat == PositionHeat()
