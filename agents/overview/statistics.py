"""Statistics of return series on one grid: volatility, co-movement, efficiency of the price.

Series are lists of returns, oldest first, one entry per interval; ``None`` where there was none.
Two series are laid beside each other by their ends. All are numbers without the units of price or
quantity, unchanged in size when the market is mirrored (returns with the other sign).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

Returns = Sequence[float | None]

VARIANCE_LAG = 5
"""Intervals of the longer return in the variance ratio."""

_FLAT = 1e-24
"""A variance up to the square of 1e-12 is rounding: the price stands still."""


class CoMovement(NamedTuple):
    """How a symbol moves with a reference."""

    correlation: float
    beta: float
    relative_strength: float
    """Sum of its returns less the reference's."""


def volatility(returns: Returns, *, at_least: int) -> float | None:
    """Realised volatility of one interval: ``sqrt(mean(r ** 2))``.

    Unit: of the returns. Warm-up: ``at_least`` returns. Cost: O(window). Source: Andersen,
    Bollerslev, Diebold, Labys (2001), here per interval.

    >>> volatility([None, 3.0, -4.0], at_least=2) == math.sqrt(12.5)
    True
    """
    known = [r for r in returns if r is not None]
    if len(known) < at_least:
        return None
    return math.sqrt(math.fsum(map(mul, known, known)) / len(known))


def co_movement(returns: Returns, reference: Returns, *, at_least: int) -> CoMovement | None:
    """Pearson correlation, beta = cov / var(reference) and relative strength, where both are known.

    Correlation in [-1, 1]. ``None`` with fewer than ``at_least`` common returns, or where either
    stands still. Cost: O(window). Source of beta: Sharpe (1964), as a regression slope.

    >>> co_movement([2.0, 4.0, -6.0], [1.0, 2.0, -3.0], at_least=3)
    CoMovement(correlation=1.0, beta=2.0, relative_strength=0.0)
    """
    own, other = [], []
    for mine, its in zip(reversed(returns), reversed(reference), strict=False):
        if mine is not None and its is not None:
            own.append(mine)
            other.append(its)
    if len(own) < max(at_least, 2):
        return None
    total, total_other = math.fsum(own), math.fsum(other)
    a, b = centred(own), centred(other)
    var_a, var_b = math.fsum(map(mul, a, a)), math.fsum(map(mul, b, b))
    if min(var_a, var_b) <= _FLAT * len(a):
        return None
    cov = math.fsum(map(mul, a, b))
    correlation = max(-1.0, min(1.0, cov / math.sqrt(var_a * var_b)))
    return CoMovement(correlation, cov / var_b, total - total_other)


def variance_ratio(returns: Returns, *, at_least: int, lag: int = VARIANCE_LAG) -> float | None:
    """Variance of ``lag``-interval returns over ``lag`` times that of one-interval returns.

    1 for a random walk, below 1 where moves turn back, above where they go on. Overlapping returns
    and the unbiased divisors of Lo and MacKinlay (1988), ``m = q (n - q + 1) (1 - q / n)``, over
    the newest unbroken run of returns. ``None`` below ``at_least`` of them or without movement.
    Cost: O(window).

    >>> round(variance_ratio([1.0, -1.0] * 20, at_least=10, lag=2), 3)
    0.0
    """
    known: list[float] = []
    for r in reversed(returns):
        if r is None:
            break
        known.append(r)
    n = len(known)
    if n < max(at_least, 2 * lag):
        return None
    steps = centred(known[::-1])
    single = math.fsum(map(mul, steps, steps)) / (n - 1)
    if single <= _FLAT:
        return None
    path = [0.0]
    for step in steps:
        path.append(path[-1] + step)
    longer = [b - a for a, b in zip(path, path[lag:], strict=False)]
    divisor = lag * (n - lag + 1) * (1 - lag / n)
    return math.fsum(map(mul, longer, longer)) / divisor / single


def mean_of_others(series: Sequence[Returns]) -> list[list[float | None]]:
    """For each series the mean of all others, entry by entry; ``None`` where no other is known.

    Cost: O(series × window).

    >>> mean_of_others([[1.0, 2.0], [3.0], [5.0, None]])
    [[5.0, 3.0], [2.0], [1.0, 2.5]]
    """
    longest = max(map(len, series), default=0)
    aligned = [[*[None] * (longest - len(one)), *one] for one in series]
    at_time = [[r for r in row if r is not None] for row in zip(*aligned, strict=True)]
    totals = [(math.fsum(row), len(row)) for row in at_time]
    means: list[list[float | None]] = []
    for one in series:
        mean: list[float | None] = []
        for own, (total, count) in zip(one, totals[longest - len(one) :], strict=True):
            left, others = (total, count) if own is None else (total - own, count - 1)
            mean.append(left / others if others else None)
        means.append(mean)
    return means


def centred(values: Sequence[float]) -> list[float]:
    """Values less their mean.

    >>> centred([1.0, 3.0])
    [-1.0, 1.0]
    """
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]
