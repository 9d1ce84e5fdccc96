"""What routing keeps: the last book of each venue, and parts of entries that wait for theirs."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.parents.view import Level
from agents.execution.stop_plan import StopPlan
from schemas.frame import Book, Side
from schemas.signal import Signal


class Quote(msgspec.Struct, frozen=True):
    """A book as it was at a frame's close, and the venue's filters then."""

    close_ns: int
    price_exponent: int
    qty_exponent: int
    book: Book
    step: Decimal
    least: Decimal

    def levels(self, side: Side) -> list[Level]:
        """What an order of a side would take from, the best level first."""
        prices, quantities = (
            (self.book.ask_price, self.book.ask_qty)
            if side is Side.BUY
            else (self.book.bid_price, self.book.bid_qty)
        )
        return [
            (Decimal(p).scaleb(-self.price_exponent), Decimal(q).scaleb(-self.qty_exponent))
            for p, q in zip(prices, quantities, strict=True)
        ]


class Routed(msgspec.Struct, frozen=True):
    """A part of an entry for another venue, with the signal and the stop plan that it has there."""

    signal: Signal
    plan: StopPlan
    side: Side
    qty: Decimal
    reason: str
