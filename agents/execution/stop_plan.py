"""How far from its entry a position is left: stop and targets, as shares of the price."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.sizing import excess_points
from schemas.execution_settings import StopsSettings
from schemas.frame import Side
from schemas.money import CONTEXT, decimal_of
from schemas.signal import Signal, SignalKind

ZERO = Decimal(0)
ONE = Decimal(1)


class StopPlan(msgspec.Struct, frozen=True):
    """Distances from the entry, whatever it will be, as shares of its price.

    Targets go from the nearest to the furthest.
    """

    signal_id: str
    side: Side
    stop_fraction: Decimal
    target_fractions: tuple[Decimal, ...]


def stop_plan(signal: Signal, settings: StopsSettings) -> StopPlan:
    """Stop by range and score: ``distance · (tight + (wide − tight) · conviction)``.

    ``distance`` is that of the signal's plan, which comes from the ATR, or the fallback where it
    knows no range. ``conviction`` in [0, 1] grows with the points beyond the threshold, so higher
    conviction gets the wider stop. Targets stay those of the signal's plan.
    """
    base = _base_fraction(signal, settings)
    excess = excess_points(signal) or ZERO
    conviction = CONTEXT.divide(max(excess, ZERO), settings.full_conviction_points)
    spread = CONTEXT.subtract(settings.wide, settings.tight)
    scale = CONTEXT.add(settings.tight, CONTEXT.multiply(spread, min(conviction, ONE)))
    return StopPlan(
        signal_id=signal.id,
        side=Side.SELL if signal.kind is SignalKind.SHORT else Side.BUY,
        stop_fraction=CONTEXT.multiply(base, scale),
        target_fractions=_targets(signal, base, settings),
    )


def widest_fraction(signal: Signal, settings: StopsSettings) -> Decimal:
    """The stop that full conviction would give."""
    return CONTEXT.multiply(_base_fraction(signal, settings), settings.wide)


def _base_fraction(signal: Signal, settings: StopsSettings) -> Decimal:
    if signal.plan is None:
        return settings.fallback_fraction
    return _away(signal.plan.stop, signal) or settings.fallback_fraction


def _targets(signal: Signal, base: Decimal, settings: StopsSettings) -> tuple[Decimal, ...]:
    if signal.plan is None:
        return tuple(CONTEXT.multiply(base, ratio) for ratio in settings.target_ratios)
    return tuple(_away(target, signal) for target in signal.plan.targets)


def _away(price: float, signal: Signal) -> Decimal:
    """Distance of a price from the signal's, as a share of that."""
    own = decimal_of(signal.price)
    return CONTEXT.divide(abs(CONTEXT.subtract(decimal_of(price), own)), own)
