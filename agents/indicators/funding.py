"""What longs pay shorts: level, momentum, and how steady it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agents.indicators.blend import blend, squash
from agents.indicators.clamp import clamp
from agents.indicators.crowd import FOLLOW, crowd_lean
from agents.indicators.ewma import Ewma
from agents.indicators.heard import Heard
from agents.indicators.standing import Standing
from schemas.frame import NS_PER_S

HOUR_NS = 3_600 * NS_PER_S
HOURS_PER_YEAR = 8_760.0
PERIODS_H = range(1, 9)
"""Hours of a funding period; a longer distance is a hole in what was heard."""

CALM, EXTREME = 0.30, 1.00
"""Of a year: 0.027% and 0.091% per 8 h. The usual rate is 0.01% (11% a year); 5% of the daily
values of 119 perpetuals in 2022 and 2023 were above 0.022%, 5% below -0.033%."""

_DAY_S = 86_400.0


@dataclass
class FundingRate:
    """Funding in one unit (the plain yearly rate ``a``), its motion, and its steadiness.

    ``hourly = rate / period``, ``a = 8760 hourly``; the period is the distance of two next funding
    times, or the least of settled rates; 8 h until one is known, then all begins anew.
    ``s = mean |a - habit| + 0.01`` over a week is its usual motion.

    - ``lean``: ``crowd_lean(a)``: confirming up to 30% a year, turning, contrarian from 100% on.
      What it follows is ``0.4 (0.6 a/0.3 + 0.25 tanh(0.6 m/s) + 0.15 P)``: ``m`` the distance from
      the last day's mean (momentum), ``P`` the standing of the premium (what the next rate will
      be made of), its weight spread without one. ``a/0.3`` is held to ±1.
    - ``instability``: ``-(1 - S) (0.6 tanh(0.6 d) + 0.4 tanh(0.6 c/s))``, contrarian: ``d`` the
      standing in the last week, ``c`` the acceleration (momentum less its mean), and
      ``S = |habit| / (|habit| + s)`` the stability. A steady rate leans nowhere.

    Both in [-1, 1], both turn round with the rate's sign. Unit: none. Warm-up: one value for
    ``lean``, ``warmup_s`` of values for ``instability``. Cost per value: four exponentials.

    >>> funding = FundingRate()
    >>> funding.update(0.0001, 0)
    >>> round(funding.annual, 4), round(funding.lean(0, premium=None), 3)
    (0.1095, 0.146)
    """

    period_h: float = 8.0
    period_known: bool = False
    """Whether anything told the period; until then 8 h are assumed."""
    next_ns: int | None = None
    settled_ns: int | None = None
    heard: Heard = field(default_factory=Heard)
    annual: float | None = None
    momentum: float | None = None
    acceleration: float | None = None
    recent: Ewma = field(default_factory=lambda: Ewma(half_life_s=_DAY_S))
    pace: Ewma = field(default_factory=lambda: Ewma(half_life_s=_DAY_S))
    habit: Standing = field(
        default_factory=lambda: Standing(half_life_s=7 * _DAY_S, warmup_s=_DAY_S, floor=0.01)
    )

    def update(self, value: float, at_ns: int) -> None:
        """Take in the rate of a period."""
        if not self.heard.update(value, at_ns):
            return
        annual = value / self.period_h * HOURS_PER_YEAR
        recent = self.recent.value
        if recent is not None:
            self.momentum = annual - recent
            pace = self.pace.value
            self.acceleration = None if pace is None else self.momentum - pace
            self.pace.update(self.momentum, at_ns)
        self.recent.update(annual, at_ns)
        self.habit.update(annual, at_ns)
        self.annual = annual

    def settle(self, value: float, at_ns: int) -> None:
        """Take in a rate of history: each was paid at its time, so their distance is the period."""
        if self.settled_ns is not None:
            hours = round((at_ns - self.settled_ns) / HOUR_NS)
            if not self.period_known or hours < self.period_h:  # a longer one is a hole
                self._adopt(hours)
        self.settled_ns = at_ns
        self.update(value, at_ns)

    def expect(self, next_ns: int, *, now_ns: int) -> None:
        """Take in the time of the next funding; an hour after the last, one may be missed."""
        if self.next_ns is not None and now_ns - self.next_ns < HOUR_NS:
            self._adopt(round((next_ns - self.next_ns) / HOUR_NS))
        self.next_ns = next_ns

    @property
    def scale(self) -> float | None:
        """Usual motion ``s`` of the yearly rate."""
        habit = self.habit
        return habit.deviations / habit.weight + habit.floor if habit.weight > 0.0 else None

    @property
    def stability(self) -> float | None:
        """``S`` in [0, 1): 1 is a rate that never moves, 0 one that is all motion."""
        scale = self.scale
        if scale is None:
            return None
        level = abs(self.habit.total / self.habit.weight)
        return level / (level + scale)

    def lean(self, now_ns: int, *, premium: float | None) -> float | None:
        """Lean of level and momentum, ``premium`` in [-1, 1]; ``None`` without a fresh rate."""
        if self.heard.fresh(now_ns) is None or self.annual is None:
            return None
        level = clamp(self.annual / CALM, -1.0, 1.0)
        along = blend(((0.6, level), (0.25, self._standing(self.momentum)), (0.15, premium)))
        follow = None if along is None else FOLLOW * along
        return crowd_lean(self.annual, calm=CALM, extreme=EXTREME, follow=follow)

    def instability(self, now_ns: int) -> float | None:
        """Lean against a rate that runs away, ``None`` in warm-up or without a fresh rate."""
        away, stability = squash(self.habit.value, gain=0.6), self.stability
        faster = self._standing(self.acceleration)
        if self.heard.fresh(now_ns) is None or away is None or faster is None or stability is None:
            return None
        return -(1.0 - stability) * (0.6 * away + 0.4 * faster)

    def _standing(self, motion: float | None) -> float | None:
        scale = self.scale
        return None if motion is None or scale is None else math.tanh(0.6 * motion / scale)

    def _adopt(self, hours: int) -> None:
        if hours not in PERIODS_H:
            return
        if not self.period_known and hours != self.period_h:
            self._begin_anew(hours)
        self.period_h, self.period_known = float(hours), True

    def _begin_anew(self, hours: int) -> None:
        """What was annualised by the assumed period is no past of what follows."""
        if self.annual is not None:
            self.annual *= self.period_h / hours
        self.momentum = self.acceleration = None
        self.recent = Ewma(half_life_s=self.recent.half_life_s)
        self.pace = Ewma(half_life_s=self.pace.half_life_s)
        past = self.habit
        self.habit = Standing(
            half_life_s=past.half_life_s, warmup_s=past.warmup_s, floor=past.floor
        )
