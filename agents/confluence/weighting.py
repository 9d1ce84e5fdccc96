"""Confluence score: the weighted mean of the dimensions that are ready, exactly attributed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from schemas.score import NEUTRAL, Contribution, DimensionScore


def confluence(
    scores: Sequence[DimensionScore], weights: Mapping[str, float]
) -> tuple[float | None, tuple[Contribution, ...]]:
    """Score in [0, 100] (``None`` if nothing is ready) and each dimension's contribution.

    ``weight_d = base_d / sum of base over what is ready``, ``contribution_d = weight_d · (score_d −
    50)``, ``score = 50 + sum of contributions``. Contributions come in the order of ``scores``.
    """
    ready_weight = math.fsum(weights[s.dimension] for s in scores if s.score is not None)
    parts = []
    for item in scores:
        if item.score is None or ready_weight <= 0.0:
            parts.append(Contribution(item.dimension, item.score, 0.0, 0.0))
            continue
        weight = weights[item.dimension] / ready_weight
        parts.append(
            Contribution(item.dimension, item.score, weight, weight * (item.score - NEUTRAL))
        )
    if ready_weight <= 0.0:
        return None, tuple(parts)
    score = NEUTRAL + math.fsum(p.contribution for p in parts)
    return min(max(score, 0.0), 100.0), tuple(parts)
