"""Signals: a decision to be long, short or out of a symbol, with all that led to it."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message, Part
from schemas.ids import content_id
from schemas.score import Contribution, Regime, ReliabilityPart, ThresholdMove


class SignalKind(StrEnum):
    """What the signal asks for."""

    LONG = "long"
    SHORT = "short"
    EXIT = "exit"


class FrameRef(Part, frozen=True):
    """Names one frame of the log."""

    venue: str
    symbol: str
    epoch: int
    seq: int


class TradePlan(Part, frozen=True):
    """Where an entry is wrong and where it has paid: prices, beside the ``basis`` of the distances.

    ``range_price`` is the range of 5 minutes that ``basis`` gave, in units of price. ``targets``
    go from the nearest to the furthest.
    """

    stop: float
    targets: tuple[float, ...]
    range_price: float
    basis: str


class Validation(Part, frozen=True):
    """What a model made of an entry: ``model`` ``None`` and ``scale`` 1 where there is none.

    ``scale`` in [0, 1] multiplies the risk, ``veto`` is the reason to drop the entry.
    """

    model: str | None
    scale: float
    note: str
    veto: str | None = None


class Signal(Message, frozen=True):
    """Emitted by the join when the confluence score crosses a threshold.

    ``score`` in [0, 100], ``reliability`` in [0, 1]; ``confidence`` = min(score / 100, 1) as the
    field names it, ``strength`` the same seen from the signal's own side (a short at score 20 has
    strength 0.8; an exit takes the side that the score leans to). ``risk_fraction`` is the share
    of the balance to risk (1% times reliability, times the validation's scale). ``price`` is the
    mid at the tick. ``epoch`` and ``seq`` name the tick's frame, ``frames`` every frame that a
    dimension scored. The thresholds are those in force, ``threshold_moves`` what moved them.
    ``plan`` and ``validation`` belong to entries; an exit has none, and there is no plan while no
    range is known. ``tainted`` says that history or recovered data is in the scores.
    """

    id: str
    account: str
    venue: str
    symbol: str
    tick_ns: int
    epoch: int
    seq: int
    kind: SignalKind
    price: float
    score: float
    reliability: float
    confidence: float
    strength: float
    risk_fraction: float
    long_threshold: float
    short_threshold: float
    contributions: tuple[Contribution, ...]
    config_hash: str
    reason: str
    regime: Regime | None = None
    reliability_parts: tuple[ReliabilityPart, ...] = ()
    threshold_moves: tuple[ThresholdMove, ...] = ()
    frames: tuple[FrameRef, ...] = ()
    plan: TradePlan | None = None
    validation: Validation | None = None
    tainted: bool = False

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


def signal_id(venue: str, symbol: str, tick_ns: int, config_hash: str) -> str:
    """Id of the signal of one symbol and tick under one configuration: 128 bits in hex."""
    return content_id("signal", venue, symbol, str(tick_ns), config_hash)
