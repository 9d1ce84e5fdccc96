"""The smallest flip: the least change of one component that would have changed the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.confluence.crossing import Zones, zone_at
from schemas.score import Contribution, DimensionScore, Flip
from schemas.signal import SignalKind


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
    points). Cost: O(components), 3 us for thirty, most of which could never reach an edge.
    """
    wanted = _edges(score, zones)
    if not wanted:
        return None
    nearest = min([abs(away) for away, _ in wanted])
    # Steps beyond it lead out of the scale, or are no shorter than what was found.
    reach = math.nextafter(100.0, math.inf)
    found: tuple[str, str, float, float, SignalKind | None] | None = None
    for dimension, part in zip(scores, contributions, strict=True):
        if nearest > reach * part.weight:
            continue
        for component in dimension.components:
            own, pull = component.score, part.weight * component.weight
            if own is None or nearest > reach * pull:
                continue
            bonus = component.divergence
            held = min(max(own + bonus, 0.0), 100.0) if bonus else own
            for away, outcome in wanted:
                to = held + away / pull - bonus
                points = abs(to - own)
                if 0.0 <= to <= 100.0 and 0.0 <= to + bonus <= 100.0 and points < reach:
                    reach = points
                    found = (dimension.dimension, component.name, own, to, outcome)
    return None if found is None else Flip(*found)


def _edges(score: float, zones: Zones) -> list[tuple[float, SignalKind | None]]:
    """Distance to the nearest zone on either side with another outcome, and that outcome."""
    here = zone_at(zones, score)
    outcome = zones[here].outcome
    found = []
    for above in zones[here + 1 :]:
        if above.outcome is not outcome:
            found.append((above.low - score, above.outcome))
            break
    for i in range(here - 1, -1, -1):
        if zones[i].outcome is not outcome:
            edge = math.nextafter(zones[i + 1].low, -math.inf)
            found.append((edge - score, zones[i].outcome))
            break
    return found
