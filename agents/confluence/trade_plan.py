"""Stop and targets of an entry, from the range of the market."""

from __future__ import annotations

import math

from schemas.confluence_settings import SignalsSettings
from schemas.signal import SignalKind, TradePlan

RANGE_S = 300.0
"""Both ranges are those of 5 minutes."""

_RANGE_OF_WALK = math.sqrt(8.0 / math.pi)
"""Expected range of a Brownian motion over sigma sqrt(t) (Feller 1951)."""


def trade_plan(
    kind: SignalKind,
    *,
    price: float,
    atr: float | None,
    volatility: float,
    settings: SignalsSettings,
) -> TradePlan | None:
    """Stop at 1.5 ranges, targets at 1, 2 and 3 times that; ``None`` while no range is known.

    The range is the ATR of 5m where it is ready, in units of price. Otherwise it is what a random
    walk of the mids' realised ``volatility`` (1/sqrt(s), long half-life) spans on average within
    5 minutes: ``price · volatility · sqrt(300) · sqrt(8/π)``. An exit has no plan, nor has a stop
    that would lie at or below zero, nor a market that does not move.

    >>> plan = trade_plan(
    ...     SignalKind.SHORT, price=100.0, atr=2.0, volatility=0.0, settings=SignalsSettings())
    >>> plan.stop, plan.targets
    (103.0, (97.0, 94.0, 91.0))
    """
    if kind is SignalKind.EXIT:
        return None
    side = 1.0 if kind is SignalKind.LONG else -1.0
    basis = "atr_5m"
    span = atr
    if span is None or span <= 0.0:
        basis = "realised_volatility"
        span = price * volatility * math.sqrt(RANGE_S) * _RANGE_OF_WALK
    distance = settings.stop_ranges * span
    if not 0.0 < distance < price:
        return None
    targets = tuple(price + side * ratio * distance for ratio in settings.target_ratios)
    return TradePlan(price - side * distance, tuple(t for t in targets if t > 0.0), span, basis)
