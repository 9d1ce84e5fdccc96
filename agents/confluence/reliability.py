"""Reliability: how far a confluence score can be trusted, 0 to 1, in named parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from schemas.score import NEUTRAL, Contribution, DimensionScore, ReliabilityPart

STABILITY_TICKS = 10
"""Ticks over which stability looks back."""
RESTLESS_POINTS = 10.0
"""Mean change of the score from tick to tick at which stability is 0."""


def reliability(
    scores: Sequence[DimensionScore],
    contributions: Sequence[Contribution],
    weights: Mapping[str, float],
    recent: Sequence[float],
) -> tuple[float, tuple[ReliabilityPart, ...]]:
    """Reliability and its parts.

    - ``fitness``: the least fitness of any dimension (gaps, age, skew of the frames behind it);
    - ``readiness``: base-weighted mean of the dimensions' coverage, 0 for one that is not ready;
    - ``agreement``: ``1 − sqrt(sum of weight · (score − mean)²) / 50``;
    - ``stability``: ``1 − mean |change between ticks| / 10``, at least 0, over ``recent`` scores
      (oldest first, the present one last).

    ``reliability = fitness · (0.4 · readiness + 0.4 · agreement + 0.2 · stability)``.
    """
    fitness = min(s.fitness for s in scores)
    readiness = _readiness(scores, weights)
    agreement = _agreement(contributions)
    stability = _stability(recent)
    value = fitness * (0.4 * readiness + 0.4 * agreement + 0.2 * stability)
    parts = (
        ReliabilityPart("fitness", fitness),
        ReliabilityPart("readiness", readiness),
        ReliabilityPart("agreement", agreement),
        ReliabilityPart("stability", stability),
    )
    return value, parts


def _readiness(scores: Sequence[DimensionScore], weights: Mapping[str, float]) -> float:
    total = math.fsum(weights[s.dimension] for s in scores)
    ready = math.fsum(weights[s.dimension] * s.coverage for s in scores if s.ready)
    return ready / total if total > 0.0 else 0.0


def _agreement(contributions: Sequence[Contribution]) -> float:
    ready = [(c.weight, c.score) for c in contributions if c.score is not None]
    if not ready:
        return 0.0
    mean = math.fsum(weight * score for weight, score in ready)
    variance = math.fsum(weight * (score - mean) ** 2 for weight, score in ready)
    return max(0.0, 1.0 - math.sqrt(variance) / NEUTRAL)


def _stability(recent: Sequence[float]) -> float:
    if len(recent) < 2:
        return 0.0
    changes = [abs(after - before) for before, after in pairwise(recent)]
    return max(0.0, 1.0 - math.fsum(changes) / len(changes) / RESTLESS_POINTS)
