"""What an algorithm sees of a frame: prices, depth, trades, and the venue's filters."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from schemas.frame import Book, Frame, Side, TradeFlag

ZERO = Decimal(0)
_NOT_MARKET = TradeFlag.NON_MARKET | TradeFlag.RECOVERED_LATE

Level = tuple[Decimal, Decimal]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A market at a frame's close.

    ``traded`` is the quantity that the market traded within the frame, ``notional`` that times its
    prices. ``step`` and ``tick`` are
    those of the venue, ``least`` its minimum notional.
    """

    frame: Frame
    traded: Decimal
    notional: Decimal
    step: Decimal
    tick: Decimal
    least: Decimal = ZERO

    @property
    def now_ns(self) -> int:
        """The close."""
        return self.frame.close_ns

    @property
    def book(self) -> Book | None:
        """The book, if both its sides are known: without them nothing is sent."""
        book = self.frame.book
        return book if book is not None and book.bid_price and book.ask_price else None

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid."""
        book = self.book
        return None if book is None else self.frame.price(book.ask_price[0] - book.bid_price[0])

    def own(self, side: Side) -> Decimal:
        """Best price of the orders of a side: where one of ours would rest; 0 without a book."""
        return self.other(Side.SELL if side is Side.BUY else Side.BUY)

    def other(self, side: Side) -> Decimal:
        """Best price that an order of a side would take; 0 without a book."""
        book = self.book
        if book is None:
            return ZERO
        return self.frame.price((book.ask_price if side is Side.BUY else book.bid_price)[0])

    def levels(self, side: Side) -> list[Level]:
        """What an order of a side would take from, the best level first."""
        book, frame = self.frame.book, self.frame
        if book is None:
            return []
        prices, quantities = (
            (book.ask_price, book.ask_qty) if side is Side.BUY else (book.bid_price, book.bid_qty)
        )
        pairs = zip(prices, quantities, strict=True)
        return [(frame.price(price), frame.qty(qty)) for price, qty in pairs]


def traded(frame: Frame) -> Decimal:
    """Quantity of the frame's trades between takers and makers that belong to its interval."""
    quantities = zip(frame.trades.qty, frame.trades.flags, strict=True)
    return frame.qty(sum(qty for qty, flags in quantities if not flags & _NOT_MARKET))  # ints


def notional(frame: Frame) -> Decimal:
    """Price times quantity of the same trades, added up."""
    rows = zip(frame.trades.price, frame.trades.qty, frame.trades.flags, strict=True)
    total = sum(price * qty for price, qty, flags in rows if not flags & _NOT_MARKET)  # ints
    return Decimal(total).scaleb(-frame.price_exponent - frame.qty_exponent)
