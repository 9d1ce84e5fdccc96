"""What an open position is worth holding: confidence, risk, and the advice that follows. Pure."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.guard import Guard
from agents.execution.thesis import Outlook
from schemas.frame import NS_PER_S, Side
from schemas.money import CONTEXT
from schemas.monitor_settings import MonitorSettings
from schemas.position_assessment import Concern, MonitorAction, RiskLevel
from schemas.score import NEUTRAL, Regime
from schemas.signal import Signal

MOST_CONFIDENCE = 2.0
"""Confidence is not told beyond twice that of the entry."""

_AGAINST = {Side.BUY: Regime.TRENDING_DOWN, Side.SELL: Regime.TRENDING_UP}


class View(msgspec.Struct, frozen=True):
    """What is judged. ``blind`` says why what is seen cannot be trusted, if it cannot.

    ``may_add`` says that a part of the entry is still to come and nothing was taken off yet.
    """

    guard: Guard
    thesis: Signal
    outlook: Outlook | None
    mark: Decimal
    now_ns: int
    max_age_s: int
    max_leverage: float
    blind: str = ""
    may_add: bool = False


class Judgement(msgspec.Struct, frozen=True):
    """What is said of it, as :class:`~schemas.position_assessment.PositionAssessment` has it."""

    confidence: float | None
    concerns: tuple[Concern, ...]
    risk: float
    level: RiskLevel
    gain_ratio: float
    leverage: float
    advice: MonitorAction
    reason: str


def judge(view: View, settings: MonitorSettings) -> Judgement:
    """Judge one position. Cost: a constant."""
    outlook = view.outlook
    held = confidence(view.thesis, outlook, view.guard.side)
    gain = in_stops(view.guard, CONTEXT.subtract(view.mark, view.guard.entry))
    away = in_stops(view.guard, CONTEXT.subtract(view.mark, view.guard.stop))
    concerns = _concerns(view, held, gain, settings)
    risk = risk_of(concerns)
    level = level_of(risk, settings)
    advice, why = _advice(view, settings, held=held, gain=gain, away=away, level=level)
    return Judgement(
        confidence=held,
        concerns=concerns,
        risk=risk,
        level=level,
        gain_ratio=gain,
        leverage=leverage(held, outlook, most=view.max_leverage),
        advice=advice,
        reason=why or f"risk {risk:.2f}: {_told(concerns)}",
    )


def confidence(thesis: Signal, outlook: Outlook | None, side: Side) -> float | None:
    """What is left of the entry's conviction, in [0, 2]; ``None`` without a score to compare.

    ``max(±(score − 50), 0) · reliability``, over the same at the entry, which is above 0: the sign
    is that of the position's side.
    """
    if outlook is None:
        return None
    before = _lean(thesis.score, side) * thesis.reliability
    if before <= 0.0:
        return None
    return min(_lean(outlook.score, side) * outlook.reliability / before, MOST_CONFIDENCE)


def risk_of(concerns: tuple[Concern, ...]) -> float:
    """``1 − Π(1 − weight · value)``: in [0, 1], and no less than any concern makes alone."""
    safe = 1.0
    for concern in concerns:
        safe *= 1.0 - concern.weight * concern.value
    return 1.0 - safe


def level_of(risk: float, settings: MonitorSettings) -> RiskLevel:
    """Risk in words; at an edge is within."""
    if risk >= settings.high_risk:
        return RiskLevel.HIGH
    if risk >= settings.medium_risk:
        return RiskLevel.MEDIUM
    return RiskLevel.LOW if risk >= settings.low_risk else RiskLevel.NONE


def leverage(held: float | None, outlook: Outlook | None, *, most: float) -> float:
    """``1 + (most − 1) · confidence / volatility``, confidence at most 1, volatility at least 1.

    ``volatility`` is the ratio to the symbol's usual. 1 without a score. In [1, most].
    """
    if held is None or outlook is None:
        return 1.0
    return 1.0 + (most - 1.0) * min(held, 1.0) / max(outlook.volatility, 1.0)


def in_stops(guard: Guard, move: Decimal) -> float:
    """A move in a position's favour, in distances of its first stop."""
    toward = CONTEXT.multiply(move, Decimal(guard.side.value))
    return float(CONTEXT.divide(toward, guard.distance))


def _lean(score: float, side: Side) -> float:
    return max((score - NEUTRAL) * side.value, 0.0)


def _concerns(
    view: View, held: float | None, gain: float, settings: MonitorSettings
) -> tuple[Concern, ...]:
    outlook = view.outlook
    age_s = (view.now_ns - view.guard.opened_ns) / NS_PER_S
    ratio = 1.0 if outlook is None else outlook.volatility
    values = (
        ("confidence", 0.0 if held is None else 1.0 - held, settings.confidence_weight),
        ("regime", _adverse(view), settings.regime_weight),
        ("loss", -gain, settings.loss_weight),
        ("volatility", ratio - 1.0, settings.volatility_weight),
        ("age", age_s / view.max_age_s, settings.age_weight),
    )
    return tuple(Concern(name, min(max(value, 0.0), 1.0), w) for name, value, w in values)


def _adverse(view: View) -> float:
    """1 for a trend against the position, 0.5 for a volatile market, 0 if it was so at entry."""
    now = None if view.outlook is None else view.outlook.regime
    if now is None or now is view.thesis.regime:
        return 0.0
    if now is _AGAINST[view.guard.side]:
        return 1.0
    return 0.5 if now is Regime.VOLATILE else 0.0


def _advice(
    view: View,
    settings: MonitorSettings,
    *,
    held: float | None,
    gain: float,
    away: float,
    level: RiskLevel,
) -> tuple[MonitorAction, str]:
    """What to do, and why if the risk alone does not say it."""
    if view.blind:
        return MonitorAction.HOLD, f"blind: {view.blind}"
    if away < 0.0:
        return MonitorAction.EXIT, f"stop: {view.mark} is beyond {view.guard.stop}"
    if _is_beyond_targets(view):
        return MonitorAction.EXIT, f"target: {view.mark} is beyond the last"
    if held is not None and held < settings.exit_confidence:
        return MonitorAction.EXIT, f"confidence: {held:.2f} is below {settings.exit_confidence}"
    if level is RiskLevel.HIGH:
        return MonitorAction.EXIT, ""
    if level is RiskLevel.MEDIUM:
        return MonitorAction.REDUCE, ""
    sure = held is not None and held >= settings.add_confidence
    ahead = gain >= settings.add_gain_ratio
    if view.may_add and sure and ahead and level is RiskLevel.NONE:
        return MonitorAction.ADD, f"confidence {held:.2f}, {gain:.2f} stops ahead"
    return MonitorAction.HOLD, ""


def _is_beyond_targets(view: View) -> bool:
    targets = view.guard.targets
    if not targets:
        return False
    beyond = CONTEXT.subtract(view.mark, targets[-1].price)
    return CONTEXT.multiply(beyond, Decimal(view.guard.side.value)) > 0


def _told(concerns: tuple[Concern, ...]) -> str:
    """The concerns that make risk, the largest first."""
    made = sorted(concerns, key=lambda c: (-c.weight * c.value, c.name))
    return ", ".join(f"{c.name} {c.value:.2f}" for c in made if c.value > 0.0) or "nothing"
