"""Which venues an order should go to: the cheapest levels of all their books, fees counted in.

An order of side s that takes from a level at price p where the fee is f pays ``p · (1 + s·f)`` a
unit; a rebate is a fee below 0. Levels of all venues in that order, each in full before the next,
give the least cost that any split can have, since a level's price does not depend on what is taken
elsewhere. What the shown books do not hold goes to the first venue.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from agents.execution.parents.view import Level
from schemas.frame import Side
from schemas.money import CONTEXT, common_step, floor_to_step

ZERO = Decimal(0)
ONE = Decimal(1)


class Offer(NamedTuple):
    """What a venue offers: levels of the side to take from, the best first, and its terms.

    ``fee`` is a share of the notional. ``step`` and ``least`` (minimum notional) are its filters.
    """

    key: str
    levels: Sequence[Level]
    fee: Decimal
    step: Decimal
    least: Decimal = ZERO


def route(side: Side, qty: Decimal, offers: Sequence[Offer]) -> dict[str, Decimal]:
    """Quantity by venue, all of it in the end; the first venue is the one that it came from.

    Parts of the others are whole steps of theirs and of the first's, so that its own part is whole
    steps too, and at least their minimum notional; what that leaves goes to the first. If that is
    less than its own minimum, it gets that much. At equal cost an earlier venue is preferred.
    Cost: O(levels log).

    >>> one = Offer("a", [(Decimal(100), Decimal(2))], Decimal("0.001"), Decimal(1))
    >>> two = Offer("b", [(Decimal(100), Decimal(2))], Decimal(0), Decimal(1))
    >>> route(Side.BUY, Decimal(3), [one, two])
    {'a': Decimal('1'), 'b': Decimal('2')}
    """
    first, *others = offers
    parts = _elsewhere(side, qty, offers, first)
    least = _least_qty(first)
    if 0 < CONTEXT.subtract(qty, _sum(parts.values())) < least:
        parts = _elsewhere(side, CONTEXT.subtract(qty, least), others, first)
    found = {first.key: CONTEXT.subtract(qty, _sum(parts.values())), **parts}
    return {key: part for key, part in found.items() if part > 0}


def _elsewhere(
    side: Side, qty: Decimal, offers: Sequence[Offer], first: Offer
) -> dict[str, Decimal]:
    """Parts of the venues other than the first, of a quantity that these offers share."""
    parts, left = {offer.key: ZERO for offer in offers}, qty
    for _, number, there in sorted(_levels(side, offers)):
        if left <= 0:
            break
        taken = min(there, left)
        key = offers[number].key
        parts[key], left = CONTEXT.add(parts[key], taken), CONTEXT.subtract(left, taken)
    found = {}
    for offer in offers:
        whole = floor_to_step(parts[offer.key], common_step(offer.step, first.step))
        if offer is not first and whole >= _least_qty(offer):
            found[offer.key] = whole
    return found


def _least_qty(offer: Offer) -> Decimal:
    """The fewest whole steps that are worth the minimum notional; 0 where no price is known."""
    if not offer.levels:
        return ZERO
    worth = CONTEXT.divide(offer.least, offer.levels[0][0])
    return -floor_to_step(-worth, offer.step)


def _sum(parts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for part in parts:
        total = CONTEXT.add(total, part)
    return total


def _levels(side: Side, offers: Sequence[Offer]) -> list[tuple[Decimal, int, Decimal]]:
    """Cost of a unit, signed so that less is better, number of the venue, quantity."""
    found = []
    for number, offer in enumerate(offers):
        rate = CONTEXT.add(ONE, CONTEXT.multiply(offer.fee, Decimal(side.value)))
        for price, there in offer.levels:
            cost = CONTEXT.multiply(CONTEXT.multiply(price, rate), Decimal(side.value))
            found.append((cost, number, there))
    return found
