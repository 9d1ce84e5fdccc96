"""The rows of a breakdown add up, whatever is ready and wherever bonuses lead."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.confluence.weighting import confluence
from agents.interpretation.breakdown import breakdown, dimension_table
from schemas.plain import plain
from schemas.score import NEUTRAL, ComponentReading, ConfluenceScore, DimensionScore
from tests.support.messages import score_of

WEIGHTS = {"technical": 0.15, "orderflow": 0.225, "orderbook": 0.225}

components = st.lists(
    st.tuples(st.none() | st.floats(0.0, 100.0), st.floats(0.05, 1.0), st.floats(-10.0, 10.0)),
    min_size=1,
    max_size=6,
)


def dimension_of(name: str, parts: list[tuple[float | None, float, float]]) -> DimensionScore:
    """A dimension as its machine would score these (score, base weight, bonus)."""
    total = math.fsum(weight for score, weight, _ in parts if score is not None)
    readings = []
    for number, (score, base, bonus) in enumerate(parts):
        if score is None:
            readings.append(ComponentReading(f"c{number}", None, 0.0, 0.0))
            continue
        push = base / total * (min(max(score + bonus, 0.0), 100.0) - NEUTRAL)
        readings.append(ComponentReading(f"c{number}", score, base / total, push, bonus))
    score = NEUTRAL + math.fsum(r.contribution for r in readings) if total else None
    return msgspec.structs.replace(score_of(name, score), components=tuple(readings))


def verdict_of(scores: list[DimensionScore]) -> ConfluenceScore:
    value, parts = confluence(scores, WEIGHTS, {})
    return ConfluenceScore(
        "v", "A/B", scores[0].tick_ns, 1, 1, value, 0.5, 9.0, parts, (), 68.0, 35.0
    )


@given(parts=components)
def test_pushes_sum_to_the_score_less_50_and_impact_with_bonuses_to_the_score(
    parts: list[tuple[float | None, float, float]],
) -> None:
    score = dimension_of("technical", parts)
    total = dimension_table(score).total
    if score.score is None:
        assert (total.score, total.gauge, total.push, total.impact) == (None, None, 0.0, 0.0)
        return
    assert total.push == pytest.approx(score.score - NEUTRAL, abs=1e-9)
    assert total.impact + total.divergence == pytest.approx(score.score, abs=1e-9)
    assert total.weight == pytest.approx(1.0)


@given(one=components, other=components)
def test_the_whole_adds_up_too(
    one: list[tuple[float | None, float, float]], other: list[tuple[float | None, float, float]]
) -> None:
    scores = [dimension_of("orderbook", one), dimension_of("technical", other)]
    verdict = verdict_of(scores)
    told = breakdown(verdict, scores)
    if verdict.score is not None:
        assert told.whole.total.push == pytest.approx(verdict.score - NEUTRAL, abs=1e-9)
        assert told.whole.total.impact == pytest.approx(verdict.score, abs=1e-9)
    assert [row.name for row in told.whole.rows] == ["technical", "orderbook"]
    assert [table.name for table in told.tables] == ["technical", "orderbook"]


def test_a_bonus_counts_as_far_as_the_score_can_go() -> None:
    table = dimension_table(dimension_of("technical", [(96.0, 1.0, 10.0)]))
    assert (table.rows[0].divergence, table.rows[0].gauge) == (10.0, 100.0)
    assert table.total.divergence == pytest.approx(4.0)


def test_the_plain_form_is_json_with_the_messages_whole() -> None:
    scores = [dimension_of("orderbook", [(80.0, 0.6, 0.0), (None, 0.4, 0.0)])]
    told = plain(breakdown(verdict_of(scores), scores))
    assert json.loads(json.dumps(told)) == told
    assert told["confluence"] == plain(verdict_of(scores))
    assert told["dimensions"] == [plain(score) for score in scores]
    assert told["tables"][0]["rows"][1] == {
        "name": "c1", "score": None, "weight": 0.0, "impact": 0.0, "push": 0.0,
        "divergence": 0.0, "gauge": None,
    }  # fmt: skip
    assert told["interpretation"]["bullish"][0]["component"] == "c0"
