"""Value areas and volume profiles: worked, by reference, by property, and against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.value_area import AreaRows, value_area
from agents.indicators.volume_profile import MOST_ROWS, ProfileView, VolumeProfile, spread
from tests.support.bars import Floats, bars_of, chance_table

profiles = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 5).map(float), st.floats(1e-3, 1e6)),
    min_size=1,
    max_size=45,
)


def flipped(area: AreaRows, count: int) -> AreaRows:
    ends = count - 1
    return AreaRows(ends - area.high, ends - area.poc_high, ends - area.poc_low, ends - area.low)


@given(volumes=profiles)
def test_a_value_area_holds_seventy_percent_around_its_point_of_control(
    volumes: list[float],
) -> None:
    area = value_area(volumes)
    whole = sum(volumes)
    if whole <= 0.0:
        assert area is None
        return
    assert area is not None
    assert 0 <= area.low <= area.poc_low <= area.poc_high <= area.high < len(volumes)
    assert sum(volumes[area.low : area.high + 1]) >= 0.7 * whole * (1 - 1e-8)
    assert volumes[area.poc_low] >= max(volumes) - 1e-8 * whole


@given(volumes=profiles)
def test_no_row_could_be_left_out_at_the_end_that_came_last(volumes: list[float]) -> None:
    area = value_area(volumes)
    if area is None or area.low == area.poc_low or area.high == area.poc_high:
        return
    # The two ends may have come together, being alike; without both it would be too little.
    inner = sum(volumes[area.low + 1 : area.high])
    assert inner < 0.7 * sum(volumes)


@given(volumes=profiles)
def test_the_mirrored_profile_has_the_mirrored_area(volumes: list[float]) -> None:
    area, mirror = value_area(volumes), value_area(volumes[::-1])
    if area is None:
        assert mirror is None
    else:
        assert mirror == flipped(area, len(volumes))


@given(volumes=profiles, factor=st.floats(1e-6, 1e6))
def test_the_unit_of_volume_does_not_matter(volumes: list[float], factor: float) -> None:
    assert value_area([v * factor for v in volumes]) == value_area(volumes)


def test_two_rows_alike_make_the_point_of_control_together() -> None:
    assert value_area([5.0, 1.0, 5.0]) == AreaRows(0, 0, 2, 2)
    # Of three, the one in the middle of the profile.
    assert value_area([5.0, 1.0, 5.0, 1.0, 5.0]) == AreaRows(0, 2, 2, 4)


@pytest.mark.needs_market_data
def test_the_reference_of_market_profile_is_reproduced(market_data: Path) -> None:
    # py-market-profile counts a bar's volume at its close, in rows of 0.05 named by their upper
    # end, which belongs to them; half a unit of 1e-8 puts a close on an edge into the lower row.
    table = pd.read_csv(market_data / "reference" / "market-profile" / "google.csv")
    closes = [float(round(close * PRICE_SCALE)) for close in table["Close"]]
    row = 5 * PRICE_SCALE // 100
    floor = min(closes) // row * row + 0.5
    count = int((max(closes) - floor) // row) + 1
    rows = [0.0] * (count + 2)
    for close, volume in zip(closes, table["Volume"], strict=True):
        spread(rows, float(count * row), close - floor, close - floor, float(volume))
    assert sum(rows) == table["Volume"].sum()
    area = value_area(rows)
    assert area is not None
    upper = [(floor - 0.5 + i * row) / PRICE_SCALE for i in range(count + 1)]
    assert area.poc_low == area.poc_high
    assert upper[area.poc_low] == pytest.approx(944.50, abs=1e-9)
    assert upper[area.low] == pytest.approx(944.20, abs=1e-9)
    assert upper[area.high] == pytest.approx(958.95, abs=1e-9)


def overlap_rows(table: pd.DataFrame, edges: Floats) -> Floats:
    """Volume by row: each bar's, by the part of its range that lies in the row."""
    low, high, volume = (table[name].to_numpy(float) for name in ("low", "high", "volume"))
    return spread_over(edges, low, high, volume)


def spread_over(edges: Floats, low: Floats, high: Floats, volume: Floats) -> Floats:
    """The same from plain arrays."""
    low, high = low[:, None], high[:, None]
    inside = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0.0, None)
    return np.asarray((inside / (high - low) * volume[:, None]).sum(axis=0))


def plain_area(rows: Floats) -> tuple[int, int, int]:
    """POC and ends by the textbook, for volumes of which no two are equal."""
    poc = int(rows.argmax())
    low = high = poc
    while rows[low : high + 1].sum() < 0.7 * rows.sum():
        under = rows[low - 1] if low > 0 else -1.0
        over = rows[high + 1] if high + 1 < len(rows) else -1.0
        low, high = (low - 1, high) if under > over else (low, high + 1)
    return low, poc, high


@pytest.mark.parametrize("seed", range(8))
def test_the_profile_equals_a_plain_computation_with_the_forming_bar_on_top(seed: int) -> None:
    table = chance_table(100 + 7 * seed, seed)
    table["high"] += 0.1  # no bar without a range
    bars = bars_of(table)
    profile = VolumeProfile()
    for bar in bars[:-1]:
        profile.update(bar)
    profile.refit()
    price = bars[-1].close
    view = profile.peek(bars[-1], price=price)
    assert view is not None

    closed, whole = table.iloc[-73:-1], table.iloc[-73:]
    bottom, top = closed["low"].min(), closed["high"].max()
    usual = (closed["high"] - closed["low"]).mean()
    count = min(max(int((2 * (top - bottom) / usual).round(9)), 8), 32)
    outer = (min(bottom, whole["low"].min()), max(top, whole["high"].max()))
    edges = np.concatenate([[outer[0]], np.linspace(bottom, top, count + 1), [outer[1]]])
    rows = overlap_rows(whole, edges)
    low, poc, high = plain_area(rows)
    found = np.array([view.low, view.poc, view.high]) / PRICE_SCALE
    expected = [edges[low], (edges[poc] + edges[poc + 1]) / 2, edges[high + 1]]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    below = np.interp(price / PRICE_SCALE, edges, np.concatenate([[0.0], rows.cumsum()]))
    assert view.below == pytest.approx(below / rows.sum(), abs=1e-12)


bar_lists = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 4)), min_size=20, max_size=60
)


def profile_of(rows: list[tuple[int, int, int]]) -> VolumeProfile:
    """Profile of bars from (low, height, volume), in whole prices."""
    profile = VolumeProfile()
    for low, height, volume in rows:
        profile.update(Bar(0, low, low + height, low, low, volume=float(volume)))
    profile.refit()
    return profile


@given(rows=bar_lists, low=st.integers(-30, 90), height=st.integers(0, 20))
def test_no_volume_is_lost_or_made_and_the_area_lies_within_the_range(
    rows: list[tuple[int, int, int]], low: int, height: int
) -> None:
    profile = profile_of(rows)
    assert len(profile.rows) <= MOST_ROWS + 2
    volume = sum(volume for _, _, volume in rows[-72:])
    assert sum(profile.rows) == pytest.approx(volume, rel=1e-12, abs=1e-12)
    view = profile.peek(Bar(0, low, low + height, low, low, volume=2.0), price=float(low))
    assert view is not None
    bottom = min(low, *(row[0] for row in rows))
    top = max(low + height, *(row[0] + row[1] for row in rows))
    assert bottom <= view.low <= view.poc <= view.high <= top
    assert 0.0 <= view.below <= 1.0


@given(rows=bar_lists, low=st.integers(-30, 90), height=st.integers(0, 20))
def test_the_mirrored_bars_have_the_mirrored_profile(
    rows: list[tuple[int, int, int]], low: int, height: int
) -> None:
    straight = profile_of(rows)
    mirror = profile_of([(60 - at - size, size, volume) for at, size, volume in rows])
    one = straight.peek(Bar(0, low, low + height, low, low, volume=2.0), price=float(low))
    bar = Bar(0, 60 - low, 60 - low, 60 - low - height, 60 - low, volume=2.0)
    other = mirror.peek(bar, price=60.0 - low)
    assert one is not None
    assert other is not None
    found = (60 - other.poc, 60 - other.high, 60 - other.low, 1 - other.below)
    assert found == pytest.approx((one.poc, one.low, one.high, one.below), abs=1e-9)


def test_a_market_at_one_price_is_its_own_value_area() -> None:
    profile = profile_of([(5, 0, 1)] * 20)
    view = profile.peek(None, price=5.0)
    assert view is not None
    assert (view.low, view.poc, view.high, view.below) == (5.0, 5.0, 5.0, 0.5)
    assert view.position(5.0) == 0.0
    assert profile_of([(5, 0, 0)] * 20).peek(None, price=5.0) is None


def test_the_position_is_one_at_the_ends_of_the_area() -> None:
    view = ProfileView(poc=10.0, low=8.0, high=11.0, below=0.5)
    assert [view.position(p) for p in (6.0, 8.0, 9.0, 10.0, 11.0)] == [-2.0, -1.0, -0.5, 0.0, 1.0]
