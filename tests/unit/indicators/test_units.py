"""Rounding has no unit: equal buys and sells are no flow, in whatever unit they are counted."""

from __future__ import annotations

import pytest

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine
from schemas.frame import Frame
from tests.support.markets import MarketPlan, rescaled


def scores(frames: list[Frame]) -> list[float | None]:
    machine = DimensionMachine(registry.create("orderflow", {}))
    state = machine.initial()
    return [s.score for frame in frames if (s := machine.step(state, frame)) is not None]


def test_a_market_whose_flow_cancels_out_scores_the_same_in_other_units() -> None:
    plan = MarketPlan(
        seed=49771273, n_frames=900, frames_per_tick=10, holes=0.0, quiet=0.8, derivatives=False
    )
    frames = plan.frames()
    other = [rescaled(frame, price=937, qty=117) for frame in frames]
    assert scores(other) == pytest.approx(scores(frames), abs=1e-9)
