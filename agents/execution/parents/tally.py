"""What is added up of a parent while it is worked, for the record of its quality."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.ledger import EXACT
from schemas.frame import Side
from schemas.order import Fill

ZERO = Decimal(0)


class Tally(msgspec.Struct):
    """Sums over the fills: ``cost`` is Σ price · quantity; ``improvement`` that against the price
    that could have been taken when each child was sent.
    """

    cost: Decimal = ZERO
    fees: Decimal = ZERO
    maker_qty: Decimal = ZERO
    improvement: Decimal = ZERO
    first_ns: int | None = None
    last_ns: int | None = None

    def take(self, fill: Fill, *, other: Decimal, side: Side) -> None:
        """Take a fill; ``other`` is the price that its order could have taken when it was sent."""
        self.cost = EXACT.add(self.cost, EXACT.multiply(fill.price, fill.qty))
        self.fees = EXACT.add(self.fees, fill.fee)
        if fill.maker:
            self.maker_qty = EXACT.add(self.maker_qty, fill.qty)
        if other:
            better = EXACT.multiply(EXACT.subtract(other, fill.price), Decimal(side.value))
            self.improvement = EXACT.add(self.improvement, EXACT.multiply(better, fill.qty))
        self.first_ns = fill.tick_ns if self.first_ns is None else self.first_ns
        self.last_ns = fill.tick_ns
