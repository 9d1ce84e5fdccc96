"""Why a position is open: the signal that asked for it; and what the confluence says since."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.score import ConfluenceScore, Regime
from schemas.signal import Signal


class Thesis(msgspec.Struct, frozen=True):
    """The signal that a position was opened on, and the quantity that was asked for in all."""

    signal: Signal
    qty: Decimal


class Outlook(msgspec.Struct, frozen=True, array_like=True):
    """The latest confluence of a symbol: score in [0, 100] and reliability in [0, 1].

    ``volatility`` is the ratio to the symbol's usual, 1 while it is not known.
    """

    tick_ns: int
    score: float
    reliability: float
    regime: Regime | None = None
    volatility: float = 1.0


def outlook_of(score: ConfluenceScore) -> Outlook | None:
    """What a verdict says; ``None`` if it has no score."""
    if score.score is None:
        return None
    found = [move.ratio for move in score.threshold_moves if move.name == "volatility"]
    volatility = found[0] if found else 1.0
    return Outlook(score.tick_ns, score.score, score.reliability, score.regime, volatility)
