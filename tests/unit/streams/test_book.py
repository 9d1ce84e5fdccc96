"""The book against plain dicts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import CrossedBook
from schemas.frame import BAND_BPS
from streams.book import BestLevels, Ladder, OrderBook

Levels = list[tuple[int, int]]
levels = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=12)
diffs = st.lists(levels, max_size=12)


@given(diffs, st.sampled_from([1, -1]), st.integers(1, 70))
def test_ladder_holds_what_a_dict_of_levels_holds(
    changes: list[Levels], sign: int, count: int
) -> None:
    ladder = Ladder(sign)
    model: dict[int, int] = {}
    for change in changes:
        ladder.apply(change)
        model = {price: qty for price, qty in (model | dict(change)).items() if qty}
        best_first = sorted(model.items(), reverse=sign > 0)
        prices, quantities = ladder.top(count)
        assert list(zip(prices, quantities, strict=True)) == best_first[:count]
        assert ladder.best() == (best_first[0][0] if model else None)
        assert ladder.best_level() == (best_first[0] if model else (0, 0))


@given(diffs, st.sampled_from([1, -1]))
def test_flows_of_a_complete_side_are_growth_and_shrinkage_of_each_level(
    changes: list[Levels], sign: int
) -> None:
    ladder = Ladder(sign)
    model: dict[int, int] = {}
    added = removed = 0
    for change in changes:
        ladder.apply(change)
        for price, qty in change:
            difference = qty - model.get(price, 0)
            added += max(difference, 0)
            removed += max(-difference, 0)
            model[price] = qty
    assert (ladder.added, ladder.removed) == (added, removed)


@given(diffs, st.integers(1, 60), st.sampled_from([1, -1]))
def test_flows_beyond_the_edge_count_only_from_a_known_quantity_on(
    changes: list[Levels], edge_price: int, sign: int
) -> None:
    ladder = Ladder(sign)
    ladder.replace([(edge_price, 1)], cut=True)
    known: dict[int, int] = {edge_price: 1}
    added = removed = 0
    for change in changes:
        ladder.apply(change)
        for price, qty in change:
            if price in known or sign * price >= sign * edge_price:
                difference = qty - known.get(price, 0)
                added += max(difference, 0)
                removed += max(-difference, 0)
            known[price] = qty
    assert (ladder.added, ladder.removed) == (added, removed)


@given(st.sampled_from([1, -1]), diffs)
def test_levels_that_drop_out_of_the_best_or_come_in_are_no_flow_and_nothing_is_known_beyond(
    sign: int, changes: list[Levels]
) -> None:
    count = 3
    whole: dict[int, int] = {sign * price: 1 for price in (20, 25, 30, 35, 40)}

    def best() -> dict[int, int]:
        return {key: whole[key] for key in sorted(whole, reverse=True)[:count]}

    def reach(levels: dict[int, int]) -> int:
        return min(levels) if len(levels) == count else -1_000

    ladder = BestLevels(sign, count)
    before = best()
    ladder.replace([(sign * key, qty) for key, qty in before.items()], cut=False)
    added = removed = 0
    for change in changes:
        for price, qty in change:
            whole[sign * price] = qty
            if not qty:
                del whole[sign * price]
        now = best()
        told = {
            key: now.get(key, 0) for key in {**before, **now} if now.get(key) != before.get(key)
        }
        ladder.apply([(sign * key, qty) for key, qty in told.items()])
        for key, qty in told.items():
            if key >= max(reach(before), reach(now)):
                added += max(qty - before.get(key, 0), 0)
                removed += max(before.get(key, 0) - qty, 0)
        before = now
        assert ladder.edge == (min(now) if len(now) == count else None)
        assert (ladder.added, ladder.removed) == (added, removed)


# Distances from 10,000 that put levels into, between and right on the limits of the bands.
sides = st.dictionaries(st.integers(1, 300), st.integers(1, 9), min_size=1, max_size=30)


@given(sides, sides, st.booleans())
def test_bands_equal_a_sum_in_rational_numbers(
    below: dict[int, int], above: dict[int, int], cut: bool
) -> None:
    book = OrderBook()
    bid_levels = [(10_000 - distance, below[distance]) for distance in sorted(below)]
    ask_levels = [(10_000 + distance, above[distance]) for distance in sorted(above)]
    if cut:  # equal lengths are what a limit that cut both sides looks like
        count = min(len(bid_levels), len(ask_levels))
        bid_levels, ask_levels = bid_levels[:count], ask_levels[:count]
    elif len(bid_levels) == len(ask_levels):
        bid_levels.append((1, 1))
    book.replace(bid_levels, ask_levels, limits=())
    mid = Fraction(bid_levels[0][0] + ask_levels[0][0], 2)
    bid_bands, ask_bands = book.depth_bands()
    for i, bps in enumerate(BAND_BPS):
        low, high = mid * (1 - Fraction(bps, 10_000)), mid * (1 + Fraction(bps, 10_000))
        known_bids = not cut or low >= bid_levels[-1][0]
        known_asks = not cut or high <= ask_levels[-1][0]
        expected_bids = sum(qty for price, qty in bid_levels if price >= low)
        expected_asks = sum(qty for price, qty in ask_levels if price <= high)
        assert bid_bands[i] == (expected_bids if known_bids else None)
        assert ask_bands[i] == (expected_asks if known_asks else None)


@pytest.mark.parametrize("sign", [1, -1])
def test_level_at_the_edge_itself_is_known(sign: int) -> None:
    ladder = Ladder(sign)
    ladder.replace([(30, 4)], cut=True)
    ladder.apply([(30, 0)])
    ladder.apply([(30, 5)])
    assert (ladder.added, ladder.removed) == (5, 4)


@given(diffs, st.integers(1, 1000), st.integers(1, 1000))
def test_rescaled_book_is_the_book_of_rescaled_levels(
    changes: list[Levels], price_factor: int, qty_factor: int
) -> None:
    before, after = Ladder(-1), Ladder(-1)
    for ladder in (before, after):
        ladder.replace([(30, 1)], cut=True)
    for change in changes:
        before.apply(change)
        before.rescale(1, 1)
        after.apply(change)
    before.rescale(price_factor, qty_factor)
    scaled = Ladder(-1)
    scaled.replace([(30 * price_factor, qty_factor)], cut=True)
    for change in changes:
        scaled.apply([(price * price_factor, qty * qty_factor) for price, qty in change])
    assert before.top(99) == scaled.top(99)
    assert (before.added, before.removed, before.edge) == (
        scaled.added,
        scaled.removed,
        scaled.edge,
    )


@pytest.mark.parametrize(
    ("bid_count", "ask_count", "bids_cut", "asks_cut"),
    [
        (305, 818, False, False),  # shorter than any limit, and unequal: all there is
        (1000, 1000, True, True),
        (305, 1000, False, True),
        (1000, 818, True, False),
        (400, 400, True, True),  # a limit nobody lists, but it cut both
        (0, 100, False, True),
    ],
)
def test_snapshot_side_is_complete_unless_a_limit_may_have_cut_it(
    bid_count: int, ask_count: int, bids_cut: bool, asks_cut: bool
) -> None:
    book = OrderBook()
    book.replace(
        [(10_000 - i, 1) for i in range(bid_count)],
        [(10_001 + i, 1) for i in range(ask_count)],
        limits=(100, 500, 1000),
    )
    assert (book.bids.edge is not None, book.asks.edge is not None) == (bids_cut, asks_cut)


def test_book_with_an_empty_side_has_no_mid_and_no_bands() -> None:
    book = OrderBook()
    book.replace([(10, 1)], [], limits=())
    nothing = (None,) * len(BAND_BPS)
    assert book.depth_bands() == (nothing, nothing)


def test_diff_that_crosses_the_book_is_refused() -> None:
    book = OrderBook()
    book.replace([(10, 1)], [(11, 1)], limits=())
    with pytest.raises(CrossedBook):
        book.apply([(11, 2)], [])


def test_snapshot_replaces_every_level_and_counts_as_no_flow() -> None:
    book = OrderBook()
    book.replace([(10, 1), (9, 1)], [(11, 1)], limits=())
    book.replace([(8, 3)], [(12, 4), (13, 0)], limits=())
    assert book.bids.top(5) == ((8,), (3,))
    assert book.asks.top(5) == ((12,), (4,))
    assert book.bids.added == book.bids.removed == book.asks.added == book.asks.removed == 0
