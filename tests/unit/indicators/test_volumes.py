"""Indicators of volume in small markets that a reader can follow, and what holds in any."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.indicators.adl import Adl
from agents.indicators.bar import PRICE_SCALE, Bar
from agents.indicators.cmf import Cmf
from agents.indicators.relative_volume import LARGEST, RelativeVolume, RelativeVolumeView
from agents.indicators.volume_delta import VolumeDelta, VolumeDeltaView, delta_lean
from agents.indicators.volume_divergence import VolumeDivergence
from agents.indicators.volumes import Volumes, VolumeView
from agents.indicators.window_drift import WindowDrift
from tests.support.bars import bars_of, chance_table, with_takers

BARS = bars_of(with_takers(chance_table(120, 3), 4))
LEANS = ("delta_lean", "adl_lean", "cmf_lean", "obv_lean", "divergence_lean")


def bar(close: float, *, volume: float = 1.0, bought: float | None = 0.5) -> Bar:
    return Bar(0, close, close, close, close, volume, bought)


def view_after(bars: list[Bar]) -> VolumeView:
    volumes = Volumes()
    for one in bars:
        volumes.update(one)
    return volumes.closed


def leans(view: VolumeView) -> list[float]:
    relative = view.relative
    assert relative is not None
    found = [getattr(view, name) for name in LEANS]
    assert all(lean is not None for lean in found)
    return [*found, relative.lean]


def changed(one: Bar, **values: Any) -> Bar:
    return dataclasses.replace(one, **values)


def test_a_bar_knows_its_delta_only_if_all_of_its_parts_do() -> None:
    assert bar(1.0, volume=4.0, bought=3.0).delta == 2.0
    assert bar(1.0, bought=None).delta is None
    assert Bar.flat(0, 1.0).delta == 0.0
    whole = bar(1.0, volume=4.0, bought=3.0)
    whole.merge(bar(1.0, volume=2.0, bought=None))
    whole.merge(bar(1.0, volume=2.0, bought=2.0))
    assert whole.volume == 8.0
    assert whole.delta is None


def test_equal_buys_and_sells_are_no_delta_however_they_round() -> None:
    thirds = bar(1.0, volume=0.1 + 0.2, bought=0.15)
    assert 2 * 0.15 != 0.1 + 0.2
    assert thirds.delta == 0.0


def test_a_bar_of_which_nobody_knows_who_took_starts_the_delta_anew() -> None:
    delta, divergence = VolumeDelta(), VolumeDivergence()
    for i in range(60):
        delta.update(bar(1.0 + i % 2))
        divergence.update(bar(1.0 + i % 2))
    assert delta.peek(bar(1.0)) is not None
    delta.update(bar(1.0, bought=None))
    divergence.update(bar(1.0, bought=None))
    for _ in range(19):
        assert delta.peek(bar(1.0)) is None
        assert divergence.peek(bar(1.0)).cvd is None
        assert divergence.peek(bar(1.0)).obv is not None
        delta.update(bar(1.0))
        divergence.update(bar(1.0))
    assert delta.peek(bar(1.0)) == VolumeDeltaView(0.0, None)
    assert divergence.peek(bar(1.0)).cvd is not None
    assert divergence.peek(bar(1.0, bought=None)).cvd is None


def test_what_happens_within_the_window_does_not_move_its_own_yardstick() -> None:
    calm, wild = VolumeDelta(), VolumeDelta()
    for i in range(120):
        share = 0.5 + 0.1 * (-1) ** (i // 7)
        calm.update(bar(1.0, bought=share))
        wild.update(bar(1.0, bought=share if i < 100 else 1.0))
    assert calm.usual.value == wild.usual.value
    after = wild.peek(bar(1.0, bought=1.0))
    assert after is not None
    assert after.ratio == pytest.approx(1.0)


def test_a_trend_carries_flow_on_and_a_range_absorbs_it() -> None:
    by_strength = [delta_lean(1.0, adx) for adx in (0.0, 25.0, 60.0)]
    assert by_strength == pytest.approx([math.tanh(0.3), math.tanh(0.6), math.tanh(1.02)])
    assert delta_lean(-1.0, 25.0) == -math.tanh(0.6)


def test_closes_near_the_high_are_accumulation_and_near_the_low_distribution() -> None:
    up = [Bar(i, 5.0, 6.0, 4.0, 5.75, volume=2.0) for i in range(40)]
    view, mirror = view_after(up), view_after([changed(b, close=4.25) for b in up])
    assert view.adl is not None
    assert view.cmf is not None
    assert mirror.cmf is not None
    assert view.adl.line == pytest.approx(0.75 * 2.0 * 40)
    assert view.cmf.value == view.cmf.smooth == pytest.approx(0.75)
    assert mirror.cmf.value == pytest.approx(-0.75)


def test_cmf_moves_half_way_to_a_new_value_per_bar() -> None:
    cmf = Cmf()
    for i in range(30):
        cmf.update(Bar(i, 5.0, 6.0, 4.0, 5.0, volume=1.0))
    now = cmf.peek(Bar(30, 5.0, 6.0, 4.0, 6.0, volume=20.0))
    assert now is not None
    assert now.value == pytest.approx(20.0 / 39.0)
    assert now.smooth == pytest.approx(10.0 / 39.0)


def test_volume_counts_the_more_the_less_usual_it_is_and_has_the_bars_sign() -> None:
    relative = RelativeVolume()
    for i in range(60):
        relative.update(Bar(i, 5.0, 6.0, 4.0, 5.0, volume=1.0 + i % 3))
    by_volume = [relative.peek(Bar(60, 5.0, 6.0, 4.0, 6.0, volume=v)) for v in (0.5, 2.0, 40.0)]
    found = [view.lean for view in by_volume if view is not None]
    assert found == sorted(found)
    assert found[0] > 0.0
    falling = relative.peek(Bar(60, 5.0, 6.0, 4.0, 4.0, volume=40.0))
    assert falling is not None
    assert falling.lean == -found[2]
    assert falling.ratio > 4.0


def test_the_first_volume_after_a_silence_is_as_unusual_as_can_be() -> None:
    relative = RelativeVolume()
    for i in range(60):
        relative.update(Bar.flat(i, 5.0))
    assert relative.peek(Bar.flat(60, 5.0)) == RelativeVolumeView(0.0, 0.0, 0.0, 0.0)
    assert relative.trend(Bar.flat(60, 5.0)) == 0.0
    burst = Bar(60, 5.0, 6.0, 5.0, 6.0, volume=1e-8)
    view = relative.peek(burst)
    assert view is not None
    assert (view.ratio, view.volatility, view.direction) == (LARGEST, 0.0, 1.0)
    assert view.lean == pytest.approx(math.tanh(2.0))


def test_buying_that_does_not_lift_the_price_is_bullish_and_a_rise_without_it_bearish() -> None:
    absorbed = [bar(9.0 - i / 10, bought=0.9) for i in range(30)]
    hollow = [bar(9.0 + i / 10, bought=0.1) for i in range(30)]
    confirmed = [bar(9.0 + i / 10, bought=0.9) for i in range(30)]
    for bars, sign in ((absorbed, 1), (hollow, -1), (confirmed, 0)):
        divergence = view_after(bars).divergence
        assert divergence is not None
        assert divergence.cvd == pytest.approx(sign * 2 * math.sqrt(20))
        assert divergence.obv == pytest.approx(0.0)
        assert divergence.bought == pytest.approx(16.0 if bars is not hollow else -16.0)


def test_drifts_of_random_changes_have_the_size_of_one() -> None:
    drift, found = WindowDrift(), []
    for one in bars_of(chance_table(4_000, 8)):
        found.append(drift.peek(one.close - one.open))
        drift.update(one.close - one.open)
    known = [x for x in found if x is not None]
    assert math.fsum(x * x for x in known) / len(known) == pytest.approx(1.0, abs=0.15)


def test_peeking_changes_nothing() -> None:
    volumes = Volumes()
    for one in BARS:
        volumes.update(one)
    before = msgspec.msgpack.encode(volumes)
    assert volumes.peek(changed(BARS[3], volume=99.0)) != volumes.peek(BARS[3])
    assert msgspec.msgpack.encode(volumes) == before


@given(volume=st.floats(1e-9, 1e9), price=st.integers(1, 1_000))
def test_no_lean_has_a_unit(volume: float, price: int) -> None:
    other = [
        changed(
            b,
            **{name: getattr(b, name) * price for name in ("open", "high", "low", "close")},
            volume=b.volume * volume,
            bought=None if b.bought is None else b.bought * volume,
        )
        for b in BARS
    ]
    assert leans(view_after(other)) == pytest.approx(leans(view_after(BARS)), abs=1e-8)


def test_a_mirrored_market_has_the_opposite_leans() -> None:
    pivot = 2_000.0 * PRICE_SCALE
    mirror = [
        changed(
            b,
            open=pivot - b.open,
            high=pivot - b.low,
            low=pivot - b.high,
            close=pivot - b.close,
            bought=None if b.bought is None else b.volume - b.bought,
        )
        for b in BARS
    ]
    opposite = [-lean for lean in leans(view_after(BARS))]
    assert leans(view_after(mirror)) == pytest.approx(opposite, abs=1e-9)


@given(
    at=st.integers(0, 19), more=st.floats(1e-6, 1e6), buys=st.booleans(), seed=st.integers(0, 999)
)
def test_more_buying_in_any_bar_of_the_window_never_lowers_the_delta(
    at: int, more: float, buys: bool, seed: int
) -> None:
    bars = bars_of(with_takers(chance_table(90, seed), seed))
    pushed = list(bars)
    one = bars[-1 - at]
    assert one.bought is not None
    pushed[-1 - at] = changed(
        one, volume=one.volume + more, bought=one.bought + more if buys else one.bought
    )
    plain, moved = view_after(bars).delta_lean, view_after(pushed).delta_lean
    assert plain is not None
    assert moved is not None
    assert (moved - plain) * (1 if buys else -1) >= -1e-12


_WILD = st.builds(
    lambda o, c, up, down, v, b: Bar(
        0, o, max(o, c) + up, min(o, c) - down, c, v, None if b is None else b * v
    ),
    o=st.integers(1, 10**15).map(float),
    c=st.integers(1, 10**15).map(float),
    up=st.sampled_from((0.0, 1.0, 1e14)),
    down=st.sampled_from((0.0, 1.0)),
    v=st.sampled_from((0.0, 1e-8, 1.0, 1e15)),
    b=st.none() | st.sampled_from((0.0, 0.3, 1.0)),
)


@given(bars=st.lists(_WILD, min_size=1, max_size=15), times=st.integers(1, 8))
def test_whatever_the_bars_every_value_is_finite_and_in_its_range(
    bars: list[Bar], times: int
) -> None:
    volumes, adl = Volumes(), Adl()
    for one in bars * times:
        volumes.update(one)
        adl.update(one)
        view = volumes.closed
        for name in LEANS:
            lean = getattr(view, name)
            assert lean is None or -1.0 <= lean <= 1.0
        if view.relative is not None:
            assert all(math.isfinite(x) for x in msgspec.structs.astuple(view.relative))
            assert -1.0 <= view.relative.lean <= 1.0
            assert -1e-9 <= view.relative.ratio <= LARGEST
        if view.delta is not None:
            assert -1.0 - 1e-9 <= view.delta.ratio <= 1.0 + 1e-9
        if view.cmf is not None:
            assert -1.0 - 1e-9 <= view.cmf.smooth <= 1.0 + 1e-9
        assert view.adl is not None
        assert math.isfinite(view.adl.line)
