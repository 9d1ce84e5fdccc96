"""Holding a value within bounds."""

from __future__ import annotations


def clamp(value: float, low: float, high: float) -> float:
    """The value, or the bound beyond which it lies; ``low <= high``.

    Two comparisons: the builtins ``min`` and ``max`` make a tuple of their arguments, and cost five
    times as much (CPython 3.11).

    >>> clamp(1.5, -1.0, 1.0), clamp(0.5, -1.0, 1.0)
    (1.0, 0.5)
    """
    if value < low:
        return low
    if value > high:
        return high
    return value
