"""One component from its scores on several timeframes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.dimensions.base import MAX_DIVERGENCE, Reading
from agents.indicators.clamp import clamp

WEIGHTS = (0.0, 0.25, 0.35, 0.40)
"""Of 1m (base), 5m, 15m and 4h; they sum to 1."""

_, _LOWER, _MEDIUM, _HIGHER = WEIGHTS

BASE_COVERAGE = 0.125
"""What the base alone is worth, while no timeframe above it is ready: half of the lower one."""

PULL = 0.25
"""Part of its excess by which a disagreeing timeframe pulls."""


class Combined(msgspec.Struct):
    """Score of a component over the timeframes, its divergence bonus, and what is ready of it."""

    score: float | None
    divergence: float
    coverage: float


def combine(scores: Sequence[float | None], *, threshold: float = 10.0) -> Combined:
    """Combine the scores of 1m, 5m, 15m and 4h, each in [0, 100] or ``None`` (not ready).

    The score is the mean of 5m, 15m and 4h by :data:`WEIGHTS`, renormalised over what is ready;
    ``coverage`` is the weight that is. **The base** stands in while none of them is ready, so that
    structure is seen within the first hour; after that it only enters the divergence.
    **Divergence**: each timeframe, the base too, whose distance ``d`` from the score exceeds the
    ``threshold`` pulls towards itself by ``0.25 (|d| - threshold)``; the sum is held to ±10 points.
    Slow timeframes weigh more in the score, so it is mostly fast ones that pull: an early warning.

    >>> combine((90.0, None, None, None))
    Combined(score=90.0, divergence=0.0, coverage=0.125)
    >>> combine((70.0, 50.0, 50.0, None))
    Combined(score=50.0, divergence=2.5, coverage=0.6)
    """
    base, lower, medium, higher = scores
    if lower is not None and medium is not None and higher is not None:
        whole, ready = _LOWER * lower + _MEDIUM * medium + _HIGHER * higher, 1.0
    else:
        total = ready = 0.0
        for weight, value in zip(WEIGHTS, scores, strict=True):
            if value is not None:
                total += weight * value
                ready += weight
        if ready <= 0.0:
            return Combined(base, 0.0, 0.0 if base is None else BASE_COVERAGE)
        whole = total / ready
    bonus = 0.0
    for value in scores:
        if value is not None:
            away = value - whole
            if away > threshold:
                bonus += PULL * (away - threshold)
            elif away < -threshold:
                bonus += PULL * (away + threshold)
    if not -MAX_DIVERGENCE <= bonus <= MAX_DIVERGENCE:
        bonus = clamp(bonus, -MAX_DIVERGENCE, MAX_DIVERGENCE)
    return Combined(whole, bonus, ready)


def over_timeframes(
    name: str,
    scores: Sequence[float | None],
    raw: Sequence[tuple[str, float]],
    *,
    threshold: float,
) -> Reading:
    """The reading of a component from its scores of 1m, 5m, 15m and 4h."""
    whole = combine(scores, threshold=threshold)
    return Reading(name, whole.score, tuple(raw), whole.divergence, whole.coverage)
