"""State of one symbol's market as its events leave it, and the rows of the open interval."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.errors import CrossedBook, MalformedMessage, OutOfSequence, RejectedInput
from schemas.frame import NO_DERIVATIVES, Book, DepthBands, Derivatives, Known, Quality, TradeFlag
from streams.book import IntLevels, OrderBook
from streams.continuity import DepthContinuity, QuoteContinuity, TradeContinuity, Verdict
from streams.events import (
    AT_RECEIPT,
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    FeedEvent,
    Levels,
    LinkEvent,
    LiquidationEvent,
    SnapshotKind,
    TouchEvent,
    TradeEvent,
)
from streams.interval import Interval
from streams.scaling import FinerValue, Scale, known

HEARD = ("book", "derivatives", "touch", "trades")
"""Channels that speak again and again where they are not dead."""
COMPARED = 20
"""Levels a side that books are compared on: what the venue with the fewest tells."""
_NON_MARKET, _RECOVERED = int(TradeFlag.NON_MARKET), int(TradeFlag.RECOVERED_LATE)


class SymbolState:
    """Folds events into integers: scales, book, last quotes, derivatives, continuity.

    ``derive_touch``: the source has no stream of best prices, so the changes of the book's best
    levels stand in for it, until one is seen after all. ``snapshot_limits``: see
    :meth:`OrderBook.replace`; ``best_levels``: see :class:`OrderBook`.
    """

    def __init__(
        self,
        *,
        snapshot_limits: tuple[int, ...] = (),
        derive_touch: bool = False,
        best_levels: int | None = None,
    ) -> None:
        self.price = Scale()
        self.qty = Scale()
        self.book = OrderBook(best_levels=best_levels)
        self.interval = Interval()
        self.derivatives = NO_DERIVATIVES
        self.derive_touch = derive_touch
        self.depth = DepthContinuity()
        self.tape = TradeContinuity()
        self.down: frozenset[str] = frozenset()
        """Channels that are down now."""
        self.started_ns = 0
        self._quotes = QuoteContinuity()
        self._snapshot_limits = snapshot_limits
        self.had_book = False
        self._last_touch = (0, 0, 0, 0)
        self.heard_ns = dict.fromkeys(HEARD, 0)
        """Receive time of the last message of each channel's stream."""
        self._handlers: dict[type, Callable[[int, Any], None]] = {
            TradeEvent: self._on_trade,
            TouchEvent: self._on_touch,
            BookDiff: self._on_diff,
            BookSnapshot: self._on_snapshot,
            LiquidationEvent: self._on_liquidation,
            DerivativesEvent: self._on_derivatives,
            LinkEvent: self._on_link,
        }

    def start(self, now_ns: int) -> None:
        """Nothing was heard before; silence counts from here."""
        self.started_ns = now_ns
        self.heard_ns = dict.fromkeys(HEARD, now_ns)

    def open_interval(self) -> None:
        """The open interval was told; begin the next."""
        self.interval = Interval()
        self.interval.down = self.down
        self.book.clear_flows()

    def add(self, receive_ns: int, event: FeedEvent) -> None:
        """Take an event; :class:`RejectedInput` if it must not reach a frame, and is counted."""
        self.interval.news = True
        try:
            self._fold(receive_ns, event)
        except RejectedInput:
            self.interval.rejects += 1
            raise

    def reject(self) -> None:
        """Count a message that could not even become an event."""
        self.interval.news = True
        self.interval.rejects += 1

    def book_part(self, levels: int) -> Book | None:
        """The book as it stands, with the flows of the open interval."""
        book = self.book
        if not self.depth.synced:
            return None
        bid_price, bid_qty = book.bids.top(levels)
        ask_price, ask_qty = book.asks.top(levels)
        return Book(
            update_id=book.update_id,
            exchange_ns=book.exchange_ns,
            bid_price=bid_price,
            bid_qty=bid_qty,
            ask_price=ask_price,
            ask_qty=ask_qty,
            bid_added=book.bids.added,
            bid_removed=book.bids.removed,
            ask_added=book.asks.added,
            ask_removed=book.asks.removed,
        )

    def band_part(self) -> DepthBands | None:
        """Depth near mid, from the full book."""
        return DepthBands(*self.book.depth_bands()) if self.depth.synced else None

    def quality(self, close_ns: int, *, stale_after_ns: int) -> Quality:
        """How far the open interval can be trusted.

        ``book`` is stale after that long without a diff. ``touch`` is stale after that long without
        a change only if the book contradicts the last one: silence alone is a quiet market. So it
        is for trades, whose ids tell at the next one whether any was missed. A channel that was
        down within the interval is stale too.
        """
        interval = self.interval
        stale = sorted(interval.down)
        heard_ns = self.heard_ns
        if close_ns - heard_ns["book"] > stale_after_ns and "book" not in stale:
            stale.append("book")
        if (
            "touch" not in stale
            and close_ns - heard_ns["touch"] > stale_after_ns
            and self.touch_contradicted
        ):
            stale.append("touch")
        return Quality(
            missing_ids=interval.missing_ids,
            ids_verifiable=self.tape.verifiable,
            book_synced=self.depth.synced,
            resyncs=interval.resyncs,
            stale=tuple(stale),
            skew_ns=interval.skew_ns(),
            rejects=interval.rejects,
        )

    def shows(self, snapshot: BookSnapshot) -> bool:
        """Whether the best levels of the book are those of a snapshot."""
        price, qty, book = -self.price.exponent, -self.qty.exponent, self.book
        return all(
            [(Decimal(p), Decimal(q)) for p, q in told[:COMPARED]]
            == [
                (Decimal(p).scaleb(price), Decimal(q).scaleb(qty))
                for p, q in zip(*side.top(COMPARED), strict=True)
            ]
            for side, told in ((book.bids, snapshot.bids), (book.asks, snapshot.asks))
        )

    @property
    def touch_contradicted(self) -> bool:
        """Whether the book's best prices are others than the last of the stream of best prices."""
        return not self.derive_touch and self._best() != self._last_touch

    def _fold(self, receive_ns: int, event: FeedEvent) -> None:
        # Handlers look up every number before they change anything, so they can be tried again.
        handler = self._handlers[type(event)]
        while True:
            try:
                return handler(receive_ns, event)
            except FinerValue as finer:
                self._grow(finer.scale, finer.text)

    def _grow(self, scale: Scale, text: str) -> None:
        factor = scale.grow(text)
        price_factor, qty_factor = (factor, 1) if scale is self.price else (1, factor)
        self.book.rescale(price_factor, qty_factor)
        self.interval.rescale(price_factor, qty_factor)
        bid, bid_qty, ask, ask_qty = self._last_touch
        self._last_touch = (
            bid * price_factor,
            bid_qty * qty_factor,
            ask * price_factor,
            ask_qty * qty_factor,
        )

    def _on_trade(self, receive_ns: int, event: TradeEvent) -> None:
        price, qty = self.price[event.price], self.qty[event.qty]
        if not (price and qty) and not event.flags & _NON_MARKET:
            raise MalformedMessage(f"trade {event.id} of {event.qty} at {event.price}")
        interval = self.interval
        if event.flags & _RECOVERED:
            # What happened before the feed began is history, which comes by other ways.
            missing = None if event.exchange_ns < self.started_ns else self.tape.recover(event)
        else:
            missing = self.tape.follow(event)
        if missing is None:
            return
        interval.missing_ids += missing
        if not event.flags & _RECOVERED:
            interval.tape_ns = event.exchange_ns
            self.heard_ns["trades"] = receive_ns
        interval.trades.append(
            (event.exchange_ns, receive_ns, price, qty, event.side, event.id, event.flags)
        )

    def _on_touch(self, receive_ns: int, event: TouchEvent) -> None:
        prices, quantities = self.price, self.qty
        bid, bid_qty = prices[event.bid_price], quantities[event.bid_qty]
        ask, ask_qty = prices[event.ask_price], quantities[event.ask_qty]
        if bid >= ask and bid_qty and ask_qty:
            raise CrossedBook(f"best bid {event.bid_price} at or above best ask {event.ask_price}")
        self._quotes.follow(event.update_id)
        self.derive_touch = False
        self.heard_ns["touch"] = receive_ns
        self._last_touch = (bid, bid_qty, ask, ask_qty)
        interval = self.interval
        interval.touches.append(
            (
                receive_ns,
                event.exchange_ns,
                event.update_id,
                bid,
                bid_qty,
                ask,
                ask_qty,
                len(interval.trades),
            )
        )

    def _on_diff(self, receive_ns: int, event: BookDiff) -> None:
        depth = self.depth
        # What only waits for a snapshot needs no scale yet.
        try:
            levels = (self._scaled(event.bids), self._scaled(event.asks)) if depth.synced else None
        except RejectedInput:
            depth.skip(event)
            raise
        self.heard_ns["book"] = receive_ns
        if depth.judge(event) is not Verdict.APPLY or levels is None:
            return
        try:
            self.book.apply(*levels)
        except CrossedBook:
            depth.lose()
            raise
        self._book_changed(receive_ns, event.last_id, event.exchange_ns)

    def _on_snapshot(self, receive_ns: int, event: BookSnapshot) -> None:
        bids, asks = self._scaled(event.bids), self._scaled(event.asks)
        depth = self.depth
        if event.kind is SnapshotKind.SENT:
            self.heard_ns["book"] = receive_ns
            depth.forget_waiting()
        elif event.kind is SnapshotKind.WHOLE and depth.synced:
            self._on_next_book(receive_ns, event, bids, asks)
            return
        elif depth.last_id is not None and event.update_id < depth.last_id:
            return  # the diffs have brought the book further already
        try:
            self.book.replace(bids, asks, limits=self._snapshot_limits)
        except CrossedBook:
            depth.lose()
            raise
        # One that is asked for while there is a book only tells what lies beyond its edge.
        anew = not (depth.synced and event.kind is SnapshotKind.ASKED)
        self.interval.resyncs += self.had_book and anew
        self.had_book = True
        waiting = depth.restart(event.update_id)
        self._book_changed(receive_ns, event.update_id, event.exchange_ns)
        failure: RejectedInput | None = None
        for diff in waiting:
            try:
                self._fold(receive_ns, diff)
            except RejectedInput as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _on_next_book(
        self, receive_ns: int, event: BookSnapshot, bids: IntLevels, asks: IntLevels
    ) -> None:
        depth = self.depth
        self.heard_ns["book"] = receive_ns
        if depth.last_id is not None and event.update_id < depth.last_id:
            raise OutOfSequence(f"book {event.update_id} after {depth.last_id}: dropped")
        try:
            self.book.renew(bids, asks)
        except CrossedBook:
            depth.lose()
            raise
        depth.last_id = event.update_id
        self._book_changed(receive_ns, event.update_id, event.exchange_ns)

    def _on_link(self, _receive_ns: int, event: LinkEvent) -> None:
        channels = frozenset(event.channels)
        self.interval.down |= channels
        if event.up:
            self.down -= channels
            return
        self.down |= channels
        if "book" in channels:
            self.depth.lose()
            self.depth.forget_waiting()

    def _book_changed(self, receive_ns: int, update_id: int, exchange_ns: int | None) -> None:
        book = self.book
        book.update_id = update_id
        book.exchange_ns = exchange_ns
        self.interval.book_ns = exchange_ns
        if self.derive_touch and (best := self._best()) != self._last_touch:
            self._last_touch = best
            trades = len(self.interval.trades)
            self.interval.touches.append((receive_ns, exchange_ns, update_id, *best, trades))

    def _on_liquidation(self, receive_ns: int, event: LiquidationEvent) -> None:
        # Its price may be an average.
        price, qty = self.price.between_steps(event.price), self.qty[event.qty]
        if not (price and qty):
            raise MalformedMessage(f"liquidation of {event.qty} at {event.price}")
        row = (event.exchange_ns, receive_ns, event.side, price, qty)
        self.interval.liquidations.append(row)

    def _on_derivatives(self, receive_ns: int, event: DerivativesEvent) -> None:
        old = self.derivatives
        known_ns = receive_ns if event.known_ns == AT_RECEIPT else event.known_ns
        if event.mark_price is not None or event.index_price is not None:  # others are polled
            self.heard_ns["derivatives"] = receive_ns

        def newer(text: str | None, held: Known | None) -> Known | None:
            return held if text is None else known(text, known_ns)

        self.derivatives = Derivatives(
            mark_price=newer(event.mark_price, old.mark_price),
            index_price=newer(event.index_price, old.index_price),
            funding_rate=newer(event.funding_rate, old.funding_rate),
            next_funding_ns=event.next_funding_ns or old.next_funding_ns,
            open_interest=newer(event.open_interest, old.open_interest),
            long_short_ratio=newer(event.long_short_ratio, old.long_short_ratio),
        )

    def _best(self) -> tuple[int, int, int, int]:
        """Best bid and ask with their quantities; all 0 on an empty side, or without a book."""
        if not self.depth.synced:
            return (0, 0, 0, 0)
        return (*self.book.bids.best_level(), *self.book.asks.best_level())

    def _scaled(self, levels: Levels) -> IntLevels:
        prices, quantities = self.price, self.qty
        return [(prices[price], quantities[qty]) for price, qty in levels]
