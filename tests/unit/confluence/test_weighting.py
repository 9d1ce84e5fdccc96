"""Attribution is exact, and weights spread over what is ready."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.weighting import confluence
from schemas.score import DIMENSIONS
from schemas.confluence_settings import WeightsSettings
from tests.support.messages import score_of

WEIGHTS = {name: float(value) for name, value in WeightsSettings().model_dump().items()}
maybe_score = st.one_of(st.none(), st.floats(0, 100))


def test_weights_spread_over_the_dimensions_that_are_ready() -> None:
    scores = [score_of("orderbook", 80.0), score_of("orderflow", 60.0), score_of("volume", None)]
    value, parts = confluence(scores, WEIGHTS)
    assert value == pytest.approx(70.0)
    assert [p.weight for p in parts] == pytest.approx([0.5, 0.5, 0.0])
    assert [p.contribution for p in parts] == pytest.approx([15.0, 5.0, 0.0])


def test_nothing_ready_gives_no_score() -> None:
    value, parts = confluence([score_of("orderbook", None)], WEIGHTS)
    assert value is None
    assert [p.contribution for p in parts] == [0.0]


@given(st.lists(maybe_score, min_size=6, max_size=6))
def test_contributions_sum_to_score_minus_fifty(values: list[float | None]) -> None:
    scores = [score_of(n, v) for n, v in zip(DIMENSIONS, values, strict=True)]
    value, parts = confluence(scores, WEIGHTS)
    if value is None:
        assert all(v is None for v in values)
        return
    assert 0.0 <= value <= 100.0
    assert math.fsum(p.contribution for p in parts) == pytest.approx(value - 50.0, abs=1e-9)
    assert math.fsum(p.weight for p in parts) == pytest.approx(1.0)
    by_hand = math.fsum(WEIGHTS[s.dimension] * s.score for s in scores if s.score is not None)
    total = math.fsum(WEIGHTS[s.dimension] for s in scores if s.score is not None)
    assert value == pytest.approx(by_hand / total, abs=1e-9)
