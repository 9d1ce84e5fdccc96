"""Keyed orders against one symbol's market: what takers find, and when resting orders fill.

The market is what the source tells and does not see keyed orders: they are neither in the public
book nor on the public tape, and do not meet one another. What a taker took of a level is gone for
later takers until the level changes.

An order that comes to rest stands behind all that is shown at its price. A trade at the price
takes first from what is ahead, and fills the order with the rest; a trade through the price fills
it up to the trade's quantity. Where less is shown than was ahead, what stands ahead is what is
shown. A book that comes to cross the order fills it at its own price, up to what crosses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from schemas.frame import Side
from schemas.money import CONTEXT, floor_to_step
from streams.simulator.exchange.listing import BookChange, Listing, Trade, Update
from streams.simulator.exchange.trading.orders import ZERO, Force, Order
from streams.simulator.exchange.trading.prices import best_price
from streams.simulator.exchange.trading.rejections import Reason

OnFill = Callable[[Order, Decimal, Decimal], Decimal]
"""Told order, quantity, price of a maker's fill; the quantity that it came to."""


class Matching:
    """One listing's keyed orders. ``on_fill`` is told what a resting order gets."""

    def __init__(self, listing: Listing, on_fill: OnFill) -> None:
        self._listing = listing
        self._on_fill = on_fill
        self._resting: dict[Side, list[Order]] = {Side.BUY: [], Side.SELL: []}
        self._taken: dict[Side, dict[float, Decimal]] = {Side.BUY: {}, Side.SELL: {}}

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Whether a limit order at this price would take."""
        best = best_price(self._listing, side)
        return best is not None and (best - price) * side <= 0

    def offers(self, side: Side, limit: Decimal | None) -> Iterator[tuple[Decimal, Decimal]]:
        """Price and quantity that a taker of this side finds, best first."""
        book = self._listing.book
        taken = self._taken[side]
        for price_text, qty_text in (book.asks if side is Side.BUY else book.bids).levels():
            price = Decimal(price_text)
            if limit is not None and (price - limit) * side > 0:
                return
            qty = CONTEXT.subtract(Decimal(qty_text), taken.get(float(price_text), ZERO))
            if qty > 0:
                yield price, qty

    def bought_for(self, side: Side, money: Decimal) -> Decimal:
        """What so much of the quote buys at the prices of the book, in whole steps."""
        bought = ZERO
        for price, qty in self.offers(side, None):
            got = min(qty, CONTEXT.divide(money, price))
            bought = CONTEXT.add(bought, got)
            money = CONTEXT.subtract(money, CONTEXT.multiply(got, price))
            if got < qty:
                break
        return floor_to_step(bought, self._listing.rules.qty_step)

    def cost(self, order: Order) -> Decimal:
        """What a taker of all that is left of an order pays, or gets, as far as there is enough."""
        left, cost = order.left, ZERO
        for price, qty in self.offers(order.side, order.price):
            got = min(qty, left)
            cost = CONTEXT.add(cost, CONTEXT.multiply(got, price))
            left = CONTEXT.subtract(left, got)
            if left <= 0:
                break
        return cost

    def unfit(self, order: Order) -> Reason | None:
        """Why an order cannot be as it must: post-only, or fill-or-kill."""
        force = order.ticket.force
        if force is Force.POST_ONLY and order.price is not None:
            return Reason.POST_ONLY if self.crosses(order.side, order.price) else None
        if force is not Force.FOK:
            return None
        there = ZERO
        for _, qty in self.offers(order.side, order.price):
            there = CONTEXT.add(there, qty)
        return Reason.FILL_OR_KILL if there < order.qty else None

    def take(self, side: Side, price: Decimal, qty: Decimal) -> None:
        """Take from a level."""
        taken = self._taken[side]
        key = float(price)
        taken[key] = CONTEXT.add(taken.get(key, ZERO), qty)

    def rest(self, order: Order) -> None:
        """Put an order behind what is shown at its price."""
        order.ahead = self._shown(order)
        side = self._resting[order.side]
        side.append(order)
        # Best price first, then by time: the sort is stable.
        side.sort(key=lambda other: -(other.price or ZERO) * other.side)

    def leave(self, order: Order) -> None:
        """Take a resting order out; nothing if it does not rest."""
        side = self._resting[order.side]
        if order in side:
            side.remove(order)

    def meet(self, update: Update) -> None:
        """The market went on."""
        match update:
            case Trade():
                self._meet_trade(update)
            case BookChange():
                self._meet_change(update)
            case _:
                return

    def _meet_trade(self, trade: Trade) -> None:
        side = Side(-trade.side)
        price, qty = Decimal(trade.price), Decimal(trade.qty)
        ours = ZERO
        for order in list(self._resting[side]):
            if not order.open or order.price is None:
                continue
            beyond = (price - order.price) * side
            if beyond > 0:
                return
            there = CONTEXT.subtract(qty, ours)
            if beyond < 0:
                order.ahead = ZERO
            else:
                before = min(order.ahead, there)
                order.ahead = CONTEXT.subtract(order.ahead, before)
                there = CONTEXT.subtract(there, before)
            got = min(there, order.left)
            if got > 0:
                ours = CONTEXT.add(ours, self._on_fill(order, got, order.price))

    def _meet_change(self, change: BookChange) -> None:
        for side, levels in ((Side.SELL, change.bids), (Side.BUY, change.asks)):
            taken = self._taken[side]
            if taken:
                for price, _ in levels:
                    taken.pop(float(price), None)
        for side in Side:
            for order in list(self._resting[side]):
                if not order.open or order.price is None:
                    continue
                if change.touched and self.crosses(side, order.price):
                    self._cross(order, order.price)
                else:
                    order.ahead = min(order.ahead, self._shown(order))

    def _cross(self, order: Order, price: Decimal) -> None:
        order.ahead = ZERO
        for at, qty in list(self.offers(order.side, price)):
            got = min(qty, order.left)
            if got <= 0 or not order.open:
                return
            self.take(order.side, at, self._on_fill(order, got, price))

    def _shown(self, order: Order) -> Decimal:
        book = self._listing.book
        assert order.price is not None
        return Decimal((book.bids if order.side is Side.BUY else book.asks).at(order.price))
