"""What a confluence score means, in plain sentences built from the values behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from agents.interpretation.phrasebook import (
    component_sentence,
    dimension_patterns,
    lean_of,
    plain_name,
)
from agents.interpretation.sentences.figures import points, price
from schemas.score import NEUTRAL, ComponentReading, ConfluenceScore, DimensionScore

LEAST_POINTS = 0.05
"""A component that moves the whole by less, rounded to 0.0 points, is no reason."""


class Reason(msgspec.Struct, frozen=True):
    """One component as a reason: ``points`` is what it adds to the whole score, with its sign."""

    dimension: str
    component: str
    points: float
    text: str


class DimensionWords(msgspec.Struct, frozen=True):
    """One dimension: a headline, a sentence per component, and what several show together."""

    dimension: str
    headline: str
    components: tuple[str, ...]
    patterns: tuple[str, ...]


class Interpretation(msgspec.Struct, frozen=True):
    """All that is to be said of one tick. Reasons come strongest first."""

    headline: str
    bullish: tuple[Reason, ...]
    bearish: tuple[Reason, ...]
    change: tuple[str, ...]
    """What would change the view."""
    notes: tuple[str, ...]
    """What to know before trusting it: reliability, what is not ready, what is tainted."""
    dimensions: tuple[DimensionWords, ...]


def interpret(whole: ConfluenceScore, scores: Sequence[DimensionScore]) -> Interpretation:
    """Sentences of one tick from its verdict and the scores of its dimensions; deterministic.

    A component adds ``weight of its dimension * its contribution`` points to the whole; those of
    all components sum to ``score - 50``, and reasons are ranked by them. The view changes at the
    nearer threshold: told are the points that are missing, and where the score would be without
    the component that pulls most away from it.

    >>> part = ComponentReading("impact", 70.0, 1.0, 20.0)
    >>> book = DimensionScore("v", "A/B", "orderbook", 1, 1, 1, 70.0, 1.0, 1.0, 9.0, (part,))
    >>> from schemas.score import Contribution
    >>> given = (Contribution("orderbook", 70.0, 1.0, 20.0),)
    >>> whole = ConfluenceScore("v", "A/B", 1, 1, 1, 70.0, 0.9, 9.0, given, (), 68.0, 35.0)
    >>> interpret(whole, [book]).headline
    'A/B is bullish at 70.0, price 9: orderbook +20.0.'
    """
    reasons = _reasons(whole, scores)
    return Interpretation(
        headline=_headline(whole),
        bullish=tuple(r for r in reasons if r.points >= LEAST_POINTS),
        bearish=tuple(r for r in reversed(reasons) if r.points <= -LEAST_POINTS),
        change=tuple(_change(whole, reasons)),
        notes=tuple(_notes(whole, scores)),
        dimensions=tuple(_words(score) for score in scores),
    )


def _reasons(whole: ConfluenceScore, scores: Sequence[DimensionScore]) -> list[Reason]:
    """Every ready component, the most bullish first."""
    weights = {part.dimension: part.weight for part in whole.contributions}
    reasons = [
        Reason(
            score.dimension,
            part.name,
            weights.get(score.dimension, 0.0) * part.contribution,
            component_sentence(score.dimension, part),
        )
        for score in scores
        for part in score.components
        if part.ready
    ]
    return sorted(reasons, key=attrgetter("points"), reverse=True)


def _headline(whole: ConfluenceScore) -> str:
    at = "" if whole.price is None else f", price {price(whole.price)}"
    if whole.score is None:
        return f"{whole.symbol} has no score{at}: no dimension is ready."
    parts = sorted(whole.contributions, key=attrgetter("contribution"), reverse=True)
    if whole.score < NEUTRAL:
        parts.reverse()
    told = ", ".join(
        f"{plain_name(part.dimension)} {points(part.contribution)}"
        for part in parts
        if part.score is not None
    )
    return f"{whole.symbol} {lean_of(whole.score)} at {whole.score:.1f}{at}: {told}."


def _change(whole: ConfluenceScore, reasons: Sequence[Reason]) -> Iterator[str]:
    score = whole.score
    if score is None:
        yield "A first score: it comes once a dimension is ready."
        return
    to_long, to_short = whole.long_threshold - score, score - whole.short_threshold
    if to_long <= 0.0:
        yield (
            f"The score is {-to_long:.1f} points above the long threshold "
            f"{whole.long_threshold:g}; a larger fall ends that."
        )
        yield from _without(score, reasons, supports=1)
    elif to_short <= 0.0:
        yield (
            f"The score is {-to_short:.1f} points below the short threshold "
            f"{whole.short_threshold:g}; a larger rise ends that."
        )
        yield from _without(score, reasons, supports=-1)
    elif to_long <= to_short:
        yield f"{to_long:.1f} points more reach the long threshold {whole.long_threshold:g}."
        yield from _without(score, reasons, supports=-1)
    else:
        yield f"{to_short:.1f} points less reach the short threshold {whole.short_threshold:g}."
        yield from _without(score, reasons, supports=1)


def _without(score: float, reasons: Sequence[Reason], *, supports: int) -> Iterator[str]:
    """The component whose points stand most in the way of the change, and the score without it."""
    if not reasons:
        return
    most = reasons[0] if supports > 0 else reasons[-1]
    if most.points * supports < LEAST_POINTS:
        return
    name = f"{plain_name(most.component)} ({plain_name(most.dimension)})"
    yield (
        f"Most in the way stands {name} with {points(most.points)}; "
        f"with it at 50 the score would be {score - most.points:.1f}."
    )


def _notes(whole: ConfluenceScore, scores: Sequence[DimensionScore]) -> Iterator[str]:
    if whole.reliability_parts:
        least = min(whole.reliability_parts, key=attrgetter("value"))
        yield (
            f"Reliability {whole.reliability:.2f}; weakest is "
            f"{plain_name(least.name)} at {least.value:.2f}."
        )
    if whole.withheld is not None:
        yield f"A signal was withheld, {whole.withheld}."
    waiting = [plain_name(score.dimension) for score in scores if not score.ready]
    if waiting:
        yield f"Not ready: {', '.join(waiting)}."
    if whole.tainted:
        yield "History or recovered data is in it."


def _words(score: DimensionScore) -> DimensionWords:
    return DimensionWords(
        score.dimension,
        _dimension_headline(score),
        tuple(component_sentence(score.dimension, part) for part in score.components),
        tuple(dimension_patterns(score)),
    )


def _dimension_headline(score: DimensionScore) -> str:
    name = plain_name(score.dimension).capitalize()
    if score.score is None:
        return f"{name} is not ready."
    said = f"{name} {lean_of(score.score)} at {score.score:.1f}"
    if score.coverage < 1.0 and not math.isclose(score.coverage, 1.0):
        said += f", {score.coverage:.0%} of it ready"
    ready = [part for part in score.components if part.ready]
    if not ready:
        return f"{said}."
    side = 1.0 if score.score >= NEUTRAL else -1.0
    lead = max(ready, key=lambda part: part.contribution * side)
    brake = min(ready, key=lambda part: part.contribution * side)
    told = _told("carried by", lead, side) + _told("against", brake, -side)
    return f"{said}: {', '.join(told)}." if told else f"{said}."


def _told(role: str, part: ComponentReading, side: float) -> list[str]:
    if part.contribution * side < LEAST_POINTS:
        return []
    return [f"{role} {plain_name(part.name)} {points(part.contribution)}"]
