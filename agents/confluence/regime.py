"""The regime of a symbol: trending up, trending down, ranging or volatile."""

from __future__ import annotations

import math

from schemas.confluence_settings import RegimeSettings
from schemas.score import Regime


def regime_of(
    before: Regime | None,
    *,
    efficiency: float,
    volatility_ratio: float,
    adx: float | None,
    settings: RegimeSettings,
) -> Regime:
    """The regime after ``before``, with hysteresis.

    ``efficiency`` in [-1, 1] is net move over path of the sampled mids, ``volatility_ratio`` short
    over long realised volatility, ``adx`` that of technical on 5m where it is ready.

    - **volatile** from ``volatility_ratio >= 2`` on;
    - else **trending** in the sign of the efficiency from ``strength >= 1`` on, where
      ``strength = |efficiency| / 0.35``, or its geometric mean with ``adx / 25``: the ADX tells no
      side, so however high, it makes no trend of a mid that goes nowhere;
    - else **ranging**.

    What holds already is kept down to 0.75 of its threshold, so that a market at the edge does not
    flicker; a trend that turns round has to make a trend of its own. All four numbers are settings.

    >>> limits = RegimeSettings()
    >>> regime_of(None, efficiency=0.3, volatility_ratio=1.0, adx=None, settings=limits).value
    'ranging'
    >>> regime_of(None, efficiency=0.3, volatility_ratio=1.0, adx=30.0, settings=limits).value
    'trending_up'
    """
    keep = settings.keep_share
    volatile_from = settings.volatile_ratio * (keep if before is Regime.VOLATILE else 1.0)
    if volatility_ratio >= volatile_from:
        return Regime.VOLATILE
    direction = Regime.TRENDING_UP if efficiency > 0.0 else Regime.TRENDING_DOWN
    strength = abs(efficiency) / settings.trend_efficiency
    if adx is not None:
        strength = math.sqrt(strength * adx / settings.trend_adx)
    if efficiency != 0.0 and strength >= (keep if before is direction else 1.0):
        return direction
    return Regime.RANGING
