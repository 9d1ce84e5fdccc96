"""Every dimension that learns from series, found by scanning, is held to what it declares."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agents.dimensions import registry
from agents.dimensions.base import Dimension, Mirror
from schemas.frame import Frame
from schemas.series import Series, SeriesName
from tests.support.markets import MarketPlan, markets, mirrored, random_market
from tests.support.played import machine, play, scores_of
from tests.support.series import mirrored_series, series, with_series

LARGEST_STATE = 40_000
INTERVAL_NS = 600 * 1_000_000_000

NAMES = sorted(
    name for name, kind in registry.dimensions().items() if kind.learn is not Dimension.learn
)
every_learner = pytest.mark.parametrize("name", NAMES)
few = settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a market is a seed: no simpler one
    suppress_health_check=[HealthCheck.too_slow],
)


def messages(plan: MarketPlan) -> list[Frame | Series]:
    frames = random_market(
        plan.seed,
        plan.n_frames,
        frames_per_tick=plan.frames_per_tick,
        interval_ns=INTERVAL_NS,
        quiet=plan.quiet,
        derivatives=plan.derivatives,
    )
    return list(with_series(frames, plan.seed))


def test_the_registry_is_scanned() -> None:
    assert "sentiment" in NAMES


@every_learner
@few
@given(plan=markets(600))
def test_scores_with_series_mirror_and_stay_in_range(name: str, plan: MarketPlan) -> None:
    straight = messages(plan)
    turned = [
        mirrored(message, 120_001) if isinstance(message, Frame) else mirrored_series(message)
        for message in straight
    ]
    pairs = zip(play(machine(name), straight)[0], play(machine(name), turned)[0], strict=True)
    for one, other in pairs:
        a, b = scores_of(one), scores_of(other)
        for spec in registry.dimensions()[name].components:
            x, y = a[spec.name], b[spec.name]
            assert (x is None) == (y is None), spec.name
            if x is not None and y is not None:
                assert 0.0 <= x <= 100.0
                expected = 100.0 - x if spec.mirror is Mirror.SIGNED else x
                assert y == pytest.approx(expected, abs=spec.tolerance), spec.name


@every_learner
@few
@given(plan=markets(600), cut=st.floats(0.0, 1.0))
def test_a_state_with_series_resumes_to_the_same_bytes(
    name: str, plan: MarketPlan, cut: float
) -> None:
    given = messages(plan)
    drive = machine(name)
    at = int(cut * len(given))
    scores, state = play(drive, given)
    head, first = play(drive, given[:at])
    tail, second = play(drive, given[at:], drive.decode(drive.encode(first)))
    assert [msgspec.msgpack.encode(s) for s in [*head, *tail]] == [
        msgspec.msgpack.encode(s) for s in scores
    ]
    assert drive.encode(second) == drive.encode(state)


@every_learner
def test_series_do_not_make_a_state_grow(name: str) -> None:
    given = list(
        with_series(random_market(5, 4_000, frames_per_tick=1, interval_ns=INTERVAL_NS), 5)
    )
    drive = machine(name)
    _, early = play(machine(name), given[: len(given) // 2])
    early_size = len(drive.encode(early))
    late_size = len(drive.encode(play(machine(name), given[len(given) // 2 :], early)[1]))
    assert late_size <= min(1.1 * early_size + 300, LARGEST_STATE)


@every_learner
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e300, -1.0, 0.0, 1e300])
@pytest.mark.parametrize("series_name", list(SeriesName))
def test_no_value_of_a_series_is_too_wild(name: str, series_name: SeriesName, value: float) -> None:
    frames = random_market(2, 400, frames_per_tick=1, interval_ns=INTERVAL_NS)
    cut = frames[300].open_ns
    odd = series(series_name, [(cut - 1, value), (cut, value)])
    scores, _ = play(machine(name), [*frames[:300], odd, *frames[300:]])
    for score in scores:
        assert score.score is None or 0.0 <= score.score <= 100.0
        for part in score.components:
            assert all(math.isfinite(raw) for _, raw in part.raw), part
