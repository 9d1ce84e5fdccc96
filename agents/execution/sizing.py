"""How large a position a signal asks for, as a share of the available balance."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from schemas.errors import SettingsError
from schemas.money import CONTEXT, decimal_of
from schemas.order import Factor
from schemas.settings import SizingScaling, SizingSettings
from schemas.signal import Signal, SignalKind


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
        excess = _excess(signal)
        if excess is None or excess < 0:
            return Decimal(0), ()
        chosen = self._settings
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


def policy_of(settings: SizingSettings) -> SizingPolicy:
    """The policy that the settings name."""
    if settings.policy != "threshold":
        raise SettingsError(f"unknown sizing.policy {settings.policy}; the known one is threshold")
    return ThresholdPolicy(settings)


def _excess(signal: Signal) -> Decimal | None:
    score = decimal_of(signal.score)
    if signal.kind is SignalKind.LONG:
        return CONTEXT.subtract(score, decimal_of(signal.long_threshold))
    if signal.kind is SignalKind.SHORT:
        return CONTEXT.subtract(decimal_of(signal.short_threshold), score)
    return None
