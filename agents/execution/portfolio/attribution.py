"""Who earned it: the profit of a closed position, shared by what its signal was made of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from agents.execution.ledger import EXACT
from schemas.money import CONTEXT, decimal_of
from schemas.score import Contribution

ZERO = Decimal(0)
UNATTRIBUTED = "unattributed"
"""The name under which stands what no signal accounts for."""

_STEP = Decimal("1E-18")
_ROUNDED = Context(prec=96, rounding=ROUND_HALF_EVEN)


def shared(profit: Decimal, contributions: Sequence[Contribution]) -> dict[str, Decimal]:
    """``profit · contribution / (score − 50)`` by dimension; the shares sum to the profit exactly.

    A dimension that leaned against the signal has a share below 0: it gains where the position
    lost. Shares are rounded to 18 decimals, and the largest takes what that leaves.

    >>> parts = (Contribution("a", 90.0, 0.5, 20.0), Contribution("b", 40.0, 0.5, -5.0))
    >>> {name: str(part.normalize()) for name, part in shared(Decimal(3), parts).items()}
    {'a': '4', 'b': '-1'}
    """
    weights = {c.dimension: decimal_of(c.contribution) for c in contributions if c.contribution}
    total = ZERO
    for weight in weights.values():
        total = CONTEXT.add(total, weight)
    if not total:
        return {UNATTRIBUTED: profit}
    parts = {}
    left = profit
    for name, weight in weights.items():
        part = CONTEXT.divide(CONTEXT.multiply(profit, weight), total)
        parts[name] = part.quantize(_STEP, context=_ROUNDED)
        left = EXACT.subtract(left, parts[name])
    largest = max(sorted(weights), key=lambda name: abs(weights[name]))
    parts[largest] = EXACT.add(parts[largest], left)
    return parts


def add_to(totals: dict[str, Decimal], name: str, amount: Decimal) -> None:
    """Add an amount under a name."""
    totals[name] = EXACT.add(totals.get(name, ZERO), amount)
