"""What it means that a crowd leans: company at first, a danger when everybody is in."""

from __future__ import annotations

import math

from agents.indicators.clamp import clamp

FOLLOW = 0.4
"""Largest lean of a crowd that confirms; being alone against one that is extreme is worth 1."""


def extremity(x: float, *, calm: float, extreme: float) -> float:
    """How extreme a leaning is: 0 up to ``calm``, 1 from ``extreme`` on, linear between.

    >>> [extremity(x, calm=1.0, extreme=3.0) for x in (-0.5, 2.0, -9.0)]
    [0.0, 0.5, 1.0]
    """
    size = abs(x)
    if size <= calm:
        return 0.0
    return (size - calm) / (extreme - calm) if size < extreme else 1.0


def crowd_lean(x: float, *, calm: float, extreme: float, follow: float | None = None) -> float:
    """Lean in [-1, 1] that a crowd's leaning ``x`` (0 is none) gives; odd, continuous, in pieces.

    - ``|x| <= calm``: confirming, ``follow``; by default ``0.4 x / calm``, rising in ``x``.
    - ``calm < |x| < extreme``: ``(1 - e) follow - e sign(x)`` with ``e`` the extremity: it turns,
      by default from 0.4 down to -1 in a straight line (through 0 at ``e = 2/7``).
    - ``|x| >= extreme``: contrarian, ``-sign(x)``.

    >>> [round(crowd_lean(x, calm=1.0, extreme=3.0), 12) for x in (0.5, 1.0, 2.0, 3.0, -9.0)]
    [0.2, 0.4, -0.3, -1.0, 1.0]
    """
    if follow is None:
        follow = FOLLOW * clamp(x / calm, -1.0, 1.0)
    turned = extremity(x, calm=calm, extreme=extreme)
    return (1.0 - turned) * follow - math.copysign(turned, x)
