"""Every dimension of the registry is held to what it declares. A new one is found, not listed."""

from __future__ import annotations

import dataclasses
import math
import random
from functools import cache

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from agents.dimensions import registry
from agents.dimensions.base import Dimension, DimensionMachine, Mirror, Push, SymbolState
from schemas.frame import Frame
from schemas.score import NEUTRAL, DimensionScore
from tests.support.markets import (
    FRAMES_PER_TICK,
    INTERVAL_NS,
    MarketPlan,
    markets,
    mirrored,
    pushed,
    random_market,
    refined,
    rescaled,
    wild_frames,
)

LARGEST_STATE = 40_000
"""Bytes of one symbol's encoded state."""

BAR_INTERVAL_NS = 600 * 1_000_000_000
"""Ten minutes: the usual 2,000 frames make 83 bars of 4 h."""

NAMES = sorted(registry.dimensions())
every_dimension = pytest.mark.parametrize("name", NAMES)
# A market is a seed: a smaller one is no simpler, so nothing is gained by shrinking it.
no_shrinking = (Phase.explicit, Phase.reuse, Phase.generate)
slow = [HealthCheck.too_slow]
few = settings(max_examples=5, phases=no_shrinking, suppress_health_check=slow)


def machine(name: str) -> DimensionMachine:
    return DimensionMachine(registry.create(name, {}))


def play(
    name: str, frames: list[Frame], state: SymbolState | None = None
) -> tuple[list[DimensionScore], SymbolState]:
    drive = machine(name)
    state = drive.initial() if state is None else state
    scores = [drive.step(state, frame) for frame in frames]
    return [score for score in scores if score is not None], state


def interval_of(name: str) -> int:
    """What lives on bars is shown a market in slow motion, so that its longest bars close too."""
    lives_on_bars = registry.dimensions()[name].backfill is not Dimension.backfill
    return BAR_INTERVAL_NS if lives_on_bars else INTERVAL_NS


@cache
def market(name: str, seed: int, n_frames: int) -> list[Frame]:
    interval_ns = interval_of(name)
    per_tick = FRAMES_PER_TICK if interval_ns == INTERVAL_NS else 1
    return random_market(seed, n_frames, frames_per_tick=per_tick, interval_ns=interval_ns)


def usual_market(name: str, seed: int = 7, n_frames: int = 2_000) -> list[Frame]:
    return market(name, seed, n_frames)


def frames_of(name: str, plan: MarketPlan) -> list[Frame]:
    return dataclasses.replace(plan, interval_ns=interval_of(name)).frames()


def values(score: DimensionScore) -> dict[str, float | None]:
    return {part.name: part.score for part in score.components}


@every_dimension
def test_weights_of_the_components_sum_to_one(name: str) -> None:
    components = registry.dimensions()[name].components
    assert math.isclose(math.fsum(spec.weight for spec in components), 1.0, abs_tol=1e-12)
    assert len({spec.name for spec in components}) == len(components)


@every_dimension
def test_nothing_is_ready_on_the_first_tick_and_everything_is_in_the_end(name: str) -> None:
    scores, _ = play(name, usual_market(name))
    assert all(part.score is None for part in scores[0].components)
    assert scores[0].score is None
    assert all(part.score is not None for part in scores[-1].components)
    assert scores[-1].coverage == pytest.approx(1.0)


@every_dimension
def test_nothing_is_ready_before_the_warm_up_is_over(name: str) -> None:
    kind = registry.dimensions()[name]
    if "warmup_s" not in kind.options_type.model_fields:
        pytest.skip("declares no warm-up of its own")
    drive = DimensionMachine(registry.create(name, {"warmup_s": 50.0}))
    state = drive.initial()
    frames = usual_market(name)[:900]
    scores = [s for frame in frames if (s := drive.step(state, frame)) is not None]
    early = [s for s in scores if s.tick_ns < frames[0].close_ns + 50 * 1_000_000_000]
    assert all(part.score is None for score in early for part in score.components)
    assert scores[-1].score is not None


@every_dimension
def test_every_component_moves_with_the_market(name: str) -> None:
    scores, _ = play(name, usual_market(name))
    for spec in registry.dimensions()[name].components:
        seen = [v for score in scores if (v := values(score)[spec.name]) is not None]
        assert max(seen) - min(seen) > 5.0, f"{spec.name} hardly moves: {min(seen)}..{max(seen)}"


@every_dimension
def test_readings_come_in_the_declared_order(name: str) -> None:
    scores, _ = play(name, usual_market(name)[:50])
    declared = [spec.name for spec in registry.dimensions()[name].components]
    assert all([part.name for part in score.components] == declared for score in scores)


@every_dimension
@few
@given(plan=markets())
def test_scores_are_finite_in_range_and_sum_up(name: str, plan: MarketPlan) -> None:
    frames = frames_of(name, plan)
    for score in play(name, frames)[0]:
        for part in score.components:
            assert part.score is None or 0.0 <= part.score <= 100.0
            assert all(math.isfinite(value) for _, value in part.raw), part
        if score.score is not None:
            parts = math.fsum(part.contribution for part in score.components)
            assert parts == pytest.approx(score.score - NEUTRAL, abs=1e-9)
            assert 0.0 <= score.score <= 100.0
            assert math.fsum(part.weight for part in score.components) == pytest.approx(1.0)


@every_dimension
@settings(max_examples=40, suppress_health_check=slow)
@given(frames=wild_frames())
def test_no_valid_frame_is_too_wild(name: str, frames: list[Frame]) -> None:
    scores, state = play(name, frames)
    drive = machine(name)
    assert drive.encode(drive.decode(drive.encode(state))) == drive.encode(state)
    for score in scores:
        assert score.score is None or 0.0 <= score.score <= 100.0
        for part in score.components:
            assert all(math.isfinite(value) for _, value in part.raw), part


@every_dimension
@few
@given(plan=markets(), cut=st.floats(0.0, 1.0))
def test_a_state_resumed_in_mid_stream_gives_the_same_bytes(
    name: str, plan: MarketPlan, cut: float
) -> None:
    frames = frames_of(name, plan)
    drive = machine(name)
    at = int(cut * len(frames))
    scores, state = play(name, frames)
    head, first = play(name, frames[:at])
    revived = drive.decode(drive.encode(first))
    assert drive.encode(revived) == drive.encode(first)
    tail, second = play(name, frames[at:], revived)
    assert [msgspec.msgpack.encode(s) for s in [*head, *tail]] == [
        msgspec.msgpack.encode(s) for s in scores
    ]
    assert drive.encode(second) == drive.encode(state)


@every_dimension
@few
@given(plan=markets(600), cut=st.integers(1, 599))
def test_what_comes_later_changes_no_earlier_score(name: str, plan: MarketPlan, cut: int) -> None:
    frames = frames_of(name, plan)
    whole, _ = play(name, frames)
    part, _ = play(name, frames[:cut])
    assert part == whole[: len(part)]


@every_dimension
def test_frames_are_left_as_they_were(name: str) -> None:
    frames = usual_market(name, 3, 400)
    before = [msgspec.msgpack.encode(frame) for frame in frames]
    play(name, frames)
    assert [msgspec.msgpack.encode(frame) for frame in frames] == before


@every_dimension
def test_a_state_does_not_grow_with_time(name: str) -> None:
    frames = usual_market(name, 5, 14_000)
    drive = machine(name)
    _, early = play(name, frames[:3_500])  # every window of the defaults is full by then
    early_size = len(drive.encode(early))
    _, late = play(name, frames[3_500:], early)
    late_size = len(drive.encode(late))
    assert late_size <= LARGEST_STATE
    assert late_size <= 1.1 * early_size + 300


@every_dimension
@few
@given(plan=markets())
def test_the_mirrored_market_gives_the_declared_mirror(name: str, plan: MarketPlan) -> None:
    frames = frames_of(name, plan)
    pivot = 120_001  # twice the price around which the generated markets start, and an odd tick
    straight, _ = play(name, frames)
    mirror, _ = play(name, [mirrored(frame, pivot) for frame in frames])
    for spec in registry.dimensions()[name].components:
        for one, other in zip(straight, mirror, strict=True):
            a, b = values(one)[spec.name], values(other)[spec.name]
            assert (a is None) == (b is None), spec.name
            if a is not None and b is not None:
                expected = 100.0 - a if spec.mirror is Mirror.SIGNED else a
                assert b == pytest.approx(expected, abs=spec.tolerance), spec.name


@every_dimension
@few
@given(plan=markets(), price=st.integers(1, 1_000), qty=st.integers(1, 1_000))
def test_units_of_price_and_quantity_do_not_matter(
    name: str, plan: MarketPlan, price: int, qty: int
) -> None:
    frames = frames_of(name, plan)
    assert_same_scores(name, frames, [rescaled(f, price=price, qty=qty) for f in frames])


@every_dimension
@few
@given(plan=markets(600), start=st.integers(0, 599))
def test_finer_exponents_from_any_frame_on_do_not_matter(
    name: str, plan: MarketPlan, start: int
) -> None:
    frames = frames_of(name, plan)
    finer = [refined(f, price=2, qty=1) if i >= start else f for i, f in enumerate(frames)]
    assert_same_scores(name, frames, finer)


def assert_same_scores(name: str, frames: list[Frame], others: list[Frame]) -> None:
    tolerance = {spec.name: spec.tolerance for spec in registry.dimensions()[name].components}
    for one, other in zip(play(name, frames)[0], play(name, others)[0], strict=True):
        a, b = values(one), values(other)
        for key, value in a.items():
            if value is None:
                assert b[key] is None, key
            else:
                assert b[key] == pytest.approx(value, abs=tolerance[key]), key


@every_dimension
@settings(max_examples=15, phases=no_shrinking, suppress_health_check=slow)
@given(
    seed=st.integers(0, 2**32),
    push=st.sampled_from(Push),
    factor=st.integers(2, 20),
    last=st.integers(1, 10),
)
def test_a_push_moves_scores_only_the_declared_way(
    name: str, seed: int, push: Push, factor: int, last: int
) -> None:
    if not any(spec.monotone for spec in registry.dimensions()[name].components):
        pytest.skip("declares no push")
    declared = {
        spec.name: spec.monotone[push]
        for spec in registry.dimensions()[name].components
        if push in spec.monotone
    }
    assume(declared)
    count = 10 * random.Random(seed).randrange(60, 90)
    frames = random_market(seed, count, interval_ns=interval_of(name))
    stronger = frames[:-last] + [pushed(frame, push, factor) for frame in frames[-last:]]
    plain, moved = play(name, frames)[0][-1], play(name, stronger)[0][-1]
    for component, direction in declared.items():
        a, b = values(plain)[component], values(moved)[component]
        if a is not None:
            assert b is not None
            assert (b - a) * direction >= -1e-9, (component, push, a, b)


@every_dimension
def test_declared_pushes_do_move_the_score(name: str) -> None:
    frames = usual_market(name, 11, 1_200)
    plain = values(play(name, frames)[0][-1])
    for spec in registry.dimensions()[name].components:
        for push, direction in spec.monotone.items():
            stronger = frames[:-10] + [pushed(frame, push, 4) for frame in frames[-10:]]
            moved = values(play(name, stronger)[0][-1])[spec.name]
            before = plain[spec.name]
            assert before is not None
            assert moved is not None
            assert (moved - before) * direction > 0.0, (spec.name, push)
