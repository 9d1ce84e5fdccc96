"""Properties of the pure mathematics of indicators, for any input."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agents.indicators.adx import Adx
from agents.indicators.bar import Bar
from agents.indicators.blend import blend, score, squash
from agents.indicators.book_shape import (
    common_reach,
    concentration,
    distance_imbalance,
    fill_cost,
    rank_imbalance,
    walls,
)
from agents.indicators.decay import fade
from agents.indicators.quantile import StepQuantile
from agents.indicators.quotes import rescaled
from agents.indicators.rsi import Rsi
from agents.indicators.standing import Standing
from agents.indicators.williams_r import WilliamsR
from schemas.frame import Book

S = 1_000_000_000
sizes = st.lists(st.integers(1, 10**12), min_size=1, max_size=50)
finite = st.floats(-1e9, 1e9)


@st.composite
def books(draw: st.DrawFn) -> Book:
    bid_qty, ask_qty = draw(sizes), draw(sizes)
    bid = draw(st.integers(1_000, 10**9))
    ask = bid + draw(st.integers(1, 1_000))
    gap = draw(st.integers(1, 20))
    return Book(
        1,
        None,
        tuple(bid - i * gap for i in range(len(bid_qty))),
        tuple(bid_qty),
        tuple(ask + i * gap for i in range(len(ask_qty))),
        tuple(ask_qty),
    )


def flipped(book: Book) -> Book:
    pivot = book.bid_price[0] + book.ask_price[0]
    return Book(
        1,
        None,
        tuple(pivot - p for p in book.ask_price),
        book.ask_qty,
        tuple(pivot - p for p in book.bid_price),
        book.bid_qty,
    )


@given(book=books(), spread=st.floats(0.1, 1e4))
def test_imbalances_stay_in_range_and_turn_round_with_the_book(book: Book, spread: float) -> None:
    for measure in (
        rank_imbalance(book, (5, 20, 50)) + rank_imbalance(flipped(book), (5, 20, 50)),
        distance_imbalance(book, spread) + distance_imbalance(flipped(book), spread),
    ):
        assert measure == pytest.approx(0.0, abs=1e-12)
    assert -1.0 <= rank_imbalance(book, (5, 20, 50)) <= 1.0
    assert -1.0 <= distance_imbalance(book, spread) <= 1.0
    bid, ask, reach = common_reach(book)
    assert common_reach(flipped(book)) == (ask, bid, reach)
    assert 0 < bid <= sum(book.bid_qty)
    assert 0 < ask <= sum(book.ask_qty)


@given(book=books(), quantity=st.floats(1.0, 1e14), factor=st.integers(1, 9))
def test_the_cost_of_an_order_lies_within_the_levels_and_falls_with_depth(
    book: Book, quantity: float, factor: int
) -> None:
    twice = book.bid_price[0] + book.ask_price[0]
    cost = fill_cost(quantity, prices=book.ask_price, quantities=book.ask_qty, twice_mid=twice)
    deeper = fill_cost(
        quantity,
        prices=book.ask_price,
        quantities=[q * factor for q in book.ask_qty],
        twice_mid=twice,
    )
    nearest, farthest = (p - twice / 2 for p in (book.ask_price[0], book.ask_price[-1]))
    assert nearest * (1 - 1e-9) <= cost <= farthest * (1 + 1e-9)
    assert deeper <= cost * (1 + 1e-12)


@given(book=books(), quantity=st.floats(1.0, 1e14))
def test_the_cost_of_an_order_is_that_of_filling_it_level_by_level(
    book: Book, quantity: float
) -> None:
    twice = book.bid_price[0] + book.ask_price[0]
    left, fills = quantity, []
    for price, qty in zip(book.bid_price, book.bid_qty, strict=True):
        fills.append((twice / 2 - price) * min(float(qty), left))
        left -= min(float(qty), left)
    fills.append((twice / 2 - book.bid_price[-1]) * left)
    cost = fill_cost(quantity, prices=book.bid_price, quantities=book.bid_qty, twice_mid=twice)
    assert cost == pytest.approx(math.fsum(fills) / quantity, rel=1e-9)


@given(quantities=sizes, factor=st.integers(1, 1_000))
def test_concentration_is_of_shape_not_of_size(quantities: list[int], factor: int) -> None:
    plain = concentration(quantities)
    assert -1e-12 <= plain <= 1.0 + 1e-12
    assert concentration([q * factor for q in quantities]) == pytest.approx(plain, abs=1e-12)


@given(quantities=sizes, multiple=st.floats(1.5, 20.0))
def test_a_wall_stands_out_from_the_other_levels(quantities: list[int], multiple: float) -> None:
    prices = range(len(quantities))
    found, price, times = walls(prices, quantities, multiple=multiple)
    assert 0 <= found <= len(quantities)
    if found:
        assert quantities[price] == max(quantities)
        assert times >= multiple * (1 - 1e-12)
    elif len(quantities) > 1:
        assert times <= multiple * (1 + 1e-12)


@given(parts=st.lists(st.tuples(st.floats(0.01, 1.0), st.none() | st.floats(-1.0, 1.0))))
def test_a_blend_lies_between_its_parts(parts: list[tuple[float, float | None]]) -> None:
    known = [value for _, value in parts if value is not None]
    whole = blend(parts)
    if not known:
        assert whole is None
    else:
        assert whole is not None
        assert min(known) - 1e-12 <= whole <= max(known) + 1e-12
        mean = score(whole)
        assert mean is not None
        assert 0.0 <= mean <= 100.0


@given(low=finite, high=finite, gain=st.floats(0.01, 10.0))
def test_squashing_keeps_the_order(low: float, high: float, gain: float) -> None:
    assume(low <= high)
    a, b = squash(low, gain=gain), squash(high, gain=gain)
    assert a is not None
    assert b is not None
    assert -1.0 <= a <= b <= 1.0


@given(first=st.integers(0, 10**12), second=st.integers(0, 10**12), half=st.floats(0.1, 1e4))
def test_fading_twice_is_fading_once_for_the_whole_time(
    first: int, second: int, half: float
) -> None:
    assert fade(first, half) * fade(second, half) == pytest.approx(
        fade(first + second, half), rel=1e-9
    )


@given(samples=st.lists(st.floats(1e-6, 1e6), min_size=60, max_size=200), unit=st.floats(1e-3, 1e3))
def test_a_quantile_is_in_the_unit_of_its_samples(samples: list[float], unit: float) -> None:
    plain, other = StepQuantile(), StepQuantile()
    plain.update(samples)
    other.update(s * unit for s in samples)
    assert plain.value is not None
    assert other.steps == plain.steps
    assert other.value == pytest.approx(plain.value * unit, rel=1e-12)


@given(
    past=st.lists(finite, min_size=5, max_size=40),
    low=finite,
    high=finite,
    centred=st.booleans(),
)
def test_a_higher_value_never_stands_lower(
    past: list[float], low: float, high: float, centred: bool
) -> None:
    assume(low <= high)
    results = []
    for last in (low, high):
        standing = Standing(warmup_s=1.0, centred=centred, floor=0.1)
        for i, value in enumerate(past):
            standing.update(value, i * S)
        results.append(standing.update(last, len(past) * S))
    a, b = results
    assert a is not None
    assert b is not None
    assert a <= b


@given(mantissa=st.integers(-(10**9), 10**9), old=st.integers(0, 8), finer=st.integers(0, 8))
def test_a_mantissa_comes_back_from_a_finer_exponent(mantissa: int, old: int, finer: int) -> None:
    there = rescaled(mantissa, old, old + finer)
    assert there == mantissa * 10**finer
    assert rescaled(there, old + finer, old) == mantissa


@given(
    steps=st.lists(st.floats(0.01, 2.0), min_size=29, max_size=40), side=st.sampled_from((1, -1))
)
def test_a_market_that_only_goes_one_way_is_at_the_end_of_every_scale_and_not_beyond(
    steps: list[float], side: int
) -> None:
    rsi, adx, williams = Rsi(), Adx(), WilliamsR()
    price = 500.0
    for step in steps:
        price += side * step
        far = price + step / 3.0 if side < 0 else price - step / 3.0
        bar = Bar(0, far, max(price, far), min(price, far), price)
        strength, trend, place = rsi.peek(bar), adx.peek(bar), williams.peek(bar)
        assert strength is None or 0.0 <= strength <= 100.0
        assert trend is None or 0.0 <= trend <= 100.0
        assert place is None or -100.0 <= place <= 0.0
        for indicator in (rsi, adx, williams):
            indicator.update(bar)


def test_a_standing_in_a_past_that_faded_to_nothing_is_a_number() -> None:
    standing = Standing(half_life_s=1.0, warmup_s=0.0, centred=False)
    assert standing.update(0.0, 0) is None
    standing.update(1e-310, S)
    assert standing.update(-1e9, 2 * S) == -sys.float_info.max
