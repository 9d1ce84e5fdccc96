"""What the position monitor makes of an open position."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from schemas.frame import Message, Part, Side
from schemas.score import Regime


class RiskLevel(StrEnum):
    """Risk in words; the edges are settings (0.3, 0.6 and 0.8)."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class MonitorAction(StrEnum):
    """What to do with a position, or what was done."""

    HOLD = "hold"
    ADD = "add"
    TIGHTEN = "tighten"
    REDUCE = "reduce"
    EXIT = "exit"


class Concern(Part, frozen=True):
    """One reason for risk: ``value`` in [0, 1], and the risk that it would make alone at 1."""

    name: str
    value: float
    weight: float


class PositionAssessment(Message, frozen=True):
    """An open position, judged again: every 10 s of event time, and when something changes.

    ``confidence`` is what is left of the entry's: lean of the score to the position's side times
    reliability, over the same at the entry, within [0, 2]; ``None`` without a score. ``risk`` in
    [0, 1] is ``1 − Π(1 − weight · value)`` over the ``concerns``. ``gain_ratio`` and ``stop_ratio``
    are in distances of the first stop: how far the mid is from the entry in the position's favour,
    and from the mid to where the stop is. ``unrealised`` is before the fees of leaving.
    ``leverage`` is the most that volatility and confidence would allow the account now.

    ``advice`` is what the position calls for, ``action`` what was done: less where the mode does
    not allow it, or where it must last first. ``blind`` says why what is seen cannot be trusted;
    then nothing is done. ``score`` and ``reliability`` are those of ``verdict_ns``.
    """

    account: str
    venue: str
    symbol: str
    tick_ns: int
    signal_id: str
    side: Side
    qty: Decimal
    entry: Decimal
    mark: Decimal
    stop: Decimal
    unrealised: Decimal
    gain_ratio: float
    stop_ratio: float
    age_s: float
    verdict_ns: int | None
    score: float | None
    entry_score: float
    reliability: float | None
    regime: Regime | None
    entry_regime: Regime | None
    confidence: float | None
    risk: float
    level: RiskLevel
    concerns: tuple[Concern, ...]
    leverage: float
    advice: MonitorAction
    action: MonitorAction
    reason: str
    blind: str = ""

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return "assessment"
