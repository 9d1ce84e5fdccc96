"""An order between its intent and the confirmation of all its fills."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.frame import Side
from schemas.money import CONTEXT
from schemas.order import Fill, Order

ZERO = Decimal(0)


class Confirmation(msgspec.Struct):
    """What is booked of an order. ``reason`` is why it was placed, ``ended`` its last report.

    ``leaves_nothing`` says that its last fill left none of what it was reducing.
    """

    reason: str
    qty: Decimal = ZERO
    notional: Decimal = ZERO
    leaves_nothing: bool = False
    ended: Order | None = None

    def take(self, fill: Fill, *, held_qty: Decimal) -> None:
        """Add a fill, with the signed position after it."""
        self.qty = CONTEXT.add(self.qty, fill.qty)
        self.notional = CONTEXT.add(self.notional, CONTEXT.multiply(fill.qty, fill.price))
        self.leaves_nothing = not held_qty or (held_qty > 0) == (fill.side is Side.BUY)
