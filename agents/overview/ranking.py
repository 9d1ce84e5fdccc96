"""From measures to standings, scores, ranks, and the choice of what to trade."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agents.overview.measures import MEASURES, Market, Values
from agents.overview.symbol import SymbolState
from schemas.overview import Measure, SymbolOverview
from schemas.score import NEUTRAL
from schemas.settings import OverviewSettings

GROUP_WEIGHTS = {"selection": 0.4, "cross_market": 0.3, "quality": 0.3}
"""Share of each group in a symbol's score (spec, dimensions); measures share a group equally."""

_COUNT = {
    group: sum(kind.group == group for kind in MEASURES.values())  # ints
    for group in GROUP_WEIGHTS
}
_DIGITS = ".9g"
"""Values that agree to nine digits stand equal: the rounding of other units must not rank them."""


def standings(values: Mapping[str, float | None]) -> dict[str, float]:
    """Percentage of the other values that each one exceeds, equal ones counting half; [0, 100].

    Percentile ranks, so that neither units nor outliers matter, and scores mean the same whatever
    the measure; alone a value stands at 50. Those that are ``None`` take no part. Cost: O(n log n).

    >>> standings({"a": 5.0, "b": 1.0, "c": 5.0, "d": None})
    {'a': 75.0, 'b': 0.0, 'c': 75.0}
    """
    known = {key: float(format(v, _DIGITS)) for key, v in values.items() if v is not None}
    ordered = sorted(known.values())
    others = len(ordered) - 1
    if others < 1:
        return dict.fromkeys(known, NEUTRAL)
    return {
        key: 50.0 * (bisect_left(ordered, v) + bisect_right(ordered, v) - 1) / others
        for key, v in known.items()
    }


def ranked(
    symbols: Mapping[str, SymbolState], settings: OverviewSettings
) -> tuple[SymbolOverview, ...]:
    """All symbols, the best first: by score, then volume, then name; those without a score last.

    The best ``settings.choose`` whose volume is known are chosen.
    """
    market = Market(symbols, settings)
    values = {key: market.measured(key) for key in market.symbols}
    scores = {
        name: standings({key: _goodness(name, of[name]) for key, of in values.items()})
        for name in MEASURES
    }
    judged = {
        key: _judged(values.get(key), {name: scores[name].get(key) for name in MEASURES})
        for key in sorted(symbols)
    }

    volumes = {key: of["volume"] for key, of in values.items()}

    def order(key: str) -> tuple[bool, float, float, str]:
        score = judged[key].score
        return score is None, -(score or 0.0), -(volumes.get(key) or 0.0), key

    rows = []
    best = sorted(judged, key=order)
    chosen = [key for key in best if volumes.get(key) is not None][: settings.choose]
    for rank, key in enumerate(best, start=1):
        one = judged[key]
        venue, _, symbol = key.partition(":")
        rows.append(
            SymbolOverview(
                rank=rank,
                venue=venue,
                symbol=symbol,
                sector=market.sector(key),
                present=key in market.symbols,
                chosen=key in chosen,
                score=one.score,
                coverage=one.coverage,
                selection=one.groups["selection"],
                cross_market=one.groups["cross_market"],
                quality=one.groups["quality"],
                measures=one.measures,
            )
        )
    return tuple(rows)


class _Judged(NamedTuple):
    score: float | None
    coverage: float
    groups: dict[str, float | None]
    measures: tuple[Measure, ...]


def _judged(values: Values | None, scores: Mapping[str, float | None]) -> _Judged:
    """Weighted means of what is ready, and the weight of it."""
    groups: dict[str, float | None] = {}
    parts, weights, coverage = [], [], []
    for group, weight in GROUP_WEIGHTS.items():
        ready = [s for name, s in scores.items() if MEASURES[name].group == group and s is not None]
        groups[group] = value = _mean(ready)
        if value is not None:
            parts.append(weight * value)
            weights.append(weight)
            coverage.append(weight * len(ready) / _COUNT[group])
    measures = tuple(
        Measure(name, None if values is None else values[name], scores[name]) for name in MEASURES
    )
    score = math.fsum(parts) / math.fsum(weights) if weights else None
    if score is not None:
        score = min(score, 100.0)
    return _Judged(score, math.fsum(coverage), groups, measures)


def _goodness(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    return -abs(value) if MEASURES[name].smaller_is_better else abs(value)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
