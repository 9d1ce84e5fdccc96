"""How well each dimension has predicted lately, measured by the join itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.confluence_settings import RegimeSettings
from schemas.score import NEUTRAL, DimensionScore

_LN2 = math.log(2.0)
_HALF = 4.0
"""A t-statistic of 4 gives tanh(1) = 76% of the reach; one of 1, which chance gives, 24%."""


@dataclass
class Moments:
    """Fading sums over pairs of a lean and the move after it, and how many moves they span."""

    both: float = 0.0
    lean: float = 0.0
    move: float = 0.0
    count: float = 0.0

    def update(self, lean: float, move: float, *, keep: float, share: float) -> None:
        """Take one pair; ``share`` is how much of an independent move it is."""
        self.both = self.both * keep + lean * move
        self.lean = self.lean * keep + lean * lean
        self.move = self.move * keep + move * move
        self.count = self.count * keep + share

    @property
    def evidence(self) -> float:
        """Correlation (about zero) times sqrt(count): a t-statistic; 0 without leans or moves."""
        spread = self.lean * self.move
        return self.both / math.sqrt(spread) * math.sqrt(self.count) if spread > 0.0 else 0.0


@dataclass
class Past:
    """Mid and leans (score - 50) of one sample."""

    mid: float
    leans: dict[str, float]


@dataclass
class SkillState:
    """The samples whose moves are still open, and what the dimensions have shown so far."""

    open: list[Past] = field(default_factory=list)
    moments: dict[str, Moments] = field(default_factory=dict)

    def update(
        self, mid: float, scores: Sequence[DimensionScore], settings: RegimeSettings
    ) -> None:
        """Take one sample: the scores of a horizon ago meet the move since. Cost: O(dimensions)."""
        horizon = settings.skill_horizon_samples
        if len(self.open) == horizon:
            past = self.open.pop(0)
            move = mid / past.mid - 1.0
            keep = math.exp(-_LN2 * settings.sample_s / settings.skill_half_life_s)
            for name, lean in past.leans.items():
                moments = self.moments.get(name)
                if moments is None:
                    moments = self.moments[name] = Moments()
                moments.update(lean, move, keep=keep, share=1.0 / horizon)
        leans = {s.dimension: s.score - NEUTRAL for s in scores if s.score is not None}
        self.open.append(Past(mid, leans))

    def multiplier(self, name: str, settings: RegimeSettings) -> float:
        """What a dimension's skill makes of its weight, between 1/√2 and √2.

        ``2^(reach/2 · tanh(t / 4))``: ``t`` is the correlation of ``score - 50`` with the mid's
        move over the next minute times the square root of the minutes that it was seen over, with
        a half-life of two hours; a move across a silence is none. 1 as long as nothing was seen;
        scores that are wrong weigh less.
        """
        moments = self.moments.get(name)
        if moments is None:
            return 1.0
        evidence = math.tanh(moments.evidence / _HALF)
        return math.exp(_LN2 / 2 * settings.skill_reach * evidence)
