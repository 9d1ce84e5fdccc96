"""Which regime a symbol is in, and which weights that puts in force."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.confluence.market import MarketState
from agents.confluence.raw import ADX, raw_value
from agents.confluence.regime import regime_of
from agents.confluence.skill import SkillState
from agents.confluence.weighting import bounded_multiplier
from schemas.confluence_settings import RegimeSettings
from schemas.score import DimensionScore, Regime


@dataclass
class AdaptationState:
    """Of one symbol. ``multipliers`` are those in force; a dimension that is not named has 1."""

    market: MarketState = field(default_factory=MarketState)
    skill: SkillState = field(default_factory=SkillState)
    regime: Regime | None = None
    multipliers: dict[str, float] = field(default_factory=dict)

    @property
    def volatility_ratio(self) -> float | None:
        """Short over long realised volatility, ``None`` until there is a regime."""
        return None if self.regime is None else self.market.volatility_ratio


class Adaptation:
    """Follows the market at every sample of the mid and puts weights in force.

    A dimension's multiplier is that of the regime times that of its skill, held to [1/√2, √2]. New
    multipliers come into force when the regime changes, or when one of them would differ from that
    in force by more than 5%: seldom enough to be logged, each time with the weights before and
    after. The normalised weights stay within half and twice their base weights.
    """

    def __init__(self, weights: Mapping[str, float], settings: RegimeSettings) -> None:
        self._weights = weights
        self._settings = settings
        self._tables = {
            Regime.TRENDING_UP: settings.trending_up.model_dump(),
            Regime.TRENDING_DOWN: settings.trending_down.model_dump(),
            Regime.RANGING: settings.ranging.model_dump(),
            Regime.VOLATILE: settings.volatile.model_dump(),
        }

    def step(
        self,
        state: AdaptationState,
        scores: Sequence[DimensionScore],
        *,
        price: float | None,
        tick_ns: int,
    ) -> tuple[str, ...]:
        """Take one tick; what regime and weights became, in words."""
        if price is None or not state.market.sample(price, tick_ns, self._settings):
            return ()
        if len(state.market.mids) == 1:
            state.skill.open.clear()  # what leaned before a silence foretold a minute, not that
        state.skill.update(price, scores, self._settings)
        before = state.regime
        state.regime = self._regime(state, scores)
        changes = []
        if state.regime is not before:
            changes.append(f"regime {_name(before)} -> {_name(state.regime)}")
        wanted = self._wanted(state)
        if changes or self._differs(state.multipliers, wanted):
            told = self._told(state.multipliers, wanted)
            state.multipliers = wanted
            changes += told
        return tuple(changes)

    def _regime(self, state: AdaptationState, scores: Sequence[DimensionScore]) -> Regime | None:
        if not state.market.is_ready(self._settings):
            return None
        return regime_of(
            state.regime,
            efficiency=state.market.efficiency(),
            volatility_ratio=state.market.volatility_ratio,
            adx=raw_value(scores, ADX),
            settings=self._settings,
        )

    def _wanted(self, state: AdaptationState) -> dict[str, float]:
        table = {} if state.regime is None else self._tables[state.regime]
        return {
            name: bounded_multiplier(
                table.get(name, 1.0), state.skill.multiplier(name, self._settings)
            )
            for name in self._weights
        }

    def _differs(self, old: Mapping[str, float], new: Mapping[str, float]) -> bool:
        step = self._settings.weights_step
        for name, multiplier in new.items():
            if abs(multiplier / old.get(name, 1.0) - 1.0) > step:
                return True
        return False

    def _told(self, old: Mapping[str, float], new: Mapping[str, float]) -> list[str]:
        """The weights that change, over the dimensions that run, in words."""
        before = _normalised(self._weights, old)
        after = _normalised(self._weights, new)
        moved = [
            f"{name} {before[name]:.3f} -> {after[name]:.3f}"
            for name in self._weights
            if f"{before[name]:.3f}" != f"{after[name]:.3f}"
        ]
        return [f"weights {', '.join(moved)}"] if moved else []


def _normalised(weights: Mapping[str, float], multipliers: Mapping[str, float]) -> dict[str, float]:
    raw = {name: weight * multipliers.get(name, 1.0) for name, weight in weights.items()}
    total = math.fsum(raw.values())
    return {name: value / total if total > 0.0 else 0.0 for name, value in raw.items()}


def _name(regime: Regime | None) -> str:
    return "unknown" if regime is None else regime.value
