"""Sentences of components: by the files of ``sentences``, generic where none knows the name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from itertools import islice

import agents.interpretation.sentences
from agents.interpretation.sentences.base import Phrase, Phrases, Tone, Values, tone_of
from agents.interpretation.sentences.figures import number, points
from schemas.score import ComponentReading, DimensionScore

MOST_EVIDENCE = 3
"""Raw values told of a component that no file knows."""

_NOTHING = Phrases({})


@cache
def phrases() -> dict[str, Phrases]:
    """Every file of the folder that holds phrases, by the dimension that it is named after."""
    path = agents.interpretation.sentences.__path__
    found = {}
    for module in pkgutil.iter_modules(path, "agents.interpretation.sentences."):
        held = getattr(importlib.import_module(module.name), "PHRASES", None)
        if isinstance(held, Phrases):
            found[module.name.rpartition(".")[2]] = held
    return found


def plain_name(name: str) -> str:
    """A name as words: ``price_structure`` is "price structure"."""
    return name.replace("_", " ")


def component_sentence(dimension: str, reading: ComponentReading) -> str:
    """One sentence of a component: claim, evidence, and what timeframes add; never raises.

    >>> reading = ComponentReading("toxicity", 71.0, 0.3, 6.3, raw=(("vpin", 0.31),))
    >>> component_sentence("orderflow", reading)
    'Buying seems informed (71): VPIN 0.31.'
    """
    if reading.score is None:
        return f"{plain_name(reading.name).capitalize()} is not ready."
    known = phrases().get(dimension, _NOTHING).components.get(reading.name)
    lean = min(max(reading.score + reading.divergence, 0.0), 100.0)
    values = dict(reading.raw)
    claim = (known or _generic(reading.name)).claim(tone_of(lean))
    told = [] if known is None else list(known.evidence(values))
    if not told:
        told = [f"{plain_name(k)} {number(v)}" for k, v in islice(values.items(), MOST_EVIDENCE)]
    if reading.divergence:
        told.append(f"timeframes that disagree add {points(reading.divergence)}")
    said = f"{claim} ({lean:.0f})"
    return f"{said}: {'; '.join(told)}." if told else f"{said}."


def dimension_patterns(score: DimensionScore) -> Iterator[str]:
    """What several components of a dimension show together, as sentences."""
    values: Values = {name: v for c in score.components if c.ready for name, v in c.raw}
    for told in phrases().get(score.dimension, _NOTHING).patterns(values):
        yield f"{told}."


def _generic(component: str) -> Phrase:
    name = plain_name(component).capitalize()
    return Phrase(f"{name} leans bullish", f"{name} leans nowhere", f"{name} leans bearish")


def lean_of(score: float) -> str:
    """How a score leans, in a word or two.

    >>> lean_of(50.0), lean_of(57.0), lean_of(31.0), lean_of(12.0)
    ('leans nowhere', 'leans bullish', 'is bearish', 'is strongly bearish')
    """
    tone = tone_of(score)
    if tone is Tone.NEUTRAL:
        return "leans nowhere"
    side = "bullish" if tone is Tone.BULLISH else "bearish"
    away = abs(score - 50.0)
    verb = "leans" if away < 15.0 else "is" if away < 30.0 else "is strongly"
    return f"{verb} {side}"
