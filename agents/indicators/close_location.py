"""Where in its range a bar closed."""

from __future__ import annotations

from agents.indicators.bar import Bar


def close_location(bar: Bar) -> float:
    """Close location value ``((c - l) - (h - c)) / (h - l)``: 1 at the high, -1 at the low.

    0 where the bar has no range. Its product with the volume is the money flow volume of ADL and
    CMF (Chaikin).

    >>> close_location(Bar(0, 1.0, 5.0, 1.0, 4.0)), close_location(Bar.flat(0, 1.0))
    (0.5, 0.0)
    """
    width = bar.high - bar.low
    return (2.0 * bar.close - bar.low - bar.high) / width if width > 0.0 else 0.0
