"""Taking from the book of a frame: level by level, never more than is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from schemas.frame import Frame, Side
from schemas.money import CONTEXT

ZERO = Decimal(0)


class Take(NamedTuple):
    """A quantity taken at a price."""

    price: Decimal
    qty: Decimal


class ShownBook:
    """The book at one frame's close, less what our orders have taken from it in this frame."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._taken: dict[tuple[int, int], Decimal] = {}

    def best(self, side: Side) -> Decimal | None:
        """Best price that an order of this side would take."""
        prices, _ = self._levels(side)
        return self._frame.price(prices[0]) if prices else None

    def meets(self, side: Side, limit: Decimal) -> bool:
        """Whether an order of this side and limit would take."""
        best = self.best(side)
        return best is not None and (best - limit) * side.value <= 0

    def takes(self, side: Side, qty: Decimal, limit: Decimal | None = None) -> list[Take]:
        """What an order would take, best level first; nothing is taken yet."""
        takes = []
        left = qty
        prices, quantities = self._levels(side)
        for mantissa, quantity in zip(prices, quantities, strict=True):
            price = self._frame.price(mantissa)
            if left <= 0 or (limit is not None and (price - limit) * side.value > 0):
                break
            taken = self._taken.get((side, mantissa), ZERO)
            there = min(left, CONTEXT.subtract(self._frame.qty(quantity), taken))
            if there > 0:
                takes.append(Take(price, there))
                left = CONTEXT.subtract(left, there)
        return takes

    def take(self, side: Side, takes: list[Take]) -> None:
        """Take it: other orders of this frame do not find it any more."""
        for price, qty in takes:
            at = (int(side), int(price.scaleb(self._frame.price_exponent)))
            self._taken[at] = CONTEXT.add(self._taken.get(at, ZERO), qty)

    def _levels(self, side: Side) -> tuple[tuple[int, ...], tuple[int, ...]]:
        book = self._frame.book
        if book is None:
            return (), ()
        if side is Side.BUY:
            return book.ask_price, book.ask_qty
        return book.bid_price, book.bid_qty
