"""One position of one account, one way: a signed quantity and its average entry."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from schemas.money import CONTEXT
from streams.simulator.exchange.listing import Listing
from streams.simulator.exchange.trading.orders import ZERO


@dataclass(kw_only=True, eq=False)
class Position:
    """``qty`` is in the base, negative for a short; money is in the settle asset.

    ``isolated_wallet`` is what an isolated position can lose; 0 with cross margin. ``realised``
    is what it has earned so far, without fees and funding.
    """

    listing: Listing
    leverage: int
    isolated: bool = False
    qty: Decimal = ZERO
    entry: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    realised: Decimal = ZERO
    updated_ns: int = 0

    def unrealised(self, mark: Decimal) -> Decimal:
        """What closing it at the mark price would earn."""
        return CONTEXT.multiply(CONTEXT.subtract(mark, self.entry), self.qty)

    def notional(self, mark: Decimal) -> Decimal:
        """Signed value at the mark price."""
        return CONTEXT.multiply(self.qty, mark)

    def trade(self, signed_qty: Decimal, price: Decimal) -> Decimal:
        """Take a fill of ``signed_qty`` (negative if sold); what it realised.

        What adds moves the average entry; what reduces does not; what goes through zero is a new
        position at the fill's price.
        """
        before, after = self.qty, CONTEXT.add(self.qty, signed_qty)
        closed = min(abs(before), abs(signed_qty)) if before * signed_qty < 0 else ZERO
        earned = CONTEXT.multiply(
            CONTEXT.subtract(price, self.entry), closed if before > 0 else -closed
        )
        self._isolate(before, after, price)
        if not after:
            self.entry = ZERO
        elif before * after <= 0:
            self.entry = price
        elif abs(after) > abs(before):
            cost = CONTEXT.add(
                CONTEXT.multiply(self.entry, before), CONTEXT.multiply(price, signed_qty)
            )
            self.entry = CONTEXT.divide(cost, after)
        self.qty = after
        self.realised = CONTEXT.add(self.realised, earned)
        return earned

    def _isolate(self, before: Decimal, after: Decimal, price: Decimal) -> None:
        """Move initial margin into what is isolated, or a closed share of it out again."""
        if not self.isolated:
            return
        if before * after <= 0:
            added, kept = abs(after), ZERO
        else:
            added = max(ZERO, CONTEXT.subtract(abs(after), abs(before)))
            kept = self.isolated_wallet
            if abs(after) < abs(before):
                kept = CONTEXT.divide(CONTEXT.multiply(kept, abs(after)), abs(before))
        margin = CONTEXT.divide(CONTEXT.multiply(added, price), Decimal(self.leverage))
        self.isolated_wallet = CONTEXT.add(kept, margin)
