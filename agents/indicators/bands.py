"""How far the market moves the bands of indicators: overbought, oversold, large, wall."""

from __future__ import annotations

import math
from typing import NamedTuple

from agents.indicators.clamp import clamp


class BandBounds(NamedTuple):
    """The most by which each condition moves a band, as a share of its distance from the middle."""

    volatility: float = 0.10
    volume: float = 0.05
    liquidity: float = 0.05


def band_share(ratio: float | None, bound: float) -> float:
    """``bound · log2(ratio)``, the ratio held to [0.5, 2]; what is not known moves nothing.

    >>> band_share(2.0, 0.1), band_share(0.1, 0.1), band_share(None, 0.1)
    (0.1, -0.1, 0.0)
    """
    if ratio is None:
        return 0.0
    return bound * math.log2(clamp(ratio, 0.5, 2.0))


def band_stretch(
    bounds: BandBounds,
    *,
    volatility: float | None = None,
    volume: float | None = None,
    liquidity: float | None = None,
) -> float:
    """Factor of every band's distance from its middle, within 1 ± the sum of the bounds.

    Ratios to the symbol's usual: ``volatility``, ``volume`` traded, and ``liquidity`` (large is
    poor). ``1 + share(volatility) − share(volume) + share(liquidity)``: what is wild or thin has to
    go further to be unusual, what many trade means more. Bands have no side, so both ends move
    alike, and a mirrored market has the same. The signal thresholds move by the same rule.

    >>> round(band_stretch(BandBounds(), volatility=2.0, volume=0.5, liquidity=4.0), 9)
    1.2
    """
    return (
        1.0
        + band_share(volatility, bounds.volatility)
        - band_share(volume, bounds.volume)
        + band_share(liquidity, bounds.liquidity)
    )
