"""Support and resistance: prices at which the market turned, and may turn again."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from agents.indicators.swings import Swing
from agents.indicators.usual_size import NOTHING

REACH = 0.25
"""Mean bar ranges within which prices are one level."""

HALF_AWAY = 4.0
"""Mean bar ranges at which a level counts half."""

DOUBT = 0.25
"""Strength against which what was found is weighed: a single faint level decides little."""

ALIGNED = 0.25
"""What each further timeframe with the same level adds to its strength."""


@dataclass
class Level:
    """A price (units of 1e-8) at which the market turned; ``strength`` in [0, 1).

    ``aligned`` counts the other timeframes with a level there, 0 to 3.
    """

    price: float
    touches: int
    strength: float
    aligned: int = 0


def levels_of(swings: Sequence[Swing], *, usual: float) -> list[Level]:
    """Swings as levels, lowest first: neighbours within a quarter of the mean bar range are one.

    ``strength = 0.6 t / (t + 2) + 0.4 w``: ``t`` touches, ``w`` the mean weight of their volumes.
    The price is the mean of the touches. Linking neighbours, unlike growing clusters from one end,
    treats the mirrored market alike. Cost: O(n log n).

    >>> swings = [Swing(1, 100.0, 0.5), Swing(-1, 104.0, 0.5), Swing(1, 101.0, 0.5)]
    >>> [(level.price, level.touches, level.strength) for level in levels_of(swings, usual=4.0)]
    [(100.5, 2, 0.5), (104.0, 1, 0.4)]
    """
    reach = REACH * usual * (1.0 + 1e-9)  # what is just at it belongs to it, in every unit
    clusters: list[list[Swing]] = []
    for swing in sorted(swings, key=lambda swing: swing.price):
        if clusters and swing.price - clusters[-1][-1].price <= reach:
            clusters[-1].append(swing)
        else:
            clusters.append([swing])
    return [_level(cluster) for cluster in clusters]


def align(levels: Sequence[Sequence[Level]], usuals: Sequence[float]) -> None:
    """Count for each level how many other timeframes have one within its reach."""
    prices = [[level.price for level in mine] for mine in levels]
    for rank, mine in enumerate(levels):
        reach = REACH * usuals[rank] * (1.0 + 1e-9)
        others = [theirs for other, theirs in enumerate(prices) if other != rank]
        for level in mine:
            level.aligned = sum(_nearest(theirs, level.price) <= reach for theirs in others)  # ints


def lean_of(levels: Sequence[Level], price: float, *, usual: float) -> float:
    """How much support is below against resistance above, in (-1, 1).

    ``(S - R) / (S + R + 0.25)`` over ``strength (1 + 0.25 aligned) / (1 + |d| / 4)``, ``d`` the
    distance in mean bar ranges: what lies below the price supports it, what lies above resists.
    Within ``|d| < 0.25`` a level counts in proportion, so that crossing it makes no jump.

    >>> level = Level(100.0, 1, 0.5)
    >>> [round(lean_of([level], price, usual=4.0), 9) for price in (84.0, 100.0, 116.0)]
    [-0.5, 0.0, 0.5]
    """
    scale = usual + NOTHING * abs(price)
    if scale <= 0.0:
        return 0.0  # at a price of 0 nothing is anywhere
    half, reach = HALF_AWAY * scale, REACH * scale
    support = resistance = 0.0
    for level in levels:
        away = price - level.price
        worth = level.strength * (1.0 + ALIGNED * level.aligned)
        if away > 0.0:
            part = worth / (1.0 + away / half)
            support += part if away >= reach else part * (away / reach)
        else:
            part = worth / (1.0 - away / half)
            resistance += part if -away >= reach else part * (-away / reach)
    return (support - resistance) / (support + resistance + DOUBT)


def _level(cluster: Sequence[Swing]) -> Level:
    touches = len(cluster)
    origin = cluster[0].price
    price = origin + math.fsum(swing.price - origin for swing in cluster) / touches
    weight = math.fsum(swing.weight for swing in cluster) / touches
    return Level(price, touches, 0.6 * touches / (touches + 2) + 0.4 * weight)


def _nearest(prices: Sequence[float], price: float) -> float:
    """Distance of the nearest of some ascending prices."""
    at = bisect_left(prices, price)
    return min((abs(near - price) for near in prices[max(at - 1, 0) : at + 1]), default=math.inf)
