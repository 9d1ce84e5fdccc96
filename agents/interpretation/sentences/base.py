"""What a file of sentences holds, and what all of them need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from schemas.score import NEUTRAL

CALM = 5.0
"""A score within so many points of 50 leans nowhere."""

TIMEFRAMES = ("1m", "5m", "15m", "4h")
"""Names that raw values of several timeframes end with."""


class Tone(Enum):
    """Which way a score leans."""

    BULLISH = 1
    NEUTRAL = 0
    BEARISH = -1


def tone_of(score: float) -> Tone:
    """Tone of a score in [0, 100].

    >>> tone_of(55.0), tone_of(54.9), tone_of(45.0)
    (<Tone.BULLISH: 1>, <Tone.NEUTRAL: 0>, <Tone.BEARISH: -1>)
    """
    if abs(score - NEUTRAL) < CALM:
        return Tone.NEUTRAL
    return Tone.BULLISH if score > NEUTRAL else Tone.BEARISH


Values = Mapping[str, float]
"""Raw values of a component, or of all components of a dimension, by name."""

Evidence = Callable[[Values], Iterable[str]]
"""From the raw values that are there, what to tell beside a claim; it fills in for none."""


def no_evidence(_values: Values) -> Iterable[str]:
    """Nothing to tell."""
    return ()


@dataclass(frozen=True)
class Phrase:
    """What a component says: a claim by its tone, then the evidence from its raw values."""

    bullish: str
    neutral: str
    bearish: str
    evidence: Evidence = no_evidence

    def claim(self, tone: Tone) -> str:
        """The claim for a tone."""
        match tone:
            case Tone.BULLISH:
                return self.bullish
            case Tone.NEUTRAL:
                return self.neutral
            case Tone.BEARISH:
                return self.bearish


@dataclass(frozen=True)
class Phrases:
    """What a dimension says: its components by name, and patterns that several of them show.

    ``patterns`` gets the raw values of all ready components together.
    """

    components: Mapping[str, Phrase]
    patterns: Evidence = no_evidence


def over_timeframes(values: Values, stem: str, write: Callable[[float], str]) -> str | None:
    """Values of ``stem`` on the timeframes that have one, ``None`` without any.

    >>> over_timeframes({"rsi_5m": 61.0, "rsi_4h": 44.0}, "rsi", lambda v: f"{v:.0f}")
    '5m 61, 4h 44'
    """
    told = [f"{t} {write(values[f'{stem}_{t}'])}" for t in TIMEFRAMES if f"{stem}_{t}" in values]
    return ", ".join(told) if told else None
