"""Confluence score: the weighted mean of the dimensions that are ready, exactly attributed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from schemas.score import NEUTRAL, Contribution, DimensionScore

MOST = math.sqrt(2.0)
"""Multipliers stay within 1/√2 and √2. Their weighted mean does too, and a normalised weight is
its base weight times multiplier over mean: so it stays within half and twice its base weight."""

_LEAST = 1.0 / MOST


def bounded_multiplier(regime: float, skill: float) -> float:
    """Multiplier of a base weight by regime and skill together, held to [1/√2, √2].

    >>> bounded_multiplier(1.2, 1.1), bounded_multiplier(1.4, 1.4) == MOST
    (1.32, True)
    """
    both = regime * skill
    return min(max(both, _LEAST), MOST)


def confluence(
    scores: Sequence[DimensionScore],
    weights: Mapping[str, float],
    multipliers: Mapping[str, float],
) -> tuple[float | None, tuple[Contribution, ...]]:
    """Score in [0, 100] (``None`` if nothing is ready) and each dimension's contribution.

    ``weight_d = base_d m_d / sum of base m over what is ready``,
    ``contribution_d = weight_d (score_d − 50)``, ``score = 50 + sum of contributions``; a component
    has ``weight_d`` times its contribution to the dimension. A multiplier that is not given is 1.
    Contributions come in the order of ``scores``.
    """
    raw = [
        0.0 if s.score is None else weights[s.dimension] * multipliers.get(s.dimension, 1.0)
        for s in scores
    ]
    total = math.fsum(raw)
    parts = []
    for item, own in zip(scores, raw, strict=True):
        name, score = item.dimension, item.score
        multiplier = multipliers.get(name, 1.0)
        if score is None or total <= 0.0:
            parts.append(Contribution(name, score, 0.0, 0.0, multiplier))
            continue
        weight = own / total
        shares = tuple([(c.name, weight * c.contribution) for c in item.components])
        parts.append(
            Contribution(name, score, weight, weight * (score - NEUTRAL), multiplier, shares)
        )
    if total <= 0.0:
        return None, tuple(parts)
    whole = NEUTRAL + math.fsum([p.contribution for p in parts])
    return min(max(whole, 0.0), 100.0), tuple(parts)
