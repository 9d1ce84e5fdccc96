"""The smallest flip against brute force: it flips, and nothing smaller does."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.confluence.crossing import Crossing, CrossingState, Tick, Zones, zone_at
from agents.confluence.flip import smallest_flip
from agents.confluence.thresholds import Thresholds
from agents.confluence.weighting import confluence
from schemas.confluence_settings import SignalsSettings
from schemas.frame import NS_PER_S
from schemas.score import DimensionScore, Flip
from schemas.signal import SignalKind
from tests.support.messages import component_of, dimension_of

LIMITS = Thresholds(68.0, 35.0)
WEIGHTS = {"orderbook": 0.6, "technical": 0.4}
SLACK = 1e-7
"""Points beside the edge at which the answer has to be clear."""


def decided(scores: list[DimensionScore], zones: Zones) -> SignalKind | None:
    score, _ = confluence(scores, WEIGHTS, {})
    assert score is not None
    return zones[zone_at(zones, score)].outcome


def changed(scores: list[DimensionScore], flip: Flip, to: float) -> list[DimensionScore]:
    """The scores with one component of one dimension at ``to``, computed anew."""
    found = []
    for score in scores:
        if score.dimension == flip.dimension:
            parts = [
                component_of(
                    c.name,
                    to if c.name == flip.component else float(c.score or 0.0),
                    weight=c.weight,
                    divergence=c.divergence,
                )
                for c in score.components
            ]
            score = dimension_of(score.dimension, *parts)
        found.append(score)
    return found


def flip_of(scores: list[DimensionScore], zones: Zones) -> Flip | None:
    score, contributions = confluence(scores, WEIGHTS, {})
    assert score is not None
    return smallest_flip(score, zones, scores, contributions)


def zones_of(
    stance: SignalKind = SignalKind.EXIT, *, reliability: float = 1.0, rested: bool = True
) -> Zones:
    state = CrossingState(stance=stance, entered_ns=None if rested else 0)
    state.long_armed = stance is not SignalKind.LONG
    state.short_armed = stance is not SignalKind.SHORT
    tick = Tick(50.0, reliability, NS_PER_S, LIMITS)
    return Crossing(SignalsSettings()).zones(state, tick)


BOOK = dimension_of(
    "orderbook",
    component_of("liquidity", 70.0, weight=0.75),
    component_of("impact", 50.0, weight=0.25),
)
CHART = dimension_of("technical", component_of("rsi", 60.0, weight=1.0))


def test_worked_example() -> None:
    # score = 0.6 * 65 + 0.4 * 60 = 63; 5 points are missing to 68. liquidity pulls 0.6 * 0.75 =
    # 0.45 a point (11.1 needed), impact 0.15 (33.3), rsi 0.4 (12.5).
    flip = flip_of([BOOK, CHART], zones_of())
    assert flip is not None
    assert (flip.dimension, flip.component, flip.score) == ("orderbook", "liquidity", 70.0)
    assert flip.to == pytest.approx(70 + 5 / 0.45)
    assert flip.signal == "long"


def test_an_open_long_would_have_been_left_by_the_least_fall() -> None:
    flip = flip_of([BOOK, CHART], zones_of(SignalKind.LONG))
    assert flip is not None
    assert (flip.component, flip.signal) == ("liquidity", "exit")
    assert flip.to == pytest.approx(70 - 8 / 0.45)


def test_below_the_floor_and_out_of_reach_there_is_no_flip() -> None:
    assert flip_of([BOOK, CHART], zones_of(reliability=0.1)) is None
    assert flip_of([BOOK, CHART], zones_of(rested=False)) is None
    far = dimension_of("orderbook", *(component_of(str(i), 20.0, weight=0.1) for i in range(10)))
    low = dimension_of("technical", component_of("rsi", 85.0, weight=1.0))
    assert flip_of([far], zones_of(SignalKind.SHORT)) is None
    assert flip_of([far, low], zones_of()) is not None


def test_a_bonus_that_is_cut_off_has_to_be_used_up_first() -> None:
    cut = dimension_of("technical", component_of("rsi", 98.0, weight=1.0, divergence=10.0))
    flip = flip_of([cut], zones_of(SignalKind.LONG))
    assert flip is not None
    assert flip.to == pytest.approx(45.0)  # held at 100, it has to come to 55 with the bonus


def grid(flip: Flip) -> list[float]:
    """Scores nearer to the component's own than the flip is, on both sides."""
    step = (flip.points - SLACK) / 50
    near = [flip.score + sign * step * i for i in range(51) for sign in (-1, 1)]
    return [to for to in near if 0.0 <= to <= 100.0]


@settings(max_examples=150)
@given(
    st.data(),
    st.sampled_from(SignalKind),
    st.booleans(),
)
def test_the_flip_flips_and_nothing_smaller_does(
    data: st.DataObject, stance: SignalKind, rested: bool
) -> None:
    zones = zones_of(stance, rested=rested)
    scores = []
    for name in WEIGHTS:
        count = data.draw(st.integers(1, 3))
        parts = [
            component_of(
                str(i),
                data.draw(st.floats(0, 100)),
                weight=1 / count,
                divergence=data.draw(st.sampled_from([0.0, -10.0, 3.0, 10.0])),
            )
            for i in range(count)
        ]
        scores.append(dimension_of(name, *parts))
    before = decided(scores, zones)
    flip = flip_of(scores, zones)
    everyone = [
        Flip(s.dimension, c.name, float(c.score or 0.0), 0.0, None)
        for s in scores
        for c in s.components
    ]
    if flip is None:
        for one in everyone:
            tried = [decided(changed(scores, one, to), zones) for to in (*range(101),)]
            assert all(outcome is before for outcome in tried)
        return
    beyond = flip.to + math.copysign(SLACK, flip.to - flip.score)
    assert 0.0 <= flip.to <= 100.0
    if 0.0 <= beyond <= 100.0:
        after = decided(changed(scores, flip, beyond), zones)
        assert after is not before
        assert flip.signal == (None if after is None else after.value)
    if flip.points > 2 * SLACK:
        for one in everyone:
            nearer = msgspec.structs.replace(one, to=one.score + flip.points)
            for to in grid(nearer):
                assert decided(changed(scores, one, to), zones) is before
