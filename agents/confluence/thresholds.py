"""The thresholds in force: the settings' own, moved by volatility, volume and liquidity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from schemas.confluence_settings import SignalsSettings, ThresholdsSettings
from schemas.score import NEUTRAL, ThresholdMove


class Thresholds(msgspec.Struct):
    """Long at or above, short at or below; and what moved them there."""

    long: float
    short: float
    moves: tuple[ThresholdMove, ...] = ()


def poverty(*, spread: float | None, depth: float | None) -> float | None:
    """How poor the liquidity is: ``sqrt(spread / depth)``, each over the symbol's usual.

    1 is usual, 2 twice as poor; spread and depth weigh alike. Without the depth it is the spread
    alone, without the spread it is not known.

    >>> poverty(spread=2.0, depth=0.5), poverty(spread=2.0, depth=None)
    (2.0, 2.0)
    """
    if spread is None or depth is None or depth <= 0.0:
        return spread
    return math.sqrt(spread / depth)


def thresholds_in_force(
    base: SignalsSettings,
    bounds: ThresholdsSettings,
    *,
    volatility: float | None,
    volume: float | None,
    liquidity: float | None,
) -> Thresholds:
    """Thresholds moved by three ratios to the symbol's usual; ``None`` moves nothing.

    ``volatility``: short over long realised volatility; ``volume``: traded over expected;
    ``liquidity``: :func:`poverty` of spread and depth (large is poor). Each gives a share
    ``f = ± bound · log2(ratio)`` with the ratio held to [0.5, 2]: + for volatility and poor
    liquidity (more noise, dearer to be wrong), − for volume (what many trade means more). Then
    ``long' = long + (long − 50) F`` and ``short' = short − (50 − short) F`` with ``F`` the sum of
    the shares, so both stay on their side of 50; they are held to [0, 100].

    >>> t = thresholds_in_force(
    ...     SignalsSettings(), ThresholdsSettings(), volatility=2.0, volume=1.0, liquidity=None)
    >>> t.long, t.short
    (69.8, 33.5)
    """
    factors = (
        ("volatility", volatility, bounds.volatility),
        ("volume", volume, -bounds.volume),
        ("liquidity", liquidity, bounds.liquidity),
    )
    up, down = base.long_threshold - NEUTRAL, base.short_threshold - NEUTRAL
    moves = []
    for name, ratio, bound in factors:
        if ratio is not None:
            held = ratio
            if not 0.5 <= held <= 2.0:
                held = min(max(held, 0.5), 2.0)
            share = bound * math.log2(held)
            moves.append(ThresholdMove(name, ratio, up * share, down * share))
    return Thresholds(
        min(_moved(base.long_threshold, [m.long_points for m in moves]), 100.0),
        max(_moved(base.short_threshold, [m.short_points for m in moves]), 0.0),
        tuple(moves),
    )


def _moved(threshold: float, points: Sequence[float]) -> float:
    return math.fsum([threshold, *points])
