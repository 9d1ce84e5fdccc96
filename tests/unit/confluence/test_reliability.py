"""Each part of reliability, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.reliability import reliability
from agents.confluence.weighting import confluence
from tests.support.messages import score_of

WEIGHTS = {"orderbook": 0.225, "orderflow": 0.225}


def test_worked_example() -> None:
    scores = [
        score_of("orderbook", 80.0, coverage=1.0, fitness=0.9),
        score_of("orderflow", 60.0, coverage=0.5, fitness=1.0),
    ]
    _, contributions = confluence(scores, WEIGHTS)
    value, parts = reliability(scores, contributions, WEIGHTS, [68.0, 70.0, 69.0])
    by_name = {p.name: p.value for p in parts}
    # scores 80 and 60 around 70: standard deviation 10, agreement 1 - 10/50;
    # changes of 2 and 1 points: mean 1.5, stability 1 - 1.5/10
    assert by_name == pytest.approx(
        {"fitness": 0.9, "readiness": 0.75, "agreement": 0.8, "stability": 0.85}
    )
    assert value == pytest.approx(0.9 * (0.4 * 0.75 + 0.4 * 0.8 + 0.2 * 0.85))


def test_a_gap_in_the_data_lowers_reliability_to_nothing() -> None:
    scores = [score_of("orderbook", 80.0, fitness=0.0), score_of("orderflow", 80.0)]
    _, contributions = confluence(scores, WEIGHTS)
    value, _ = reliability(scores, contributions, WEIGHTS, [80.0, 80.0])
    assert value == 0.0


@given(
    st.tuples(st.floats(0, 100), st.floats(0, 100)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.lists(st.floats(0, 100), max_size=10),
)
def test_reliability_and_its_parts_stay_between_zero_and_one(
    values: tuple[float, float], fitness: tuple[float, float], recent: list[float]
) -> None:
    scores = [
        score_of(name, v, fitness=f) for name, v, f in zip(WEIGHTS, values, fitness, strict=True)
    ]
    _, contributions = confluence(scores, WEIGHTS)
    value, parts = reliability(scores, contributions, WEIGHTS, recent)
    for number in (value, *(p.value for p in parts)):
        assert 0.0 <= number <= 1.0 + 1e-12
