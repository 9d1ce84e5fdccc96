"""Reliability: how far a confluence score can be trusted, 0 to 1, in named parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import attrgetter, sub

from schemas.score import NEUTRAL, Contribution, DimensionScore, ReliabilityPart

STABILITY_TICKS = 10
"""Ticks over which stability looks back."""
RESTLESS_POINTS = 10.0
"""Mean change of the score from tick to tick at which stability is 0."""
TORN_POINTS = 10.0
"""Timeframe-divergence bonus at which alignment is 0: the largest that there is."""

BAR_BASED = frozenset({"technical", "volume", "price_structure"})
"""Dimensions whose components look at several timeframes."""

CAUSES = ("gaps", "age", "skew", "ids")
"""What lowers the fitness of the data."""

_WEIGHTS = {"readiness": 0.4, "agreement": 0.4, "stability": 0.2, "timeframes": 0.2}
_TOTAL = math.fsum(_WEIGHTS.values())
_SOUND = tuple(ReliabilityPart(cause, 1.0) for cause in CAUSES)
_FITNESS = attrgetter("fitness")


def reliability(
    scores: Sequence[DimensionScore],
    contributions: Sequence[Contribution],
    weights: Mapping[str, float],
    recent: Sequence[float],
) -> tuple[float, tuple[ReliabilityPart, ...]]:
    """Reliability and its parts.

    - ``fitness``: the least fitness of any dimension's data, the product of the next four;
    - ``gaps``, ``age``, ``skew``, ``ids``: what missing data, stale or silent channels, book
      against tape and unverifiable ids leave of it, 1 where nothing is wrong;
    - ``readiness``: base-weighted mean of the dimensions' coverage, 0 for one that is not ready;
    - ``agreement``: ``1 − sqrt(sum of weight · (score − mean)²) / 50``;
    - ``stability``: ``1 − mean |change between ticks| / 10``, at least 0, over ``recent`` scores
      (oldest first, the present one last);
    - ``timeframes``: ``1 − mean |divergence bonus| / 10`` over the components of the dimensions on
      bars, by weight: a bonus is what timeframes that disagree leave. Left out if none is ready.

    ``reliability = fitness · mean of the last four``, weighing 0.4, 0.4, 0.2 and 0.2. It is linear
    in the fitness, so bad data never raises it.
    """
    worst = min(scores, key=_FITNESS)
    values = {
        "readiness": _readiness(scores, weights),
        "agreement": _agreement(contributions),
        "stability": _stability(recent),
    }
    aligned = _alignment(scores, contributions)
    total = _TOTAL
    if aligned is not None:
        values["timeframes"] = aligned
    else:
        total = math.fsum([_WEIGHTS[name] for name in values])
    mean = math.fsum([_WEIGHTS[name] * value for name, value in values.items()]) / total
    parts = (
        ReliabilityPart("fitness", worst.fitness),
        *_causes(worst),
        *[ReliabilityPart(name, value) for name, value in values.items()],
    )
    return worst.fitness * mean, parts


def _causes(score: DimensionScore) -> tuple[ReliabilityPart, ...]:
    if not score.defects:
        return _SOUND
    defects = dict(score.defects)
    return tuple([ReliabilityPart(cause, 1.0 - defects.get(cause, 0.0)) for cause in CAUSES])


def _readiness(scores: Sequence[DimensionScore], weights: Mapping[str, float]) -> float:
    total = math.fsum([weights[s.dimension] for s in scores])
    ready = math.fsum([weights[s.dimension] * s.coverage for s in scores if s.score is not None])
    return ready / total if total > 0.0 else 0.0


def _agreement(contributions: Sequence[Contribution]) -> float:
    ready = [(c.weight, c.score) for c in contributions if c.score is not None]
    if not ready:
        return 0.0
    mean = math.fsum([weight * score for weight, score in ready])
    variance = math.fsum([weight * (score - mean) ** 2 for weight, score in ready])
    return max(0.0, 1.0 - math.sqrt(variance) / NEUTRAL)


def _stability(recent: Sequence[float]) -> float:
    if len(recent) < 2:
        return 0.0
    path = math.fsum(map(abs, map(sub, recent[1:], recent)))
    return max(0.0, 1.0 - path / (len(recent) - 1) / RESTLESS_POINTS)


def _alignment(
    scores: Sequence[DimensionScore], contributions: Sequence[Contribution]
) -> float | None:
    torn, total = [], []
    for score, part in zip(scores, contributions, strict=True):
        weight = part.weight
        if weight > 0.0 and score.dimension in BAR_BASED:
            total.append(weight)
            # What does not diverge adds nothing to an exact sum.
            torn += [
                weight * c.weight * abs(c.divergence) for c in score.components if c.divergence
            ]
    if not total:
        return None
    return max(0.0, 1.0 - math.fsum(torn) / math.fsum(total) / TORN_POINTS)
