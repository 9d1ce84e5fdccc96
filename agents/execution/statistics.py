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


def correlation(a: Returns, b: Returns, *, at_least: int) -> float | None:
    """Pearson's correlation in [−1, 1] where both are known; ``None`` with too few, or if flat.

    Cost: O(window).

    >>> correlation([None, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0], at_least=3)
    0.9819805060619657
    """
    length = min(len(a), len(b))
    own, other = _both_known(a[len(a) - length :], b[len(b) - length :])
    if len(own) < max(at_least, 2):
        return None
    x, y = _centred(own), _centred(other)
    var_x, var_y = math.fsum(map(mul, x, x)), math.fsum(map(mul, y, y))
    if min(var_x, var_y) <= _FLAT * len(x):
        return None
    cov = math.fsum(map(mul, x, y))
    return max(-1.0, min(1.0, cov / math.sqrt(var_x * var_y)))


def portfolio_returns(weights: Sequence[float], series: Sequence[Returns]) -> list[float]:
    """``Σ weight · return`` of every interval in which all are known, oldest first.

    Cost: O(series × window).

    >>> portfolio_returns([1.0, 2.0], [[9.0, 1.0, None], [1.0, 3.0]])
    [11.0]
    """
    length = min(map(len, series), default=0)
    aligned = [one[len(one) - length :] for one in series]
    totals = [0.0] * length
    for weight, one in zip(weights, aligned, strict=True):
        totals = [total + weight * (r or 0.0) for total, r in zip(totals, one, strict=True)]
    if not any(None in one for one in aligned):
        return totals
    rows = zip(totals, *aligned, strict=True)
    return [total for total, *known in rows if None not in known]


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


def _centred(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def _both_known(a: Returns, b: Returns) -> tuple[list[float], list[float]]:
    if None in a or None in b:
        pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
        return [x for x, _ in pairs], [y for _, y in pairs]
    return cast("list[float]", a), cast("list[float]", b)  # the common case, at no cost
