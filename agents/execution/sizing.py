"""How large a position a signal asks for, as a share of the available balance."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from schemas.errors import SettingsError
from schemas.execution_settings import SizingScaling, SizingSettings
from schemas.money import CONTEXT, decimal_of
from schemas.order import Factor
from schemas.signal import Signal, SignalKind

ZERO = Decimal(0)
_WHOLE = Decimal(100)


class SizingPolicy(Protocol):
    """A share of the available balance for a signal, and every factor that made it."""

    def fraction(self, signal: Signal) -> tuple[Decimal, tuple[Factor, ...]]:
        """Share in [0, cap]; 0 is "no trade"."""
        ...


class ThresholdPolicy:
    """Base share plus a step for every point beyond the signal's threshold, up to the cap.

    ``excess = score − long threshold`` (longs) or ``short threshold − score`` (shorts); below 0
    there is no trade. Additive: ``base + excess · scale_factor``; multiplicative:
    ``base · (1 + excess · scale_factor)``. Source: specification of execution, policy `threshold`.
    """

    def __init__(self, settings: SizingSettings) -> None:
        self._settings = settings

    def fraction(self, signal: Signal) -> tuple[Decimal, tuple[Factor, ...]]:
        """Share in [0, cap]; 0 is "no trade"."""
        excess = excess_points(signal)
        if excess is None or excess < 0:
            return ZERO, ()
        return _scaled(excess, self._settings)


class ConfluencePolicy:
    """Nothing short of the minimum score; the base share from there; more beyond another score.

    Longs need ``score >= min_score`` and grow by ``score − scale_long``, shorts need
    ``score <= 100 − min_score`` and grow by ``scale_short − score``, each where that is above 0:
    where a scaling score lies beyond the minimum, there is a band of the base share. Scaling and
    cap are those of `threshold`. Source: specification of execution, policy `confluence`.
    """

    def __init__(self, settings: SizingSettings) -> None:
        self._settings = settings

    def fraction(self, signal: Signal) -> tuple[Decimal, tuple[Factor, ...]]:
        """Share in [0, cap]; 0 is "no trade"."""
        chosen, score = self._settings, decimal_of(signal.score)
        match signal.kind:
            case SignalKind.LONG:
                enough = score >= chosen.min_score
                excess = CONTEXT.subtract(score, chosen.scale_long)
            case SignalKind.SHORT:
                enough = score <= CONTEXT.subtract(_WHOLE, chosen.min_score)
                excess = CONTEXT.subtract(chosen.scale_short, score)
            case SignalKind.EXIT:
                return ZERO, ()
        return _scaled(max(excess, ZERO), chosen) if enough else (ZERO, ())


POLICIES: dict[str, type[ThresholdPolicy | ConfluencePolicy]] = {
    "confluence": ConfluencePolicy,
    "threshold": ThresholdPolicy,
}


def policy_of(settings: SizingSettings) -> SizingPolicy:
    """The policy that the settings name."""
    policy = POLICIES.get(settings.policy)
    if policy is None:
        known = ", ".join(sorted(POLICIES))
        raise SettingsError(f"unknown sizing.policy {settings.policy}; the known ones are {known}")
    return policy(settings)


def excess_points(signal: Signal) -> Decimal | None:
    """Points of an entry's score beyond its own threshold; ``None`` of an exit."""
    score = decimal_of(signal.score)
    match signal.kind:
        case SignalKind.LONG:
            return CONTEXT.subtract(score, decimal_of(signal.long_threshold))
        case SignalKind.SHORT:
            return CONTEXT.subtract(decimal_of(signal.short_threshold), score)
        case SignalKind.EXIT:
            return None


def _scaled(excess: Decimal, chosen: SizingSettings) -> tuple[Decimal, tuple[Factor, ...]]:
    step = CONTEXT.multiply(excess, chosen.scale_factor)
    if chosen.scaling is SizingScaling.MULTIPLICATIVE:
        step = CONTEXT.multiply(chosen.base_fraction, step)
    wanted = CONTEXT.add(chosen.base_fraction, step)
    share = min(wanted, chosen.cap_fraction)
    return share, (
        Factor("base_fraction", chosen.base_fraction),
        Factor("excess_points", excess),
        Factor("conviction_fraction", step),
        Factor("cap_fraction", chosen.cap_fraction),
        Factor("fraction", share),
    )
