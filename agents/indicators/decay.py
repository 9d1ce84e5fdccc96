"""Exponential forgetting in event time, shared by every indicator that forgets."""

from __future__ import annotations

import math

from schemas.frame import NS_PER_S

_LN2 = math.log(2.0)


def fade(elapsed_ns: int, half_life_s: float) -> float:
    """What is left of a weight of 1 after ``elapsed_ns``: ``2 ** (-elapsed / half_life)``, (0, 1].

    Time that does not pass (a new epoch may start a little earlier) forgets nothing.

    >>> fade(10_000_000_000, 10.0)
    0.5
    """
    if elapsed_ns <= 0:
        return 1.0
    return math.exp(-_LN2 * elapsed_ns / (half_life_s * NS_PER_S))


def memory_s(half_life_s: float) -> float:
    """Length in seconds of the flat window that holds as much as a decaying sum: half-life / ln 2.

    A steady rate ``r`` keeps a decaying sum at ``r * memory_s(half_life_s)``.

    >>> round(memory_s(10.0), 3)
    14.427
    """
    return half_life_s / _LN2
