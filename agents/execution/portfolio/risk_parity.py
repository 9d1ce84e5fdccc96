"""Risk parity: the weights at which every position adds the same risk."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.execution.statistics import Returns

_SWEEPS = 100
_CLOSE_ENOUGH = 1e-10


def covariance(series: Sequence[Returns], *, at_least: int) -> list[list[float]] | None:
    """Sample covariances where all are known, laid beside each other by their ends.

    ``None`` below ``at_least`` such intervals, or if one stands still. Cost: O(series² × window).
    """
    length = min(map(len, series), default=0)
    rows = zip(*(one[len(one) - length :] for one in series), strict=True)
    known = [[r for r in row if r is not None] for row in rows]
    whole = [row for row in known if len(row) == len(series)]
    if len(whole) < max(at_least, 2):
        return None
    centred = []
    for column in zip(*whole, strict=True):
        mean = math.fsum(column) / len(column)
        centred.append([value - mean for value in column])
    found = [
        [math.fsum(x * y for x, y in zip(a, b, strict=True)) / (len(whole) - 1) for b in centred]
        for a in centred
    ]
    return found if all(found[i][i] > 0.0 for i in range(len(found))) else None


def parity_weights(covariances: Sequence[Sequence[float]]) -> list[float]:
    """Weights above 0 that sum to 1 with ``w_i · (Σw)_i`` the same for all.

    Cyclical coordinate descent on ``½ x'Σx − Σ ln x_i``: each step solves one coordinate's
    quadratic, ``x_i = (−a + √(a² + 4 σ_ii)) / 2 σ_ii`` with ``a = Σ_{j≠i} σ_ij x_j``. Source:
    Griveau-Billion, Richard and Roncalli (2013). Cost: O(n²) a sweep, at most 100 sweeps.

    >>> [round(w, 6) for w in parity_weights([[1.0, 0.0], [0.0, 4.0]])]
    [0.666667, 0.333333]
    """
    count = len(covariances)
    unit = math.fsum(covariances[i][i] for i in range(count)) / count
    scaled = [[value / unit for value in row] for row in covariances]
    x = [1.0 / math.sqrt(scaled[i][i]) for i in range(count)]
    for _ in range(_SWEEPS):
        moved = 0.0
        for i in range(count):
            own = scaled[i][i]
            others = math.fsum(scaled[i][j] * x[j] for j in range(count) if j != i)
            new = (math.sqrt(others * others + 4.0 * own) - others) / (2.0 * own)
            moved = max(moved, abs(new / x[i] - 1.0))
            x[i] = new
        if moved < _CLOSE_ENOUGH:
            break
    total = math.fsum(x)
    return [value / total for value in x]
