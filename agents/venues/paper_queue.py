"""Where a resting order stands in the queue at its price, and what the tape gives it.

An order that comes to rest stands behind all that is shown at its price. Trades at the price take
from what is ahead, and only what they take beyond that fills the order; a trade through the price
shows that the whole level was taken. A price beyond the known levels has an unknown queue: until
it comes into view only a trade through it fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from schemas.frame import Frame, Side, TradeFlag
from schemas.money import CONTEXT
from schemas.order import Order

ZERO = Decimal(0)
_NOT_OURS = TradeFlag.NON_MARKET | TradeFlag.RECOVERED_LATE
"""Trades without a taker, and trades of an earlier time."""


class Working(msgspec.Struct):
    """An order on its way to the venue, or resting there.

    ``ahead`` is the quantity before it in the queue, ``None`` while nobody knows; ``shown`` what
    the book showed at its price when last looked at. ``triggered`` is the trade that set a stop
    off: from then on it is a market order that gets no better price.
    """

    order: Order
    arrives_ns: int
    resting: bool = False
    ahead: Decimal | None = None
    shown: Decimal = ZERO
    triggered: Decimal | None = None

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return CONTEXT.subtract(self.order.qty, self.order.filled_qty)


class Tape:
    """The trades of one frame that can meet an order, and how much of each our orders had."""

    def __init__(self, frame: Frame) -> None:
        trades = frame.trades
        self._frame = frame
        self._taken: dict[int, Decimal] = {}
        self._rows = [
            row
            for row in zip(trades.price, trades.qty, trades.side, trades.flags, strict=True)
            if not row[3] & _NOT_OURS
        ]
        prices = [row[0] for row in self._rows]
        self.low = frame.price(min(prices)) if prices else None
        self.high = frame.price(max(prices)) if prices else None

    def reaches(self, side: Side, price: Decimal) -> bool:
        """Whether a trade is at or beyond the price of a resting order of this side."""
        if self.low is None or self.high is None:
            return False
        return self.low <= price if side is Side.BUY else self.high >= price

    def first_beyond(self, price: Decimal, *, falling: bool) -> Decimal | None:
        """Price of the first trade at or below (``falling``), or at or above, a trigger."""
        limit = price.scaleb(self._frame.price_exponent)
        for mantissa, *_ in self._rows:
            if mantissa <= limit if falling else mantissa >= limit:
                return self._frame.price(mantissa)
        return None

    def fill(self, working: Working, price: Decimal, want: Decimal) -> Decimal:
        """Quantity that the tape gives a resting order; its place in the queue moves up."""
        side = working.order.side
        limit = _mantissa(price, self._frame)
        buys = side is Side.BUY
        got = ZERO
        for at, (mantissa, quantity, aggressor, _) in enumerate(self._rows):
            beyond = mantissa - limit if buys else limit - mantissa
            if beyond > 0 or (beyond == 0 and aggressor == side):
                continue
            there = CONTEXT.subtract(self._frame.qty(quantity), self._taken.get(at, ZERO))
            if beyond < 0:
                working.ahead = ZERO
            elif working.ahead is None:
                continue
            else:
                before = min(working.ahead, there)
                working.ahead = CONTEXT.subtract(working.ahead, before)
                there = CONTEXT.subtract(there, before)
            qty = min(there, CONTEXT.subtract(want, got))
            if qty > 0:
                self._taken[at] = CONTEXT.add(self._taken.get(at, ZERO), qty)
                got = CONTEXT.add(got, qty)
        return got

    def traded_at(self, price: Decimal, side: Side) -> Decimal:
        """Quantity that aggressors took from resting orders of a side at exactly this price."""
        limit = _mantissa(price, self._frame)
        total = sum(  # ints
            quantity for at, quantity, by, _ in self._rows if at == limit and by == -side
        )
        return self._frame.qty(total)


def by_priority(resting: Sequence[Working]) -> list[Working]:
    """Resting limit orders, the best price first, then by time: as a venue would fill them."""
    return sorted(resting, key=lambda w: -(w.order.price or ZERO) * w.order.side)


def shown_at(frame: Frame, side: Side, price: Decimal) -> Decimal | None:
    """Quantity shown at a price; 0 where there is none, ``None`` beyond the known levels."""
    book = frame.book
    if book is None:
        return None
    buys = side is Side.BUY
    prices, quantities = (book.bid_price, book.bid_qty) if buys else (book.ask_price, book.ask_qty)
    limit = _mantissa(price, frame)
    if not prices or (limit < prices[-1] if buys else limit > prices[-1]):
        return None
    return frame.qty(quantities[prices.index(limit)]) if limit in prices else ZERO


def _mantissa(price: Decimal, frame: Frame) -> int | Decimal:
    """A price as the frame counts prices: whole, unless its ticks have become larger since."""
    scaled = price.scaleb(frame.price_exponent)
    whole = int(scaled)
    return whole if whole == scaled else scaled


def look_again(working: Working, frame: Frame, tape: Tape | None, *, cancels: Decimal) -> None:
    """Note what the book shows at an order's price now; ``cancels`` of what left stood ahead."""
    order = working.order
    if order.price is None or (not cancels and working.ahead is not None):
        return
    shown = shown_at(frame, order.side, order.price)
    if shown is None:
        return
    if working.ahead is None:
        working.ahead = shown
    elif cancels:
        traded = tape.traded_at(order.price, order.side) if tape is not None else ZERO
        gone = CONTEXT.subtract(CONTEXT.subtract(working.shown, traded), shown)
        if gone > 0:
            ahead = CONTEXT.subtract(working.ahead, CONTEXT.multiply(gone, cancels))
            working.ahead = max(ahead, ZERO)
    working.shown = shown
