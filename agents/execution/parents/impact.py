"""Impact of an order by the book that is shown: what walking its levels would cost.

With levels ``(p_i, q_i)``, the best first, an order of quantity Q pays ``Σ p_i · x_i`` with
``Σ x_i = Q`` and ``x_i <= q_i``, each level in full before the next. Its impact is the mean price's
distance from the best one. That is the cost of taking liquidity as Kyle (1985) has it for a linear
book; it knows nothing of what comes back into the book afterwards, which is why the children of a
split order keep a distance in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.execution.parents.view import Level
from schemas.frame import Side
from schemas.money import CONTEXT, floor_to_step

ZERO = Decimal(0)
ONE = Decimal(1)
_BPS = Decimal(10_000)


def within_impact(
    levels: Sequence[Level], side: Side, limit_bps: Decimal, step: Decimal
) -> Decimal:
    """Largest quantity, in whole steps, whose mean price is at most ``limit_bps`` from the best.

    All that is shown if that is cheaper. Cost: O(levels).

    >>> book = [(Decimal(100), Decimal(1)), (Decimal(102), Decimal(9))]
    >>> within_impact(book, Side.BUY, Decimal(100), Decimal("0.5"))
    Decimal('2.0')
    """
    if not levels:
        return ZERO
    move = CONTEXT.divide(limit_bps, _BPS)
    shifted = CONTEXT.add(ONE, CONTEXT.multiply(move, Decimal(side.value)))
    bound = CONTEXT.multiply(levels[0][0], shifted)
    qty = slack = ZERO
    """``slack`` is how much cheaper the quantity so far is than all of it at the bound."""
    for price, there in levels:
        worse = CONTEXT.multiply(CONTEXT.subtract(price, bound), Decimal(side.value))
        cost = CONTEXT.multiply(worse, there)
        if cost > slack:
            return floor_to_step(CONTEXT.add(qty, CONTEXT.divide(slack, worse)), step)
        qty, slack = CONTEXT.add(qty, there), CONTEXT.subtract(slack, cost)
    return floor_to_step(qty, step)
