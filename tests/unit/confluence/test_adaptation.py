"""Weights in force: by regime and by what each dimension has shown, seldom and in words."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.confluence.adaptation import Adaptation, AdaptationState
from agents.confluence.skill import SkillState
from agents.confluence.weighting import MOST
from schemas.confluence_settings import RegimeSettings
from schemas.frame import NS_PER_S
from schemas.score import Regime
from tests.support.messages import score_of

LIMITS = RegimeSettings()
WEIGHTS = {"orderbook": 0.225, "orderflow": 0.225}


def play(
    mids: list[float],
    *,
    limits: RegimeSettings = LIMITS,
    leans: dict[str, list[float]] | None = None,
) -> tuple[AdaptationState, list[tuple[str, ...]]]:
    """A sample every 5 s; what was told at each."""
    state, adaptation = AdaptationState(), Adaptation(WEIGHTS, limits)
    told = []
    for i, mid in enumerate(mids):
        scores = [
            score_of(name, 50.0 if leans is None else 50.0 + leans[name][i]) for name in WEIGHTS
        ]
        told.append(adaptation.step(state, scores, price=mid, tick_ns=i * 5 * NS_PER_S))
    return state, told


def test_worked_example_of_a_rise() -> None:
    state, told = play([100.0 + i * 0.01 for i in range(70)])
    assert state.regime is Regime.TRENDING_UP
    assert state.multipliers == {"orderbook": 0.85, "orderflow": 1.1}
    # 0.85 to 1.1 of equal base weights
    assert [changes for changes in told if changes] == [
        (
            "regime unknown -> trending_up",
            "weights orderbook 0.500 -> 0.436, orderflow 0.500 -> 0.564",
        )
    ]
    assert told.index(next(filter(None, told))) == 60


def test_a_fall_is_weighed_like_a_rise_and_a_burst_differently() -> None:
    fall, _ = play([100.0 - i * 0.01 for i in range(70)])
    assert (fall.regime, fall.multipliers) == (
        Regime.TRENDING_DOWN,
        {"orderbook": 0.85, "orderflow": 1.1},
    )
    calm = [100.0 + 0.01 * (i % 2) for i in range(200)]
    burst, told = play([*calm, *(100.0 + 0.5 * (i % 2) for i in range(10))])
    assert burst.regime is Regime.VOLATILE
    assert [c[0] for c in told if c] == ["regime unknown -> ranging", "regime ranging -> volatile"]


def test_a_new_regime_puts_its_weights_in_force_however_little_they_differ() -> None:
    state, _ = play([100.0 + i * 0.01 for i in range(70)], limits=RegimeSettings(weights_step=0.9))
    assert state.multipliers == {"orderbook": 0.85, "orderflow": 1.1}


def test_skill_is_the_correlation_with_the_move_a_minute_later() -> None:
    rng = random.Random(5)
    mids = [100.0]
    for _ in range(299):
        mids.append(mids[-1] * math.exp(rng.gauss(0, 1e-3)))
    leans = [rng.gauss(0, 10) for _ in mids]
    state = SkillState()
    for mid, lean in zip(mids, leans, strict=True):
        state.update(mid, [score_of("orderbook", min(max(50 + lean, 0.0), 100.0))], LIMITS)
    h = LIMITS.skill_horizon_samples
    x = np.clip(50 + np.array(leans[:-h]), 0, 100) - 50
    y = np.array(mids[h:]) / np.array(mids[:-h]) - 1
    weights = 0.5 ** (np.arange(len(x) - 1, -1, -1) * 5.0 / LIMITS.skill_half_life_s)
    correlation = (weights * x * y).sum() / math.sqrt(
        (weights * x * x).sum() * (weights * y * y).sum()
    )
    evidence = correlation * math.sqrt(weights.sum() / h)
    assert state.moments["orderbook"].evidence == pytest.approx(evidence)
    expected = 2 ** (0.5 / 2 * math.tanh(evidence / 4))
    assert state.multiplier("orderbook", LIMITS) == pytest.approx(expected)


def test_who_was_right_weighs_more_and_who_was_wrong_less() -> None:
    rng = random.Random(2)
    mids = [100.0]
    for _ in range(2_000):
        mids.append(mids[-1] * math.exp(rng.gauss(0, 1e-3)))
    h = LIMITS.skill_horizon_samples
    ahead = [1e3 * (mids[min(i + h, 2_000)] / mid - 1) for i, mid in enumerate(mids)]
    leans = {"orderbook": ahead, "orderflow": [-lean for lean in ahead]}
    state, told = play(mids, leans=leans)
    assert state.skill.multiplier("orderbook", LIMITS) > 1.1
    assert state.skill.multiplier("orderflow", LIMITS) < 0.9
    # Logged when it matters, not at each of 2,000 samples.
    assert 2 < len([changes for changes in told if changes]) < 200
    still, _ = play(mids, leans=leans, limits=RegimeSettings(skill_reach=0.0))
    assert still.skill.multiplier("orderbook", RegimeSettings(skill_reach=0.0)) == 1.0


def test_what_the_mid_did_in_a_silence_is_no_move_that_a_score_foretold() -> None:
    rng = random.Random(3)
    state, adaptation = AdaptationState(), Adaptation(WEIGHTS, LIMITS)
    mid, at_ns, lean, evidence = 100.0, 0, 0.0, []
    for sample in range(800):
        silence = sample == 720
        at_ns += (3_600 if silence else 5) * NS_PER_S
        mid *= 0.95 if silence else math.exp(rng.gauss(1e-5 * lean, 1e-4))
        lean = 0.9 * lean + rng.gauss(0, 5.0)
        scores = [score_of(name, 50.0 + min(max(lean, -50.0), 50.0)) for name in WEIGHTS]
        adaptation.step(state, scores, price=mid, tick_ns=at_ns)
        moments = state.skill.moments.get("orderflow")
        evidence.append(0.0 if moments is None else moments.evidence)
    assert evidence[719] > 3.0
    assert evidence[735] == pytest.approx(evidence[719], rel=0.1)


def test_as_long_as_nothing_was_seen_every_dimension_has_its_base_weight() -> None:
    state, told = play([100.0] * 5)
    assert (state.regime, state.multipliers, told) == (None, {}, [()] * 5)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.floats(0, 1))
def test_multipliers_are_bounded_and_within_a_step_of_what_is_wanted(
    seed: int, reach: float
) -> None:
    rng = random.Random(seed)
    limits = RegimeSettings(skill_reach=reach)
    mids = [100.0]
    for _ in range(200):
        mids.append(mids[-1] * math.exp(rng.gauss(0, 10 ** rng.uniform(-6, -1))))
    leans = {name: [rng.uniform(-50, 50) for _ in mids] for name in WEIGHTS}
    state, _ = play(mids, limits=limits, leans=leans)
    for name, multiplier in state.multipliers.items():
        assert 1 / MOST <= multiplier <= MOST
        assert state.regime is not None
        wanted = getattr(getattr(limits, state.regime.value), name)
        wanted = min(max(wanted * state.skill.multiplier(name, limits), 1 / MOST), MOST)
        assert abs(wanted / multiplier - 1) <= limits.weights_step + 1e-9
    assert len(state.skill.open) == limits.skill_horizon_samples
