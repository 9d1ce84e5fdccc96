"""Mood as others measure it: the fear and greed index, news, social media."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.clamp import clamp
from agents.indicators.crowd import crowd_lean
from agents.indicators.decay import fade
from agents.indicators.heard import Heard

FEAR_GREED = (25.0, 45.0)
"""Distance from 50 at which the index calls itself extreme, and at which nobody is left."""

SOCIAL = (0.5, 1.0)


@dataclass
class OutsideMood:
    """Leans of what came by series from outside the market, each ``None`` until it has come.

    - fear and greed ``f`` (0 to 100): a crowd's, ``crowd_lean(f - 50)``: confirming from 25 to 75,
      turning, contrarian at 5 and below and at 95 and above. ``100 - f`` gives the opposite.
    - social media (-1 to 1): a crowd's too, confirming within ±0.5, contrarian at ±1.
    - news (-1 to 1): confirming; it tells of events, not of how people stand.

    What was said fades with ``half_life_s``, the index (a state, not a saying) does not. Values out
    of range are held to it. Range: [-1, 1] each. Cost: O(1).

    >>> outside = OutsideMood()
    >>> outside.fear_greed.update(75.0, 0), outside.news.update(0.5, 0)
    (True, True)
    >>> outside.parts(0)
    ((0.2, 0.4), (0.1, 0.5), (0.1, None))
    """

    half_life_s: float = 6 * 3_600.0
    fear_greed: Heard = field(default_factory=Heard)
    news: Heard = field(default_factory=Heard)
    social: Heard = field(default_factory=Heard)

    def parts(self, now_ns: int) -> tuple[tuple[float, float | None], ...]:
        """Weights and leans of the index, of news and of social media."""
        index = self.fear_greed.fresh(now_ns)
        news, social = self._tone(self.news, now_ns), self._tone(self.social, now_ns)
        if index is not None:
            away = clamp(index, 0.0, 100.0) - 50.0
            index = crowd_lean(away, calm=FEAR_GREED[0], extreme=FEAR_GREED[1])
        if news is not None:
            news *= self._left(self.news, now_ns)
        if social is not None:
            lean = crowd_lean(social, calm=SOCIAL[0], extreme=SOCIAL[1])
            social = lean * self._left(self.social, now_ns)
        return ((0.2, index), (0.1, news), (0.1, social))

    def _left(self, heard: Heard, now_ns: int) -> float:
        return fade(now_ns - heard.at_ns, self.half_life_s)

    @staticmethod
    def _tone(heard: Heard, now_ns: int) -> float | None:
        value = heard.fresh(now_ns)
        return None if value is None else clamp(value, -1.0, 1.0)
