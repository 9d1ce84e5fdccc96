"""Named events of recorded markets, what is expected of the scores there, and what they were."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.pipeline import Pipeline
from schemas.frame import Frame
from schemas.score import NEUTRAL, DimensionScore
from streams.merge import FeedMessage
from tests.support.six import all_six, scores_of

NEAR_POINTS = 10.0
"""What counts as near neutral."""


class How(StrEnum):
    """What is expected of a score; 50 itself is neither above nor below."""

    ABOVE = "above 50"
    BELOW = "below 50"
    RISES = "rises"
    """Higher after the event than before it."""
    FALLS = "falls"
    NEARER = "nearer to 50 than before"
    NEAR = "within 10 points of 50"


@dataclass(frozen=True)
class Event:
    """Something that happened in a recording from ``begin_ns`` to ``end_ns``.

    Scores are read at the first tick from its end on, and at the last one up to its beginning for
    what there was before; with ``mean`` the mean over its ticks is taken, of a long one.
    ``expected`` maps a dimension, ``dimension.component`` or ``confluence`` to what is expected.
    """

    name: str
    begin_ns: int
    end_ns: int
    expected: dict[str, How]
    mean: bool = False


@dataclass(frozen=True)
class Tick:
    """Every score of one tick by its name; components as ``dimension.component``."""

    at_ns: int
    scores: dict[str, float | None]


def ticks_of(messages: Iterable[FeedMessage]) -> list[Tick]:
    """What all six dimensions and the confluence say at every tick."""
    ticks = []
    scores: dict[str, float | None] = {}
    for given in scores_of(Pipeline(all_six()), messages):
        if isinstance(given, DimensionScore):
            scores[given.dimension] = given.score
            scores |= {f"{given.dimension}.{p.name}": p.score for p in given.components}
        else:
            scores["confluence"] = given.score
            ticks.append(Tick(given.tick_ns, scores))
            scores = {}
    return ticks


def within(frames: Iterable[Frame], begin_ns: int, end_ns: int) -> list[Frame]:
    """Frames that close after the beginning and up to the end."""
    return [frame for frame in frames if begin_ns < frame.close_ns <= end_ns]


@dataclass(frozen=True)
class Observed:
    """A score before and after an event (or its mean over it), and whether that was expected."""

    before: float | None
    after: float | None
    hit: bool


def observe(event: Event, ticks: Sequence[Tick], name: str) -> Observed:
    """What a score did at an event. What is not ready does not hit."""
    earlier = [t.scores[name] for t in ticks if t.at_ns <= event.begin_ns]
    before = earlier[-1] if earlier else None
    if event.mean:
        inside = [t.scores[name] for t in ticks if event.begin_ns < t.at_ns <= event.end_ns]
        ready = [value for value in inside if value is not None]
        after = math.fsum(ready) / len(ready) if ready else None
    else:
        after = next(t.scores[name] for t in ticks if t.at_ns >= event.end_ns)
    return Observed(before, after, _hits(event.expected[name], before, after))


def _hits(how: How, before: float | None, after: float | None) -> bool:
    if after is None:
        return False
    lean = after - NEUTRAL
    match how:
        case How.ABOVE:
            return lean > 0.0
        case How.BELOW:
            return lean < 0.0
        case How.NEAR:
            return abs(lean) <= NEAR_POINTS
        case How.RISES:
            return before is not None and after > before
        case How.FALLS:
            return before is not None and after < before
        case How.NEARER:
            return before is not None and abs(lean) < abs(before - NEUTRAL)
