"""The latent value of what is traded: regimes, trends and news, shared by a market's symbols."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from random import Random

from schemas.frame import NS_PER_MS

STEP_NS = 100 * NS_PER_MS
"""The value moves once per step."""
STEP_S = 0.1


class Mood(Enum):
    """How the whole market feels."""

    CALM = 0
    BUSY = 1
    STRESSED = 2


@dataclass(frozen=True)
class Regime:
    """A spell of one mood. ``volatility`` and ``activity`` are factors of the normal ones."""

    mean_s: float
    volatility: float
    activity: float
    next_moods: tuple[tuple[Mood, float], ...]


REGIMES = {
    Mood.CALM: Regime(1200.0, 0.75, 0.8, ((Mood.BUSY, 0.95), (Mood.STRESSED, 0.05))),
    Mood.BUSY: Regime(420.0, 1.3, 1.4, ((Mood.CALM, 0.8), (Mood.STRESSED, 0.2))),
    Mood.STRESSED: Regime(120.0, 3.0, 2.6, ((Mood.BUSY, 0.9), (Mood.CALM, 0.1))),
}


@dataclass(frozen=True)
class ValueParameters:
    """How the value moves. Volatilities are in basis points per √second in a normal hour.

    Of the variance ``diffusion`` comes in every step, the rest as small news, ``news_per_s`` of
    them on average with exponentially distributed sizes of either sign.
    The logarithm of volatility wanders around its regime's in ``waves``: standard deviation and
    how long it takes to come back, in seconds. Several of them, slow and fast, make volatility
    remember for hours. A trend is a drift in units of the volatility per √second, redrawn
    after ``trend_mean_s`` on average. Shocks are large news: ``shocks_per_hour`` of them, of
    ``shock_bps`` on average times the present volatility factor.
    """

    common_bps: float = 1.35
    waves: tuple[tuple[float, float], ...] = ((0.25, 90.0), (0.2, 1_200.0), (0.35, 14_400.0))
    trend: float = 0.025
    trend_mean_s: float = 900.0
    diffusion: float = 0.12
    news_per_s: float = 0.6
    shocks_per_hour: float = 12.0
    shock_bps: float = 6.0


class Step:
    """One step of the market's common factor: its mood, volatility factor and move (bps)."""

    __slots__ = ("mood", "move_bps", "volatility")

    def __init__(self, mood: Mood, volatility: float, move_bps: float) -> None:
        self.mood = mood
        self.volatility = volatility
        self.move_bps = move_bps


class CommonFactor:
    """What moves all symbols of a market. A seed gives one path, whoever walks it.

    So that symbols may run in processes of their own and still move together, each walks its own
    copy of the path.
    """

    def __init__(self, seed: int, parameters: ValueParameters) -> None:
        self._rng = Random(f"{seed}:common factor")
        self._p = parameters
        self._mood = Mood.CALM
        self._left_s = self._spell()
        self._waves = [self._rng.gauss(0.0, sigma) for sigma, _ in parameters.waves]
        self._drift = 0.0
        self._redraw_trend()

    def step(self) -> Step:
        """Go on by :data:`STEP_NS`."""
        rng, p = self._rng, self._p
        self._left_s -= STEP_S
        if self._left_s <= 0.0:
            self._mood = self._next_mood()
            self._left_s = self._spell()
        for i, (sigma, back_s) in enumerate(p.waves):
            kept = 1.0 - STEP_S / back_s
            shock = rng.gauss(0.0, sigma * math.sqrt(1.0 - kept * kept))
            self._waves[i] = self._waves[i] * kept + shock
        if rng.random() < STEP_S / p.trend_mean_s:
            self._redraw_trend()
        volatility = REGIMES[self._mood].volatility * math.exp(math.fsum(self._waves))
        move = self._drift * STEP_S + rng.gauss(0.0, math.sqrt(p.diffusion * STEP_S))
        if rng.random() < p.news_per_s * STEP_S:
            # An exponential size of mean m has the second moment 2 m².
            move += self._news(math.sqrt((1.0 - p.diffusion) / p.news_per_s / 2.0))
        move *= p.common_bps * volatility
        if rng.random() < p.shocks_per_hour * STEP_S / 3600.0:
            move += self._news(p.shock_bps * volatility)
        return Step(self._mood, volatility, move)

    def _news(self, mean: float) -> float:
        return self._rng.choice((-1.0, 1.0)) * self._rng.expovariate(1.0 / mean)

    def _spell(self) -> float:
        return self._rng.expovariate(1.0 / REGIMES[self._mood].mean_s)

    def _next_mood(self) -> Mood:
        mark = self._rng.random()
        for mood, chance in REGIMES[self._mood].next_moods:
            mark -= chance
            if mark < 0.0:
                return mood
        return self._mood

    def _redraw_trend(self) -> None:
        self._drift = self._rng.gauss(0.0, self._p.trend)


class LatentValue:
    """The value of one symbol: the common factor, heard after a lag, and moves of its own.

    ``log_value`` is the natural logarithm of the price that informed agents believe in. The
    arguments are fields of ``MarketParameters``.
    """

    def __init__(
        self,
        factor: CommonFactor,
        rng: Random,
        *,
        price: float,
        beta: float,
        lag_steps: int,
        own_bps: float,
        own_reverts_s: float | None,
    ) -> None:
        self.mood = Mood.CALM
        self.volatility = 1.0
        self._factor = factor
        self._rng = rng
        self._beta = beta
        self._lag_steps = lag_steps
        self._own_bps = own_bps * math.sqrt(STEP_S)
        self._own_kept = 1.0 if own_reverts_s is None else math.exp(-STEP_S / own_reverts_s)
        self._heard: deque[Step] = deque()
        self._common = math.log(price)
        self._own = 0.0

    @property
    def log_value(self) -> float:
        """Natural logarithm of the value, in the quote."""
        return self._common + self._own

    @property
    def activity(self) -> float:
        """How busy the market is now, as a factor of the normal."""
        regime = REGIMES[self.mood]
        return regime.activity * math.sqrt(self.volatility / regime.volatility)

    def step(self) -> None:
        """Go on by :data:`STEP_NS`."""
        self._heard.append(self._factor.step())
        if len(self._heard) <= self._lag_steps:
            return
        step = self._heard.popleft()
        self.mood, self.volatility = step.mood, step.volatility
        self._common += self._beta * step.move_bps * 1e-4
        own = self._rng.gauss(0.0, self._own_bps * step.volatility)
        self._own = self._own * self._own_kept + own * 1e-4

    def learn(self, bps: float) -> None:
        """What trading in this symbol has told about its value."""
        self._own += bps * 1e-4
