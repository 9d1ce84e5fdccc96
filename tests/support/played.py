"""A dimension played over a log of frames, history and series."""

from __future__ import annotations

from collections.abc import Iterable

from agents.dimensions import registry
from agents.dimensions.base import DimensionMachine, SymbolState
from schemas.frame import Backfill, Frame
from schemas.score import DimensionScore
from schemas.series import Series


def play(
    drive: DimensionMachine,
    messages: Iterable[Frame | Backfill | Series],
    state: SymbolState | None = None,
) -> tuple[list[DimensionScore], SymbolState]:
    """The scores of the messages' ticks, and the state after them."""
    state = drive.initial() if state is None else state
    scores = []
    for message in messages:
        if isinstance(message, Series):
            drive.learn(state, message)
        elif isinstance(message, Backfill):
            drive.backfill(state, message)
        elif (score := drive.step(state, message)) is not None:
            scores.append(score)
    return scores, state


def machine(name: str, **options: float) -> DimensionMachine:
    """The dimension of that name, with these options."""
    return DimensionMachine(registry.create(name, options))


def scores_of(score: DimensionScore) -> dict[str, float | None]:
    """Every component's score by its name."""
    return {part.name: part.score for part in score.components}


def raw_of(score: DimensionScore) -> dict[str, float]:
    """Every raw value by its name."""
    return {name: value for part in score.components for name, value in part.raw}
