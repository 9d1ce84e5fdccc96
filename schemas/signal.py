"""Signals: a decision to be long, short or out of a symbol, with all that led to it."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message
from schemas.ids import content_id
from schemas.score import Contribution


class SignalKind(StrEnum):
    """What the signal asks for."""

    LONG = "long"
    SHORT = "short"
    EXIT = "exit"


class Signal(Message, frozen=True):
    """Emitted by the join when the confluence score crosses a threshold.

    ``score`` in [0, 100], ``reliability`` in [0, 1]; ``confidence`` = min(score / 100, 1) as the
    field names it, ``strength`` the same seen from the signal's own side (a short at score 20 has
    strength 0.8). ``risk_fraction`` is the share of the balance to risk (1% times reliability).
    ``price`` is the mid at the tick. ``epoch`` and ``seq`` name the frame that it came from.
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

    @property
    def key(self) -> str:
        """Message key: the account."""
        return self.account


def signal_id(venue: str, symbol: str, tick_ns: int, config_hash: str) -> str:
    """Id of the signal of one symbol and tick under one configuration: 128 bits in hex."""
    return content_id("signal", venue, symbol, str(tick_ns), config_hash)
