"""Statistics of risk over bounded series: correlation, value at risk, expected shortfall, drawdown.

Series are returns on one grid of event time, oldest first, ``None`` where a symbol was silent; two
series are laid beside each other by their ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from operator import mul
from typing import NamedTuple, cast

from schemas.money import CONTEXT

_FLAT = 1e-24
"""A variance up to the square of 1e-12 is rounding: the price stands still."""

Returns = Sequence[float | None]


class Tail(NamedTuple):
    """Losses of one interval that are exceeded with 5% and 1% chance, and the means beyond them."""

    var95: float
    var99: float
    es95: float
    es99: float


class _Centred(NamedTuple):
    """A series about its mean, and the sum of its squares there."""

    values: list[float]
    squares: float


def correlation(a: Returns, b: Returns, *, at_least: int) -> float | None:
    """Pearson's correlation in [−1, 1] where both are known; ``None`` with too few, or if flat.

    Cost: O(window).

    >>> correlation([None, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0], at_least=3)
    0.9819805060619656
    """
    return correlations(a, [b], at_least=at_least)[0]


def correlations(own: Returns, others: Sequence[Returns], *, at_least: int) -> list[float | None]:
    """:func:`correlation` of a series with each of others; what is its own is computed once.

    Cost: O(others × window).
    """
    whole: dict[int, _Centred] = {}
    found = []
    for other in others:
        length = min(len(own), len(other))
        x, y = own[len(own) - length :], other[len(other) - length :]
        if None in x or None in y:
            known = [(a, b) for a, b in zip(x, y, strict=True) if a is not None and b is not None]
            pair = _centred([a for a, _ in known]), _centred([b for _, b in known])
        else:  # the common case
            if length not in whole:
                whole[length] = _centred(cast("Sequence[float]", x))
            pair = whole[length], _centred(cast("Sequence[float]", y))
        found.append(_pearson(*pair, at_least=at_least))
    return found


def _pearson(x: _Centred, y: _Centred, *, at_least: int) -> float | None:
    count = len(x.values)
    if count < max(at_least, 2) or min(x.squares, y.squares) <= _FLAT * count:
        return None
    products = math.fsum(map(mul, x.values, y.values))
    return max(-1.0, min(1.0, products / math.sqrt(x.squares * y.squares)))


def count_known(returns: Returns) -> int:
    """How many returns are known.

    >>> count_known([0.5, None, 0.0])
    2
    """
    return len(returns) - returns.count(None)


def portfolio_returns(weights: Sequence[float], series: Sequence[Returns]) -> list[float]:
    """``Σ weight · return`` of every interval in which all are known, oldest first.

    Cost: O(series × window).

    >>> portfolio_returns([1.0, 2.0], [[9.0, 1.0, None], [1.0, 3.0]])
    [3.0]
    """
    length = min(map(len, series), default=0)
    aligned = cast("list[Sequence[float]]", [one[len(one) - length :] for one in series])
    try:  # to look for what is unknown would cost as much as the sums
        return [math.fsum(map(mul, weights, row)) for row in zip(*aligned, strict=True)]
    except TypeError:
        rows = [row for row in zip(*aligned, strict=True) if None not in row]
        return [math.fsum(map(mul, weights, row)) for row in rows]


def tail(profits: Sequence[float], *, at_least: int) -> Tail | None:
    """Historical value at risk and expected shortfall, as positive losses; below 0 is a gain.

    With the ``k = ceil(n · (1 − level))`` worst of ``n`` outcomes: VaR is the best of them with its
    sign turned (the empirical quantile), ES their mean with its sign turned. ``None`` below
    ``at_least`` outcomes. Cost: O(n log n). Source: Acerbi and Tasche (2002).

    >>> tail([-2.0, *range(1, 20)], at_least=20)
    Tail(var95=2.0, var99=2.0, es95=2.0, es99=2.0)
    """
    count = len(profits)
    if count < max(at_least, 1):
        return None
    ordered = sorted(profits)

    def beyond(percent: int) -> tuple[float, float]:
        worst = ordered[: -(-count * (100 - percent) // 100)]
        return -worst[-1], -math.fsum(worst) / len(worst)

    var95, es95 = beyond(95)
    var99, es99 = beyond(99)
    return Tail(var95, var99, es95, es99)


def drawdown(value: Decimal, peak: Decimal) -> Decimal:
    """Share of the peak that is lost: 0 at the peak, 1 at nothing left.

    >>> drawdown(Decimal(85), Decimal(100))
    Decimal('0.15')
    """
    if peak <= 0 or value >= peak:
        return Decimal(0)
    return CONTEXT.divide(CONTEXT.subtract(peak, value), peak)


def deepest_drawdown(values: Sequence[Decimal]) -> Decimal:
    """The largest drawdown within a series."""
    worst, peak = Decimal(0), None
    for value in values:
        peak = value if peak is None else max(peak, value)
        worst = max(worst, drawdown(value, peak))
    return worst


def _centred(values: Sequence[float]) -> _Centred:
    mean = math.fsum(values) / max(len(values), 1)
    about = [value - mean for value in values]
    return _Centred(about, math.fsum(map(mul, about, about)))
