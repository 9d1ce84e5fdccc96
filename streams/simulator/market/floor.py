"""Where orders are traded: the book, the tape and the positions, at one time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from schemas.frame import NS_PER_MS, Side
from streams.events import BookDiff, BookSnapshot, Event, Levels, TradeEvent
from streams.simulator.market.book import MatchingBook
from streams.simulator.market.orders import Fill, Force, Order, Outcome, SelfTrade
from streams.simulator.market.positions import Positions
from streams.simulator.market.source import Rules, decimals


class TradingFloor:
    """The one way to the book, for the market's own agents and for customers from outside.

    An order trades at once, at ``now_ns``; its trades and what it changed in the book are told with
    the market's next events. Owners from outside choose names that do not begin with ``agent:``.
    ``on_fill`` is called with the time and every fill, whoever traded. Prices are ticks, quantities
    steps; :meth:`price_text` and :meth:`qty_text` make decimal text of them.

    Times are told in whole milliseconds, as the venues do.
    """

    def __init__(self, rules: Rules, positions: Positions, *, start_ns: int) -> None:
        self.rules = rules
        self.book = MatchingBook()
        self.positions = positions
        self.now_ns = start_ns
        self.last_price: int | None = None
        self.on_fill: Callable[[int, Fill], None] | None = None
        self.price_text = _Text(rules.tick_size)
        self.qty_text = _Text(rules.qty_step)
        self._pending: list[tuple[int, Event]] = []
        self._trade_id = 0
        self._told_id = 0

    def limit(
        self,
        owner: str,
        side: Side,
        *,
        price: int,
        qty: int,
        force: Force = Force.GTC,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> Outcome:
        """As :meth:`MatchingBook.limit`."""
        return self._traded(
            self.book.limit(owner, side, price=price, qty=qty, force=force, self_trade=self_trade)
        )

    def market(
        self,
        owner: str,
        side: Side,
        *,
        qty: int,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> Outcome:
        """As :meth:`MatchingBook.market`."""
        return self._traded(self.book.market(owner, side, qty=qty, self_trade=self_trade))

    def amend(self, order_id: int, *, price: int, qty: int, force: Force = Force.GTC) -> Outcome:
        """As :meth:`MatchingBook.amend`."""
        return self._traded(self.book.amend(order_id, price=price, qty=qty, force=force))

    def cancel(self, order_id: int) -> Order:
        """As :meth:`MatchingBook.cancel`."""
        return self.book.cancel(order_id)

    def tell(self, event: Event) -> None:
        """Add an event of the present to what is told next."""
        self._pending.append((self.now_ns, event))

    def told(self) -> list[tuple[int, Event]]:
        """Events since the last call, in order."""
        events, self._pending = self._pending, []
        return events

    @property
    def stamp_ns(self) -> int:
        """The present in whole milliseconds."""
        return self.now_ns - self.now_ns % NS_PER_MS

    def tell_snapshot(self) -> None:
        """Tell the whole book."""
        book = self.book
        book.changed.clear()
        self._told_id = book.updates
        bids, asks = (self._levels(side.depth()) for side in (book.bids, book.asks))
        self.tell(BookSnapshot(self.rules.venue_id, self.stamp_ns, self._told_id, bids, asks))

    def tell_diff(self) -> None:
        """Tell the levels that changed since this was last called, if any did."""
        book = self.book
        if not book.changed:
            return
        sides: dict[Side, list[tuple[int, int]]] = {Side.BUY: [], Side.SELL: []}
        for side, price in book.changed:
            level = book.side(side).levels.get(price)
            sides[side].append((price, 0 if level is None else level.qty))
        book.changed.clear()
        before, self._told_id = self._told_id, book.updates
        bids, asks = (self._levels(sides[side]) for side in (Side.BUY, Side.SELL))
        self.tell(
            BookDiff(
                self.rules.venue_id, self.stamp_ns, before + 1, self._told_id, before, bids, asks
            )
        )

    def _traded(self, outcome: Outcome) -> Outcome:
        for fill in outcome.fills:
            self._trade_id += 1
            self.last_price = fill.price
            self.positions.trade(fill.taker_owner, fill.taker_side, fill.price, fill.qty)
            self.positions.trade(fill.maker_owner, Side(-fill.taker_side), fill.price, fill.qty)
            self.tell(
                TradeEvent(
                    symbol=self.rules.venue_id,
                    exchange_ns=self.stamp_ns,
                    price=self.price_text(fill.price),
                    qty=self.qty_text(fill.qty),
                    side=int(fill.taker_side),
                    flags=0,  # the tape of no venue tells which trades were forced
                    id=self._trade_id,
                    first_id=self._trade_id,
                    last_id=self._trade_id,
                )
            )
            if self.on_fill is not None:
                self.on_fill(self.now_ns, fill)
        return outcome

    def _levels(self, levels: list[tuple[int, int]]) -> Levels:
        price, qty = self.price_text, self.qty_text
        return [(price(ticks), qty(steps)) for ticks, steps in levels]


class _Text:
    """Multiples of a step as decimal text, with as many digits behind the point as it has.

    >>> _Text(Decimal("0.05"))(3)
    '0.15'
    """

    def __init__(self, step: Decimal) -> None:
        self._decimals = decimals(step)
        self._factor = int(step.scaleb(self._decimals))

    def __call__(self, count: int) -> str:
        digits = str(count * self._factor)
        places = self._decimals
        if not places:
            return digits
        if len(digits) <= places:
            digits = digits.rjust(places + 1, "0")
        return f"{digits[:-places]}.{digits[-places:]}"
