"""The breakdown of a score as data: the rows of its tables, for terminals, logs and the API."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from agents.interpretation.interpret import Interpretation, interpret
from schemas.score import (
    DIMENSIONS,
    NEUTRAL,
    ComponentReading,
    ConfluenceScore,
    Contribution,
    DimensionScore,
)


class Row(msgspec.Struct, frozen=True):
    """One line of a table; all but ``weight`` (0 to 1) in points.

    ``impact = weight * score``; ``push`` is the contribution, the points by which the line moves
    the total off 50; ``divergence`` is what timeframes that disagree add. The score of a component
    is the one before that bonus, any other score holds it. ``gauge`` is the score with the bonus.
    A score that is not ready is ``None``, and the rest of its line 0.
    """

    name: str
    score: float | None
    weight: float
    impact: float
    push: float
    divergence: float
    gauge: float | None


class Table(msgspec.Struct, frozen=True):
    """The parts of one score, and its total."""

    name: str
    rows: tuple[Row, ...]
    total: Row


class Breakdown(msgspec.Struct, frozen=True):
    """Everything that is to be told of one symbol at one tick."""

    confluence: ConfluenceScore
    dimensions: tuple[DimensionScore, ...]
    whole: Table
    tables: tuple[Table, ...]
    """One per dimension, in the order of ``dimensions``."""
    interpretation: Interpretation


def breakdown(whole: ConfluenceScore, scores: Sequence[DimensionScore]) -> Breakdown:
    """The breakdown of a verdict and the dimension scores that it was made of.

    Pushes sum to score − 50 in every table, and ``impact + divergence`` of a dimension's total is
    its score. In the table of the whole, ``divergence`` tells how much of a dimension's score the
    bonuses of its components made. Dimensions come in the order in which they are always shown;
    ``schemas.plain.plain`` makes the whole of it JSON.
    """
    scores = sorted(scores, key=lambda score: _rank(score.dimension))
    parts = sorted(whole.contributions, key=lambda part: _rank(part.dimension))
    tables = tuple(dimension_table(score) for score in scores)
    bonus = {table.name: table.total.divergence for table in tables}
    rows = tuple(_dimension_row(part, bonus) for part in parts)
    return Breakdown(
        confluence=whole,
        dimensions=tuple(scores),
        whole=Table("confluence", rows, _total("confluence", whole.score, rows, _weighted(rows))),
        tables=tables,
        interpretation=interpret(whole, scores),
    )


def dimension_table(score: DimensionScore) -> Table:
    """The components of a dimension and its score.

    >>> ao = ComponentReading("ao", 55.78, 1.0, 11.78, 6.0)
    >>> table = dimension_table(
    ...     DimensionScore("v", "s", "technical", 1, 1, 1, 61.78, 1.0, 1.0, None, (ao,)))
    >>> row = table.rows[0]
    >>> row.impact, row.push, row.divergence, row.gauge, table.total.score
    (55.78, 11.78, 6.0, 61.78, 61.78)
    """
    rows = tuple(_component_row(part) for part in score.components)
    # What a bonus did is less than the bonus where the sum left 0 to 100.
    bonus = math.fsum(row.push - (row.impact - row.weight * NEUTRAL) for row in rows)
    return Table(score.dimension, rows, _total(score.dimension, score.score, rows, bonus))


def _rank(dimension: str) -> int:
    return DIMENSIONS.index(dimension) if dimension in DIMENSIONS else len(DIMENSIONS)


def _component_row(part: ComponentReading) -> Row:
    if part.score is None:
        return Row(part.name, None, 0.0, 0.0, 0.0, 0.0, None)
    return Row(
        name=part.name,
        score=part.score,
        weight=part.weight,
        impact=part.weight * part.score,
        push=part.contribution,
        divergence=part.divergence,
        gauge=min(max(part.score + part.divergence, 0.0), 100.0),
    )


def _dimension_row(part: Contribution, bonus: dict[str, float]) -> Row:
    impact = 0.0 if part.score is None else part.weight * part.score
    added = bonus.get(part.dimension, 0.0)
    return Row(
        part.dimension, part.score, part.weight, impact, part.contribution, added, part.score
    )


def _weighted(rows: Sequence[Row]) -> float:
    return math.fsum(row.weight * row.divergence for row in rows)


def _total(name: str, score: float | None, rows: Sequence[Row], divergence: float) -> Row:
    return Row(
        name=name,
        score=score,
        weight=math.fsum(row.weight for row in rows),
        impact=math.fsum(row.impact for row in rows),
        push=math.fsum(row.push for row in rows),
        divergence=divergence,
        gauge=score,
    )
