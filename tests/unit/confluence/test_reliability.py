"""Each part of reliability, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.reliability import reliability
from agents.confluence.weighting import confluence
from tests.support.messages import component_of, dimension_of, score_of

WEIGHTS = {"orderbook": 0.225, "orderflow": 0.225}


def test_worked_example() -> None:
    scores = [
        score_of("orderbook", 80.0, fitness=0.45, defects=(("gaps", 0.5), ("ids", 0.1))),
        score_of("orderflow", 60.0, coverage=0.5, fitness=1.0),
    ]
    _, contributions = confluence(scores, WEIGHTS, {})
    value, parts = reliability(scores, contributions, WEIGHTS, [68.0, 70.0, 69.0])
    by_name = {p.name: p.value for p in parts}
    # scores 80 and 60 around 70: standard deviation 10, agreement 1 - 10/50;
    # changes of 2 and 1 points: mean 1.5, stability 1 - 1.5/10
    assert by_name == pytest.approx(
        {
            "fitness": 0.45,
            "gaps": 0.5,
            "age": 1.0,
            "skew": 1.0,
            "ids": 0.9,
            "readiness": 0.75,
            "agreement": 0.8,
            "stability": 0.85,
        }
    )
    assert value == pytest.approx(0.45 * (0.4 * 0.75 + 0.4 * 0.8 + 0.2 * 0.85))


def test_worked_example_with_timeframes_that_disagree() -> None:
    chart = dimension_of(
        "technical",
        component_of("rsi", 60.0, weight=0.75, divergence=-4.0),
        component_of("cci", 60.0, weight=0.25, divergence=0.0),
    )
    book = score_of("orderbook", chart.score)
    _, contributions = confluence([book, chart], {"orderbook": 0.2, "technical": 0.2}, {})
    value, parts = reliability(
        [book, chart], contributions, {"orderbook": 0.2, "technical": 0.2}, [57.0, 57.0]
    )
    by_name = {p.name: p.value for p in parts}
    # the mean bonus is 0.75 * 4 = 3 of at most 10 points
    assert by_name["timeframes"] == pytest.approx(0.7)
    assert value == pytest.approx((0.4 + 0.4 + 0.2 + 0.2 * 0.7) / 1.2)


def test_without_a_dimension_on_bars_there_is_no_part_for_timeframes() -> None:
    scores = [score_of("orderbook", 80.0), score_of("orderflow", 80.0), score_of("volume", None)]
    weights = {**WEIGHTS, "volume": 0.15}
    _, contributions = confluence(scores, weights, {})
    _, parts = reliability(scores, contributions, weights, [80.0, 80.0])
    assert "timeframes" not in {p.name for p in parts}


def test_a_gap_in_the_data_lowers_reliability_to_nothing() -> None:
    scores = [score_of("orderbook", 80.0, fitness=0.0), score_of("orderflow", 80.0)]
    _, contributions = confluence(scores, WEIGHTS, {})
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
    _, contributions = confluence(scores, WEIGHTS, {})
    value, parts = reliability(scores, contributions, WEIGHTS, recent)
    for number in (value, *(p.value for p in parts)):
        assert 0.0 <= number <= 1.0 + 1e-12


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=2, max_size=2),
    st.floats(0, 1),
    st.integers(0, 1),
)
def test_worse_data_never_raises_reliability(
    rows: list[tuple[float, float]], share: float, which: int
) -> None:
    def trust(fitness: list[float]) -> float:
        scores = [
            score_of(name, row[0], fitness=f)
            for name, row, f in zip(WEIGHTS, rows, fitness, strict=True)
        ]
        _, contributions = confluence(scores, WEIGHTS, {})
        return reliability(scores, contributions, WEIGHTS, [50.0, 51.0])[0]

    good = [row[1] for row in rows]
    worse = [f * share if i == which else f for i, f in enumerate(good)]
    assert trust(worse) <= trust(good)
