"""Large orders that come near the touch, and what becomes of them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from agents.indicators.decay import fade
from agents.indicators.ewma import Ewma
from schemas.frame import Book, Frame, TradeFlag, Trades

_NON_MARKET = int(TradeFlag.NON_MARKET)
_TRACKED = 8


@dataclass
class Tracked:
    """A large order that rests: a bid (side 1) or an ask (-1), quantities in mantissas."""

    side: int
    price: int
    qty: int
    traded: int


@dataclass
class Tally:
    """Decaying counts of one side."""

    placed: float = 0.0
    pulled: float = 0.0
    filled: float = 0.0


@dataclass
class LargeOrders:
    """Counts of large orders placed near the touch, and pulled or filled, by side.

    Placed: a level among the best ``near`` grew by at least ``multiple`` times the usual level
    quantity there within one frame. It ends when less than ``rest`` of that growth is left: filled
    if trades at its price took at least half of what went, else pulled. Counts halve every
    ``half_life_s``. Unit: orders. Warm-up: two frames with a book. Bounded: the last 8 orders are
    followed; a change of exponents, or a price that leaves the known levels, ends following. Cost
    per update: O(near), O(levels) while orders are followed.

    >>> thin = Book(1, None, (9, 8), (2, 2), (10, 11), (2, 2))
    >>> same = Book(2, None, (9, 8), (2, 2), (10, 11), (2, 2))
    >>> thick = Book(3, None, (9, 8), (2, 99), (10, 11), (2, 2))
    >>> orders = LargeOrders()
    >>> for i, book in enumerate((thin, same, thick, thin)):
    ...     orders.update(Frame("v", "s", 0, i, i, i * 1000, True, 0, 0, book=book))
    >>> round(orders.bid.placed, 3), round(orders.bid.pulled, 3), orders.ask.placed
    (1.0, 1.0, 0.0)
    """

    near: int = 10
    multiple: float = 5.0
    rest: float = 0.3
    half_life_s: float = 300.0
    usual: Ewma = field(default_factory=lambda: Ewma(half_life_s=300.0))
    tracked: list[Tracked] = field(default_factory=list)
    bid: Tally = field(default_factory=Tally)
    ask: Tally = field(default_factory=Tally)
    before: Book | None = None
    exponents: tuple[int, int] = (0, 0)
    seen_ns: int | None = None

    def update(self, frame: Frame) -> None:
        """Take in the book and the trades of one frame."""
        if frame.is_tick or self.tracked:
            self._fade(frame.close_ns)
        book = frame.book
        exponents = (frame.price_exponent, frame.qty_exponent)
        if book is None or not book.bid_qty or not book.ask_qty or exponents != self.exponents:
            self.before, self.exponents = book, exponents
            self.tracked.clear()
            return
        if self.tracked:
            self._follow(frame, book)
        before = self.before
        if before is None or before.update_id != book.update_id:
            self._seek(frame, book)
            self.before = book

    def _fade(self, close_ns: int) -> None:
        """Let the counts fade up to now: at ticks, and before anything is added to them."""
        before_ns, self.seen_ns = self.seen_ns, close_ns
        if before_ns is None:
            return
        kept = fade(close_ns - before_ns, self.half_life_s)
        for tally in (self.bid, self.ask):
            tally.placed *= kept
            tally.pulled *= kept
            tally.filled *= kept

    def _seek(self, frame: Frame, book: Book) -> None:
        """Find levels near the touch that grew by a large order since the book before."""
        near = self.near
        bids, asks = book.bid_qty[:near], book.ask_qty[:near]
        usual = self.usual.value
        total = sum(bids) + sum(asks)  # ints
        mean = total / (len(bids) + len(asks)) / 10**frame.qty_exponent
        self.usual.update(mean, frame.close_ns)
        before = self.before
        if usual is None or before is None:
            return
        large = self.multiple * usual * 10**frame.qty_exponent
        if max(bids) >= large:
            for price, qty in zip(book.bid_price, bids, strict=False):
                if qty >= large:
                    grown = qty - _resting(before, 1, price, unknown=qty)
                    self._place(1, price, grown, large, frame.close_ns)
        if max(asks) >= large:
            for price, qty in zip(book.ask_price, asks, strict=False):
                if qty >= large:
                    grown = qty - _resting(before, -1, price, unknown=qty)
                    self._place(-1, price, grown, large, frame.close_ns)

    def _place(self, side: int, price: int, grown: int, large: float, close_ns: int) -> None:
        if grown < large:
            return
        self._fade(close_ns)
        (self.bid if side > 0 else self.ask).placed += 1.0
        self.tracked.append(Tracked(side, price, grown, 0))
        if len(self.tracked) > _TRACKED:
            del self.tracked[0]

    def _follow(self, frame: Frame, book: Book) -> None:
        """See what became of the orders that are followed."""
        traded = _traded_at(frame.trades)
        kept = []
        for order in self.tracked:
            order.traded += traded.get(order.price, 0)
            left = _resting(book, order.side, order.price, unknown=-1)
            if left < 0:
                continue
            if left >= self.rest * order.qty:
                kept.append(order)
                continue
            tally = self.bid if order.side > 0 else self.ask
            if 2 * order.traded >= order.qty - left:
                tally.filled += 1.0
            else:
                tally.pulled += 1.0
        self.tracked = kept


def _traded_at(trades: Trades) -> dict[int, int]:
    """Market quantity by price."""
    traded: dict[int, int] = {}
    for price, qty, flag in zip(trades.price, trades.qty, trades.flags, strict=True):
        if not flag & _NON_MARKET:
            traded[price] = traded.get(price, 0) + qty
    return traded


def _resting(book: Book, side: int, price: int, *, unknown: int) -> int:
    """Quantity at a price; ``unknown`` where the price lies beyond the known levels."""
    if side > 0:
        prices, quantities = book.bid_price, book.bid_qty
        if not prices or price < prices[-1]:
            return unknown
        at = bisect_left(prices, -price, key=_negated)
    else:
        prices, quantities = book.ask_price, book.ask_qty
        if not prices or price > prices[-1]:
            return unknown
        at = bisect_left(prices, price)
    return quantities[at] if at < len(prices) and prices[at] == price else 0


def _negated(price: int) -> int:
    return -price
