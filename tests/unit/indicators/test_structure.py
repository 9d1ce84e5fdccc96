"""Swings, levels, order blocks and VWAP in small markets that a reader can follow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.bar import Bar
from agents.indicators.levels import DOUBT, Level, align, lean_of, levels_of
from agents.indicators.order_blocks import OrderBlock, OrderBlocks
from agents.indicators.structure import Structure
from agents.indicators.swings import Swing, SwingPoints
from agents.indicators.vwap import Vwap, VwapView, vwap_score
from tests.support.bars import bars_of, chance_table

PIVOT = 4_000.0 * 10**8


def mirrored(bar: Bar) -> Bar:
    o, h, l, c = (PIVOT - price for price in (bar.open, bar.low, bar.high, bar.close))  # noqa: E741
    return Bar(bar.open_ns, o, h, l, c, bar.volume)


def swings_of(*prices: float) -> SwingPoints:
    points = SwingPoints(wing=2)
    for price in prices:
        points.update(Bar.flat(0, price))
    return points


def test_a_swing_is_known_when_its_wing_is_over_and_never_changes() -> None:
    assert swings_of(1, 2, 5, 3).tops == []
    known = swings_of(1, 2, 5, 3, 2)
    assert [swing.price for swing in known.tops] == [5.0]
    assert [swing.price for swing in swings_of(1, 2, 5, 3, 2, 9, 9).tops] == [5.0]


def test_of_equal_highs_the_first_is_the_swing() -> None:
    assert [swing.price for swing in swings_of(1, 2, 5, 5, 2, 1, 1).tops] == [5.0]
    assert swings_of(5, 5, 5, 5, 5, 5).tops == []


@pytest.mark.parametrize(
    ("turns", "structure"),
    [
        ((5, 1, 7, 3, 9, 6), 1),
        ((9, 5, 7, 3, 5, 1), -1),
        ((5, 3, 7, 1), 0),  # a higher high with a lower low is neither
        ((5, 3, 5), None),
    ],
)
def test_the_structure_is_told_from_the_last_two_highs_and_lows(
    turns: tuple[int, ...], structure: int | None
) -> None:
    prices = [
        before + (after - before) * step / 4
        for before, after in itertools.pairwise((4, *turns, 4))
        for step in range(4)
    ]
    assert swings_of(*prices).structure == structure


@given(
    prices=st.lists(st.integers(0, 1_000).map(float), max_size=20),
    usual=st.floats(0.1, 500.0),
)
def test_levels_are_ordered_bounded_and_keep_every_touch(prices: list[float], usual: float) -> None:
    levels = levels_of([Swing(1, price, 0.5) for price in prices], usual=usual)
    assert sum(level.touches for level in levels) == len(prices)
    assert all(0.0 < level.strength < 1.0 for level in levels)
    assert all(min(prices) <= level.price <= max(prices) for level in levels)
    gaps = [b.price - a.price for a, b in itertools.pairwise(levels)]
    assert all(gap > 0.25 * usual for gap in gaps)


@given(
    swings=st.lists(st.tuples(st.integers(0, 300), st.floats(0.0, 0.99)), max_size=20),
    price=st.floats(-100.0, 400.0),
    usual=st.floats(0.5, 100.0),
)
def test_the_lean_of_levels_is_bounded_and_turns_round_in_the_mirror(
    swings: list[tuple[int, float]], price: float, usual: float
) -> None:
    here = levels_of([Swing(1, float(p), w) for p, w in swings], usual=usual)
    there = levels_of([Swing(-1, 300.0 - p, w) for p, w in swings], usual=usual)
    lean = lean_of(here, price, usual=usual)
    assert -1.0 < lean < 1.0
    assert lean_of(there, 300.0 - price, usual=usual) == pytest.approx(-lean, abs=1e-9)


def test_levels_have_the_strength_of_their_touches_and_volume() -> None:
    swings = [Swing(1, 100.0, 0.9), Swing(-1, 100.9, 0.5), Swing(1, 101.8, 0.1)]
    (level,) = levels_of(swings, usual=4.0)  # linked by neighbours, within 1.0 each
    assert level.touches == 3
    assert level.price == pytest.approx(100.9)
    assert level.strength == pytest.approx(0.6 * 3 / 5 + 0.4 * 0.5)


def test_a_level_supports_from_below_resists_from_above_and_makes_no_jump() -> None:
    levels = [Level(100.0, 1, 0.5)]
    lean = [lean_of(levels, price, usual=4.0) for price in (96.0, 99.999, 100.0, 100.001, 104.0)]
    assert lean == sorted(lean)
    assert abs(lean[3] - lean[1]) < 0.02
    assert lean[4] == pytest.approx(0.4 / (0.4 + DOUBT))  # 0.5 / (1 + 1 / 4) at one bar range


def test_levels_that_timeframes_share_weigh_more() -> None:
    levels = [[Level(100.0, 1, 0.5)], [Level(90.0, 1, 0.5), Level(100.2, 1, 0.5)], [], []]
    align(levels, (4.0, 0.4, 0.0, 0.0))
    assert levels[0][0].aligned == 1
    assert [level.aligned for level in levels[1]] == [0, 0]  # beyond its own reach of 0.1
    alone = lean_of([Level(100.0, 1, 0.5)], 104.0, usual=4.0)
    assert lean_of(levels[0], 104.0, usual=4.0) > alone


def moving(blocks: OrderBlocks, *rows: tuple[float, float, float, float, float]) -> None:
    for row in rows:
        blocks.update(Bar(0, *row))


def calm(count: int = 24, price: float = 100.0) -> list[tuple[float, float, float, float, float]]:
    """Bars of range 2 and volume 10 that go nowhere."""
    up = (price, price + 1, price - 1, price + 0.5, 10.0)
    down = (price + 0.5, price + 1, price - 1, price, 10.0)
    return [up if i % 2 == 0 else down for i in range(count)]


BASE = (100.0, 100.5, 98.5, 99.0, 30.0)
RISE = (
    (99.0, 102.0, 99.0, 102.0, 20.0),
    (102.0, 104.0, 102.0, 104.0, 20.0),
    (104.0, 105.0, 103.5, 104.5, 10.0),
)


def test_the_last_bar_down_before_a_strong_rise_is_a_demand_block() -> None:
    blocks = OrderBlocks()
    moving(blocks, *calm(), BASE, *RISE[:2])
    assert blocks.blocks == []
    moving(blocks, RISE[2])
    (block,) = blocks.blocks
    assert (block.side, block.low, block.high, block.mitigated) == (1, 98.5, 100.5, False)
    usual, swing = blocks.usual, 104.5 - 100.5
    assert usual is not None
    expected = 0.6 * 30 / (30 + 10) + 0.4 * swing / (swing + usual)
    assert block.strength == pytest.approx(expected, rel=1e-12)


def test_a_rise_of_less_than_a_bar_range_leaves_no_block() -> None:
    blocks = OrderBlocks()
    slow = [(100.0 + i / 2, 101.0 + i / 2, 99.0 + i / 2, 100.5 + i / 2, 10.0) for i in range(4)]
    moving(blocks, *calm(), BASE, *slow)
    assert blocks.blocks == []


def test_a_block_is_mitigated_by_a_return_and_gone_when_closed_beyond() -> None:
    blocks = OrderBlocks()
    moving(blocks, *calm(), BASE, *RISE)
    fresh = blocks.lean(None, 102.0, usual=blocks.usual)
    back = (104.5, 104.5, 100.5, 103.0, 10.0)
    # The forming bar already wears it off.
    assert blocks.lean(Bar(0, *back), 102.0, usual=blocks.usual) == pytest.approx(
        0.5 * _part(fresh) / _whole(fresh)
    )
    moving(blocks, back)
    assert blocks.blocks[0].mitigated
    worn = pytest.approx(0.5 * _part(fresh) / _whole(fresh), rel=0.01)  # the mean range moved on
    assert blocks.lean(None, 102.0, usual=blocks.usual) == worn
    moving(blocks, (103.0, 103.0, 97.0, 98.6, 10.0))
    assert len(blocks.blocks) == 1
    moving(blocks, (98.6, 98.6, 97.0, 98.4, 10.0))
    assert [block for block in blocks.blocks if block.low == 98.5] == []


def _part(lean: float | None) -> float:
    """Demand behind a lean without any supply: ``D / (D + doubt)`` solved for ``D``."""
    assert lean is not None
    return DOUBT * lean / (1.0 - lean)


def _whole(lean: float | None) -> float:
    return 0.5 * _part(lean) + DOUBT


@pytest.mark.parametrize(
    ("side", "price", "holds"),
    [
        (1, 100.0, 1.0),
        (1, 108.0, 0.5),
        (1, 99.0, 0.5),
        (1, 98.0, 0.0),
        (1, 90.0, 0.0),
        (-1, 90.0, 0.5),
        (-1, 98.0, 1.0),
        (-1, 100.0, 0.0),
    ],
)
def test_what_a_block_holds_falls_off_on_both_sides(side: int, price: float, holds: float) -> None:
    blocks = OrderBlocks(blocks=[OrderBlock(side, 98.0, 100.0, 0.5)])
    lean = blocks.lean(None, price, usual=2.0)  # half of it is left 8 away
    assert lean is not None
    assert _part(abs(lean)) == pytest.approx(0.5 * holds)
    assert lean * side >= 0.0


@given(seed=st.integers(0, 1_000), jump=st.integers(-50, 50))
def test_the_structure_of_the_mirrored_bars_is_the_mirror(seed: int, jump: int) -> None:
    bars = bars_of(chance_table(90, seed))
    straight, mirror = Structure(), Structure()
    for bar in bars:
        straight.update(bar)
        mirror.update(mirrored(bar))
    straight.refit()
    mirror.refit()
    last = bars[-1].close + jump * 10**7
    bar = Bar(0, bars[-1].close, max(bars[-1].close, last), min(bars[-1].close, last), last, 3.0)
    one, other = straight.view(last, bar), mirror.view(PIVOT - last, mirrored(bar))
    for name in ("blocks_lean", "levels_lean", "area_lean"):
        lean = getattr(one, name)
        assert lean is not None
        assert -1.0 <= lean <= 1.0
        assert getattr(other, name) == pytest.approx(-lean, abs=1e-9), name
    assert one.vwap is not None
    assert other.vwap is not None
    distance = one.vwap.distance(last)
    assert other.vwap.distance(PIVOT - last) == pytest.approx(-distance, abs=1e-9)


def test_a_view_changes_nothing_and_a_refit_twice_is_one() -> None:
    structure = Structure()
    for bar in bars_of(chance_table(90, 3)):
        structure.update(bar)
    structure.refit()
    again = Structure()
    for bar in bars_of(chance_table(90, 3)):
        again.update(bar)
        again.refit()
    assert structure == again
    structure.view(1e11, Bar.flat(0, 1e11))
    assert structure == again


@given(x=st.floats(-1.0, 1.0))
def test_the_vwap_score_is_the_rule_off_the_ramp_and_turns_round(x: float) -> None:
    assert 25.0 <= vwap_score(x) <= 75.0
    assert vwap_score(-x) == pytest.approx(100.0 - vwap_score(x), abs=1e-12)
    if x >= 0.1:
        assert vwap_score(x) == pytest.approx(75.0 - 50.0 * x, abs=1e-12)
    if x <= -0.1:
        assert vwap_score(x) == pytest.approx(25.0 - 50.0 * x, abs=1e-12)


@given(x=st.floats(-0.2, 0.2), step=st.floats(0.0, 1e-3))
def test_the_vwap_score_makes_no_jump(x: float, step: float) -> None:
    assert abs(vwap_score(x + step) - vwap_score(x)) <= 251.0 * step + 1e-9


def test_the_distance_is_clipped_at_four_deviations() -> None:
    view = VwapView(value=100.0, deviation=2.0)
    prices = (80.0, 92.0, 98.0, 100.0, 104.0, 200.0)
    found = [round(view.distance(price), 9) for price in prices]
    assert found == [-1.0, -1.0, -0.25, 0.0, 0.5, 1.0]
    assert VwapView(value=100.0, deviation=0.0).distance(100.0) == 0.0


def test_a_vwap_without_volume_is_not_ready() -> None:
    vwap = Vwap()
    for i in range(30):
        vwap.update(Bar.flat(i, 5.0))
    assert vwap.peek(None) is None
    assert vwap.peek(Bar(0, 5.0, 5.0, 5.0, 5.0, volume=1.0)) == VwapView(5.0, 0.0)
