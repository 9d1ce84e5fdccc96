"""One component from several timeframes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dimensions.timeframes import BASE_COVERAGE, Combined, combine

scores = st.lists(st.none() | st.floats(0.0, 100.0), min_size=4, max_size=4)


@given(given_scores=scores)
def test_the_score_lies_between_those_of_the_timeframes(given_scores: list[float | None]) -> None:
    whole = combine(given_scores)
    above = [s for s in given_scores[1:] if s is not None] or [
        s for s in given_scores if s is not None
    ]
    if not above:
        assert whole == Combined(None, 0.0, 0.0)
    else:
        assert whole.score is not None
        assert min(above) - 1e-9 <= whole.score <= max(above) + 1e-9
        assert -10.0 <= whole.divergence <= 10.0
        assert 0.0 < whole.coverage <= 1.0


@given(given_scores=scores)
def test_mirrored_timeframes_give_the_mirrored_score_and_bonus(
    given_scores: list[float | None],
) -> None:
    one = combine(given_scores)
    other = combine([None if s is None else 100.0 - s for s in given_scores])
    assert one.coverage == other.coverage
    assert other.divergence == pytest.approx(-one.divergence, abs=1e-9)
    if one.score is not None:
        assert other.score == pytest.approx(100.0 - one.score, abs=1e-9)


def test_longer_timeframes_weigh_more() -> None:
    assert combine((0.0, 100.0, 0.0, 0.0)).score == pytest.approx(25.0)
    assert combine((0.0, 0.0, 100.0, 0.0)).score == pytest.approx(35.0)
    assert combine((0.0, 0.0, 0.0, 100.0)).score == pytest.approx(40.0)
    assert combine((0.0, 60.0, None, 0.0)).score == pytest.approx(60.0 * 0.25 / 0.65)


def test_the_base_alone_gives_the_score_until_a_longer_one_is_ready() -> None:
    assert combine((80.0, None, None, None)) == Combined(80.0, 0.0, BASE_COVERAGE)
    assert combine((80.0, 60.0, None, None)).score == 60.0
    assert combine((80.0, 60.0, None, None)).coverage == 0.25


@pytest.mark.parametrize(
    ("base", "bonus"), [(59.0, 0.0), (41.0, 0.0), (70.0, 2.5), (30.0, -2.5), (100.0, 10.0)]
)
def test_a_timeframe_that_disagrees_pulls_towards_itself(base: float, bonus: float) -> None:
    assert combine((base, 50.0, 50.0, 50.0)).divergence == pytest.approx(bonus)
    assert combine((base, 50.0, 50.0, 50.0), threshold=100.0).divergence == 0.0
