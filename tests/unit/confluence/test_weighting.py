"""Attribution is exact, and weights spread over what is ready."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.weighting import MOST, bounded_multiplier, confluence
from schemas.confluence_settings import WeightsSettings
from schemas.score import DIMENSIONS
from tests.support.messages import component_of, dimension_of, score_of

WEIGHTS = {name: float(value) for name, value in WeightsSettings().model_dump().items()}
maybe_score = st.one_of(st.none(), st.floats(0, 100))


def test_weights_spread_over_the_dimensions_that_are_ready() -> None:
    scores = [score_of("orderbook", 80.0), score_of("orderflow", 60.0), score_of("volume", None)]
    value, parts = confluence(scores, WEIGHTS, {})
    assert value == pytest.approx(70.0)
    assert [p.weight for p in parts] == pytest.approx([0.5, 0.5, 0.0])
    assert [p.contribution for p in parts] == pytest.approx([15.0, 5.0, 0.0])


def test_nothing_ready_gives_no_score() -> None:
    value, parts = confluence([score_of("orderbook", None)], WEIGHTS, {})
    assert value is None
    assert [p.contribution for p in parts] == [0.0]


@given(st.lists(maybe_score, min_size=6, max_size=6))
def test_contributions_sum_to_score_minus_fifty(values: list[float | None]) -> None:
    scores = [score_of(n, v) for n, v in zip(DIMENSIONS, values, strict=True)]
    value, parts = confluence(scores, WEIGHTS, {})
    if value is None:
        assert all(v is None for v in values)
        return
    assert 0.0 <= value <= 100.0
    assert math.fsum(p.contribution for p in parts) == pytest.approx(value - 50.0, abs=1e-9)
    assert math.fsum(p.weight for p in parts) == pytest.approx(1.0)
    by_hand = math.fsum(WEIGHTS[s.dimension] * s.score for s in scores if s.score is not None)
    total = math.fsum(WEIGHTS[s.dimension] for s in scores if s.score is not None)
    assert value == pytest.approx(by_hand / total, abs=1e-9)


def test_worked_example_of_weights_by_regime_and_attribution() -> None:
    book = dimension_of(
        "orderbook",
        component_of("liquidity", 90.0, weight=0.6),
        component_of("impact", 60.0, weight=0.4, divergence=5.0),
    )
    flow = dimension_of("orderflow", component_of("trade_flow", 40.0, weight=1.0))
    value, (of_book, of_flow) = confluence([book, flow], WEIGHTS, {"orderbook": 1.2})
    # 0.225 * 1.2 to 0.225: 6 to 5; the book scores 0.6 * 90 + 0.4 * 65 = 80
    assert (of_book.weight, of_flow.weight) == pytest.approx((6 / 11, 5 / 11))
    assert value == pytest.approx(80 * 6 / 11 + 40 * 5 / 11)
    assert dict(of_book.components) == pytest.approx(
        {"liquidity": 6 / 11 * 24, "impact": 6 / 11 * 6}
    )
    assert of_book.multiplier == 1.2


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.2, 5), st.floats(0.2, 5)), min_size=1),
)
def test_no_weight_leaves_half_to_twice_its_base_weight(
    given_: list[tuple[float, float, float]],
) -> None:
    base = {str(i): weight for i, (weight, _, _) in enumerate(given_)}
    multipliers = {str(i): bounded_multiplier(r, s) for i, (_, r, s) in enumerate(given_)}
    assert all(1 / MOST <= m <= MOST for m in multipliers.values())
    _, parts = confluence([score_of(name, 50.0) for name in base], base, multipliers)
    whole = math.fsum(base.values())
    assert math.fsum(p.weight for p in parts) == pytest.approx(1.0)
    for part in parts:
        normal = base[part.dimension] / whole
        assert normal / 2 - 1e-12 <= part.weight <= normal * 2 + 1e-12


@given(st.data())
def test_components_sum_to_score_minus_fifty(data: st.DataObject) -> None:
    scores = []
    for name in DIMENSIONS:
        shares = data.draw(st.lists(st.floats(0.1, 1), min_size=1, max_size=6))
        total = math.fsum(shares)
        scores.append(
            dimension_of(
                name,
                *(
                    component_of(
                        str(i),
                        data.draw(st.floats(0, 100)),
                        weight=share / total,
                        divergence=data.draw(st.floats(-10, 10)),
                    )
                    for i, share in enumerate(shares)
                ),
            )
        )
    multipliers = {name: data.draw(st.floats(1 / MOST, MOST)) for name in DIMENSIONS}
    value, parts = confluence(scores, WEIGHTS, multipliers)
    assert value is not None
    shares_of_all = [points for part in parts for _, points in part.components]
    assert math.fsum(shares_of_all) == pytest.approx(value - 50.0, abs=1e-9)
