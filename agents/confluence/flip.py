"""The smallest flip: the least change of one component that would have changed the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.confluence.crossing import Zones, zone_at
from schemas.score import Contribution, DimensionScore, Flip


def smallest_flip(
    score: float,
    zones: Zones,
    scores: Sequence[DimensionScore],
    contributions: Sequence[Contribution],
) -> Flip | None:
    """The least flip at a tick, ``None`` if no single component could have changed the decision.

    The decision is a step function of the score (``zones``), and the score is linear in every
    component: ``e = weight of dimension · weight of component`` per point of its held value
    ``h = score + divergence`` within [0, 100]. So to reach the edge of a zone ``x`` away, a
    component must come to ``h + x / e − divergence``; it can if that ``h`` and that score lie
    within [0, 100]. The least of these over components and the nearest edge on either side that
    changes the outcome is the flip; the first one where two are alike. Everything else of the tick
    stays: other components, weights, thresholds, and the reliability. Exact to rounding (1e-9
    points). Cost: O(components), 8 us for thirty.
    """
    here = zone_at(zones, score)
    outcome = zones[here].outcome
    above = next((z for z in zones[here + 1 :] if z.outcome is not outcome), None)
    below = next((i for i in range(here - 1, -1, -1) if zones[i].outcome is not outcome), None)
    best: Flip | None = None
    least = math.inf
    if above is not None:
        best = _nearest(above.low - score, above.outcome, scores, contributions, within=least)
        least = math.inf if best is None else best.points
    if below is not None:
        edge = math.nextafter(zones[below + 1].low, -math.inf)
        found = _nearest(edge - score, zones[below].outcome, scores, contributions, within=least)
        best = best if found is None else found
    return best


def _nearest(
    away: float,
    outcome: str | None,
    scores: Sequence[DimensionScore],
    contributions: Sequence[Contribution],
    *,
    within: float,
) -> Flip | None:
    """The component that moves the score by ``away`` with the least change, below ``within``."""
    found = None
    for dimension, part in zip(scores, contributions, strict=True):
        if part.weight <= 0.0:
            continue
        for component in dimension.components:
            own = component.score
            if own is None or component.weight <= 0.0:
                continue
            bonus = component.divergence
            held = own + bonus
            held = 0.0 if held < 0.0 else min(held, 100.0)
            held += away / (part.weight * component.weight)
            to = held - bonus
            if 0.0 <= held <= 100.0 and 0.0 <= to <= 100.0 and abs(to - own) < within:
                within = abs(to - own)
                found = (dimension.dimension, component.name, own, to)
    return None if found is None else Flip(*found, None if outcome is None else str(outcome))
