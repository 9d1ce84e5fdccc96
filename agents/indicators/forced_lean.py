"""What forced closes do to the price: first they push it, then nobody is left to be forced."""

from __future__ import annotations

from agents.indicators.clamp import clamp

NORMAL = 2.0
"""How many times its normal a volume has to be for half of the largest lean."""


def forced_lean(now: tuple[float, float], before: tuple[float, float], *, fresh: float) -> float:
    """Lean in [-1, 1] of forced volume ``(longs, shorts)``, in units of what is normal.

    ``(1 - x) L(now) - x L(before)``, with ``L(l, s) = (s - l) / (s + l + 2)``: the imbalance of the
    two sides times ``n / (n + 2)``, ``n`` the volume over normal. ``now`` are the last moments,
    ``before`` a longer while; ``fresh`` is the pace now over that of the longer while and ``x =
    1 - fresh``, held to [0, 1], the exhaustion. While a run goes on the forced side is pushed on;
    as it ends the lean turns against the run: reversal potential.

    >>> forced_lean((0.0, 6.0), (0.0, 2.0), fresh=1.0), forced_lean((0.0, 0.0), (0.0, 2.0), fresh=0)
    (0.75, -0.5)
    """
    spent = 1.0 - clamp(fresh, 0.0, 1.0)
    return (1.0 - spent) * _pushed(*now) - spent * _pushed(*before)


def _pushed(longs: float, shorts: float) -> float:
    return (shorts - longs) / (shorts + longs + NORMAL)
